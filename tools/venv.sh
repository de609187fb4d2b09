#!/usr/bin/env bash
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Make a virtual environment with pip: venv.sh PYTHON DIRECTORY
set -uo pipefail
python=$1 directory=$2

if [ -z "$python" ]; then
    echo "Python 3.11 or newer was not found: install it, or name it with make PYTHON=/path/to/python3" >&2
    exit 1
fi

# Debian keeps ensurepip in a package of its own: then pip comes from wherever there is one, at last from Debian's wheel of it.
with_pip_of() {
    "$python" -m venv --clear --without-pip "$directory" && "$python" "$@" --python "$directory/bin/python" install -q --ignore-installed pip
}
# apt's own state may be empty, as in a container's image, or not ours to write: so it has one here, which needs no root.
fetch_wheel() {
    mkdir -p "$scratch/state/lists/partial" "$scratch/cache/archives/partial"
    private=(-o "Dir::State=$scratch/state" -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$scratch/cache" -o APT::Sandbox::User=)
    (cd "$scratch" && apt-get "${private[@]}" update && apt-get "${private[@]}" download python3-pip-whl \
        && dpkg-deb -x ./*.deb . && mv usr/share/python-wheels/pip-*.whl pip.whl)
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

error=$("$python" -m venv --clear "$directory" 2>&1) && exit
{
    "$python" -m virtualenv -q "$directory" && exit
    with_pip_of -m pip && exit
    fetch_wheel && with_pip_of "$scratch/pip.whl/pip" && exit
} >/dev/null 2>&1

rm -rf "$directory"
[[ $error == *ensurepip* ]] || echo "$error" >&2
echo "No virtual environment could be made: apt-get install python3-venv (Debian, Ubuntu), or name another Python with make PYTHON=/path/to/python3" >&2
exit 1
