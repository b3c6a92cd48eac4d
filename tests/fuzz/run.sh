#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Run every fuzz target of a build for some seconds, two at a time, from the kept seeds. What it
# finds is left in BUILD_DIR/findings; a crash belongs into corpus/ and into a unit test.
# usage: run.sh BUILD_DIR SECONDS
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD_DIR SECONDS}" && pwd)
seconds=${2:?usage: run.sh BUILD_DIR SECONDS}
out=$build/findings
mkdir -p "$out"

one() { # one TARGET: 0 clean
    local target=$1 name=${1##*/fuzz_}
    mkdir -p "$out/$name" "$here/corpus/$name"
    # New inputs go to the first directory, which is not tracked.
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -close_fd_mask=1 \
        -artifact_prefix="$out/$name-" "$out/$name" "$here/corpus/$name" \
        < /dev/null > "$out/$name.log" 2>&1
}

targets=()
for t in "$build"/tests/fuzz/fuzz_*; do
    [ -f "$t" ] && [ -x "$t" ] && targets+=("$t")
done
[ ${#targets[@]} -gt 0 ] || { echo "no fuzz target was built"; exit 1; }

passed=0 failed=0
for ((i = 0; i < ${#targets[@]}; i += 2)); do
    pids=()
    for t in "${targets[@]:i:2}"; do
        one "$t" &
        pids+=($!)
    done
    for k in "${!pids[@]}"; do
        name=$(basename "${targets[i + k]}")
        if wait "${pids[k]}"; then
            runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$out/${name#fuzz_}.log")
            echo "ok - $name: ${runs:-some} runs"
            passed=$((passed + 1))
        else
            echo "not ok - $name (log: $out/${name#fuzz_}.log)"
            grep -E 'ERROR|SUMMARY|runtime error|Test unit' "$out/${name#fuzz_}.log" | head -n 5
            failed=$((failed + 1))
        fi
    done
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
