#!/usr/bin/env bash
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run some of make's targets at the same time: side_by_side.sh [TARGET...]
# What the first prints is seen at once, and what each other prints follows when the ones before it have ended, so that they stay apart. Each says at its
# end how long it took. Processes that ended after whoever started them, such as those of containers, are not in its processor time.
set -uo pipefail
outputs=$(mktemp -d)
running=()
trap '((${#running[@]})) && kill "${running[@]}" 2>/dev/null; rm -rf "$outputs"' EXIT

make_target() {
    TIMEFORMAT="make $1: %0R s, %0U + %0S s of a processor"
    time "${MAKE:-make}" --no-print-directory "$1"
}

for target in "${@:2}"; do
    make_target "$target" >"$outputs/$target" 2>&1 &
    running+=($!)
done
code=0
if (($#)); then
    make_target "$1" || code=$?
fi
for target in "${@:2}"; do
    wait "${running[0]}" || code=$((code ? code : $?))
    running=("${running[@]:1}")
    cat "$outputs/$target"
done
exit "$code"
