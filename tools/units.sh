#!/usr/bin/env bash
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run the unit tests of what managed nodes execute on one version of Python, in a small environment of its own: units.sh VERSION [FILE OR OPTION OF PYTEST...]
set -euo pipefail
version=$1
shift
venv=.cache/python-$version

python=$(python tools/pythons.py "$version") || { echo "Python $version is not installed: its unit tests are skipped"; exit 0; }
if [ tests/unit/requirements.txt -nt "$venv/installed" ]; then
    tools/venv.sh "$python" "$venv"
    "$venv/bin/python" -m pip install -q 'pip ~= 21.3 ; python_version < "3.7"'  # an older pip may choose releases for newer Pythons
    "$venv/bin/python" -m pip install -q pytest pytest-xdist -r tests/unit/requirements.txt
    touch "$venv/installed"
fi

find plugins/modules plugins/module_utils -name '*.py' -exec "$venv/bin/python" -c '
import sys
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as source:
        compile(source.read(), name, "exec")
' {} +
# What differs between versions shows in a few examples, and not in what the kernel does with a hundred rule sets, or lets through for each way to lock out.
export EXANET_EXAMPLES=${EXANET_EXAMPLES:-10}
folder=tests/unit/plugins/module_utils/_firewall
once=("$folder/test_"{cutting,locking_out}.py)
# Nor does it show in what the kernel makes of our rules, or in who dies between two files, where the time goes. What an older Python lacks may show
# anywhere, and the oldest lacks most of all: it runs these too.
[ "$version" = 3.6 ] || once+=("$folder/test_"{namespaces,passage,phases}.py)

tests=(tests/unit/plugins/module_utils "${once[@]/#/--ignore=}")
for argument; do
    [ ! -e "${argument%%::*}" ] || tests=()  # of these files alone
done
exec "$venv/bin/python" -m pytest "${tests[@]}" --numprocesses=4 --dist=loadfile "$@"
