#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every C file is as clang-format 14 would write it.
cd "$(dirname "$0")/../.." || exit 1
command -v clang-format-14 > /dev/null || { echo "clang-format-14 is not installed"; exit 77; }
git ls-files -z '*.c' '*.h' ':!subprojects' ':!tests/abi/headers' |
    xargs -0 -r clang-format-14 --dry-run -Werror 2>&1 | grep -E 'error:' | cut -d: -f1 | sort | uniq -c |
    { ! grep . ; }
