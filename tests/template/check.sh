#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the template outside of the tree, as its reader would: check.sh MESON INCLUDE_DIR
set -eu
meson=$1
include=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/meson.build "$here"/meson_options.txt "$here"/echo.c "$work"
"$meson" setup "$work/build" "$work" "-Dbackplane_include=$include" >"$work/log" 2>&1 &&
    "$meson" compile -C "$work/build" >>"$work/log" 2>&1 || {
    cat "$work/log"
    exit 1
}
symbols=$(nm -D --defined-only "$work/build/echo.so" | awk '{ print $3 }')
if [ "$symbols" != bp_plugin_entry_v0 ]; then
    echo "echo.so exports: $symbols"
    exit 1
fi
