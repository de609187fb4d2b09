#!/usr/bin/env bash
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run ansible-test sanity on a copy of the checkout: it accepts no path but ansible_collections/NAMESPACE/NAME, and no symbolic link to one.
set -euo pipefail
tools=$PWD/tools
home=$PWD/.cache/home
copy=$PWD/.cache/sanity/ansible_collections/exasol_community/network

rm -rf "$copy"
mkdir -p "$copy" "$home/.ansible/test/cache"
# The style of tests and benchmarks is ruff's to watch, under the same rules with reasons of their own (pyproject.toml).
git ls-files -z --cached --others --exclude-standard ':!benchmarks' ':!tests/consumers' ':!tests/firewall' ':!tests/integration' ':!tests/lab' ':!tests/unit' | tar --null --files-from=- --ignore-failed-read -c | tar -x -C "$copy"
git -C "$copy" init -q  # else the files are looked up in the repository around the copy, which ignores them

for version in 24_2 25_2; do
    cp "$tools/get_pip.py" "$home/.ansible/test/cache/get_pip_$version.py"
done

# ansible-test passes on neither the variables nor the home that tell pip which registry to use; variables are listed first, and win.
pip_settings() {
    printf '[global]\nquiet = 2\n'
    pip config list | sed -nE "s/\\\\n/ /g; s/^[^=]*\.([a-z-]+)='(.*)'$/\1 = \2/p" | sort -s -u -k 1,1
}
mkdir -p "$home/.config/pip"
(umask 077 && pip_settings > "$home/.config/pip/pip.conf")

path=$(python "$tools/pythons.py")
cd "$copy"
HOME=$home PATH=$tools/../.venv/bin:$path exec ansible-test sanity --color no "$@"
