#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# List files, functions and folders worth a second look for size. Never fails.
cd "$(dirname "$0")/../.." || exit 1
mapfile -t sources < <(git ls-files '*.c' '*.h' ':!subprojects' ':!tests/abi/headers')

echo "files over 400 lines:"
wc -l "${sources[@]}" | awk '$2 != "total" && $1 > 400 { print "  " $1 " " $2 }' | sort -rn
echo "functions over 50 lines:"
for f in "${sources[@]}"; do
    # A function body starts and ends with a brace in the first column.
    awk -v f="$f" '/^\{/ { start = NR } /^\}/ && start {
        if (NR - start > 50) print "  " NR - start " " f ":" start
        start = 0 }' "$f"
done | sort -rn
echo "folders over 15 source files:"
printf '%s\n' "${sources[@]}" | grep '\.c$' | xargs -r -n 1 dirname | sort | uniq -c |
    awk '$1 > 15 { print "  " $1 " " $2 }'
exit 0
