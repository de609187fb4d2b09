#!/usr/bin/env bash
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run some of make's targets at the same time: side_by_side.sh [TARGET...]
# What the first prints is seen at once, and what each other prints follows when the ones before it have ended, so that they stay apart.
set -uo pipefail
outputs=$(mktemp -d)
running=()
trap '((${#running[@]})) && kill "${running[@]}" 2>/dev/null; rm -rf "$outputs"' EXIT

for target in "${@:2}"; do
    "${MAKE:-make}" --no-print-directory "$target" >"$outputs/$target" 2>&1 &
    running+=($!)
done
code=0
if (($#)); then
    "${MAKE:-make}" --no-print-directory "$1" || code=$?
fi
for target in "${@:2}"; do
    wait "${running[0]}" || code=$((code ? code : $?))
    running=("${running[@]:1}")
    cat "$outputs/$target"
done
exit "$code"
