#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetch the HTTP server's source from Debian's source package into packagecache/, with private apt
# lists, so that the machine's own apt set-up stays untouched. Does nothing when it is there.
set -eu
cd "$(dirname "$0")"
name=$(sed -n 's/^source_filename = //p' civetweb.wrap)
hash=$(sed -n 's/^source_hash = //p' civetweb.wrap)
mkdir -p packagecache
if echo "$hash  packagecache/$name" | sha256sum -c --status 2>/dev/null; then
    exit 0
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
mkdir -p "$tmp/parts" "$tmp/lists/partial" "$tmp/out"
if [ -e /etc/apt/sources.list.d/debian.sources ]; then
    sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$tmp/parts/debian.sources"
else # the one-line style of older installations
    sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$tmp/parts/debian.list"
fi
set -- -q -o Dir::Etc::SourceParts="$tmp/parts" -o Dir::Etc::SourceList=/dev/null \
    -o Dir::State::Lists="$tmp/lists" -o APT::Sandbox::User=root
apt-get "$@" update
(cd "$tmp/out" && apt-get "$@" source --download-only civetweb)
echo "$hash  $tmp/out/$name" | sha256sum -c -
mv "$tmp/out/$name" packagecache/
