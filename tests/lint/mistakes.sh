#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Mistakes that a grep can find, as a gate. Each has a reason and prints the lines at fault.
cd "$(dirname "$0")/../.." || exit 1
bad=0

# never REASON REGEX PATHSPEC...: no tracked line matches.
never() {
    local reason=$1 regex=$2 hits
    shift 2
    hits=$(git grep -nP "$regex" -- "$@" ':!subprojects' ':!vmm/include' ':!tests/abi/headers')
    [ -z "$hits" ] && return
    echo "$reason:"
    sed 's/^/  /' <<< "$hits"
    bad=1
}

code=('vmm/*.[ch]' 'api/*.[ch]' 'plugins/*.[ch]' 'tests/*.[ch]')
product=('vmm/*.[ch]' 'api/*.[ch]' 'plugins/*.[ch]')

never "unbounded or ambiguous string function" \
    '(?<![\w>.])(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|alloca|gets)\s*\(' "${code[@]}"
never "a plugin asserts on what may be input" '(?<![\w])assert\s*\(' 'plugins/*.[ch]'
never "ends the process outside main" '(?<![\w>.])(abort|exit)\s*\(' "${product[@]}" ':!vmm/main'
never "a plugin ends the process" '(?<![\w>.])_exit\s*\(' 'plugins/*.[ch]'
never "element count with the wrong array" 'sizeof\s*\((\w+)\)\s*/\s*sizeof\s*\((?!\(?\1\)?\[0\]|\*\1)' \
    "${product[@]}" ':!vmm/core/cleanup.h'
never "include by a relative path" '#\s*include\s*"\.\./' "${code[@]}"
never "line comment" '^\s*//|[;{}]\s*//' "${code[@]}"
never "left undone" '\b(TODO|FIXME|XXX)\b' "${code[@]}" '*.sh' '*.py' '*meson.build' dev \
    ':!tests/lint'
# (api/contract.c is the contract's table of texts and counter names, which lists absent devices too.)
never "the core names a device" '(?i)virtio[_-]?(blk|net|vsock|balloon|rng)|rootfs|entropy' \
    'vmm/*.[ch]' 'api/*.[ch]' ':!api/contract.c'
never "guest memory copied outside mem/" 'memcpy\s*\([^;]*guestmem_(ptr|translate|at)' \
    "${product[@]}" ':!vmm/mem'

# A descriptor without CLOEXEC leaks into whatever is executed later. Calls may be wrapped and the
# flag be added just before, so it is looked for from eight lines above to the statement's end.
while read -r file; do
    awk -v f="$file" '
        { line = $0; gsub(/[a-z0-9_]+\([1-9]\)/, "", line) }
        line ~ /(^|[^A-Za-z0-9_>.])(open|openat|socket|socketpair|accept4|eventfd|timerfd_create|signalfd|memfd_create|epoll_create1|pipe2|dup3)\(/ \
            && line !~ /^ *\/?\*/ { text = above; start = NR; call = line }
        start { text = text line
            if (line ~ /[;{]/) {
                if (text !~ /CLOEXEC/) { print "  " f ":" start ": " call; found = 1 }
                start = 0 } }
        { last[NR % 8] = line; above = ""; for (i in last) above = above last[i] }
        END { exit found }' "$file" || { echo "descriptor without CLOEXEC (above)"; bad=1; }
done < <(git ls-files "${product[@]}" ':!vmm/include')
exit $bad
