#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The dependency direction: a folder may include from itself and from the folders named for it.
cd "$(dirname "$0")/../.." || exit 1

declare -A may=(
    [vmm/core]=""
    [vmm/loop]="core"
    [vmm/mem]="core"
    [vmm/bus]="core loop"
    [vmm/kvm]="core loop mem bus"
    [vmm/boot]="core mem bus kvm"
    [vmm/virtio]="core loop mem"
    [vmm/host]="core loop mem virtio"
    [vmm/plugin]="core loop mem virtio host"
    [vmm/vm]="core loop mem bus kvm boot virtio host plugin"
    [api]="core loop plugin vm"
    [vmm/main]="core loop mem bus kvm boot virtio host plugin vm api"
)
bad=0

for folder in "${!may[@]}"; do
    own=${folder##*/}
    while IFS=: read -r file line include; do
        [ -n "$file" ] || continue
        path=$(sed 's/.*"\(.*\)".*/\1/' <<< "$include")
        target=${path%%/*}
        [ "$target" = "$path" ] && continue # a neighbour in the same folder
        # A device knows the record of the plugin it came from, and nothing else of plugin/.
        [ "$folder $path" = "vmm/host plugin/registry.h" ] && continue
        # The router hands the host's table to a route's check() and call().
        [ "$folder $path" = "api host/host.h" ] && continue
        case " $own ${may[$folder]} " in
        *" $target "*) ;;
        *)
            echo "$file:$line: $folder may not include \"$path\""
            bad=1
            ;;
        esac
    done < <(git grep -n '^ *# *include *"' -- "$folder/*.c" "$folder/*.h")
done

# A plugin sees the public header, the system's, and its own folder.
while IFS=: read -r file line include; do
    [ -n "$file" ] || continue
    case "$include" in
    *'"backplane/plugin.h"'*) continue ;;
    esac
    path=$(sed 's/.*"\(.*\)".*/\1/' <<< "$include")
    if [ ! -e "$(dirname "$file")/$path" ] || [[ "$path" == */* ]]; then
        echo "$file:$line: a plugin may not include \"$path\""
        bad=1
    fi
done < <(git grep -n '^ *# *include *"' -- 'plugins/*.c' 'plugins/*.h')
exit $bad
