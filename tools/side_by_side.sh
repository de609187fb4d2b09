#!/usr/bin/env bash
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run two of make's targets at the same time: side_by_side.sh ONE OTHER
# What the other prints follows when it has ended, so that the two stay apart.
set -uo pipefail
one=$1 other=$2
output=$(mktemp)
trap 'kill "$running" 2>/dev/null; rm -f "$output"' EXIT

"${MAKE:-make}" --no-print-directory "$other" >"$output" 2>&1 &
running=$!
"${MAKE:-make}" --no-print-directory "$one"
first=$?
wait "$running"
second=$?
cat "$output"
exit $((first ? first : second))
