#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy over the product's sources; needs a build directory for its compile commands.
cd "$(dirname "$0")/../.." || exit 1
build=${1:?usage: tidy.sh BUILD_DIR}
command -v clang-tidy-14 > /dev/null || { echo "clang-tidy-14 is not installed"; exit 77; }
[ -e "$build/compile_commands.json" ] || { echo "no compile_commands.json in $build"; exit 1; }
git ls-files -z 'vmm/*.c' 'api/*.c' 'plugins/*.c' |
    xargs -0 -r -n 4 -P 2 clang-tidy-14 -p "$build" --quiet 2> /dev/null
