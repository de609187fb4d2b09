#!/usr/bin/env bash
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run the ansible-test that is first on PATH, without a container engine, on a copy of the checkout: ansible_test.sh sanity|units [OPTION...]
# It accepts no path but ansible_collections/NAMESPACE/NAME, and no symbolic link to one.
set -euo pipefail
command=$1
shift
tools=$PWD/tools
home=$PWD/.cache/home
copy=$PWD/.cache/ansible-test/$command/ansible_collections/exasol_community/network
bin=$(dirname "$(command -v ansible-test)")

# The style of tests and benchmarks is ruff's to watch, under the same rules with reasons of their own (pyproject.toml).
quiet=1  # more is refused by the pip of Python 3.6
left_out=(':!benchmarks' ':!noxfile.py' ':!tests/consumers' ':!tests/firewall' ':!tests/integration' ':!tests/labs')
if [ "$command" = sanity ]; then
    quiet=2
    left_out+=(':!tests/unit')
fi
rm -rf "$copy"
mkdir -p "$copy" "$home/.ansible/test/cache" "$home/.config/pip"
git ls-files -z --cached --others --exclude-standard "${left_out[@]}" | tar --null --files-from=- --ignore-failed-read -c | tar -x -C "$copy"
git -C "$copy" init -q  # else the files are looked up in the repository around the copy, which ignores them

# It would download a script that installs pip, named by the version of pip that it wants.
requirements=$("$bin/python" -c 'import ansible_test, pathlib; print(pathlib.Path(ansible_test.__file__).parent / "_internal" / "python_requirements.py")')
sed -nE "s/.*\<pip='([0-9.]+)'.*/\1/p" "$requirements" | sort -u | while read -r version; do
    cp "$tools/get_pip.py" "$home/.ansible/test/cache/get_pip_${version//./_}.py"
done

# It passes on neither the variables nor the home that tell pip which registry to use; variables are listed first, and win.
pip_settings() {
    printf '[global]\nquiet = %s\n' "$quiet"
    pip config list | sed -nE "s/\\\\n/ /g; s/^[^=]*\.([a-z-]+)='(.*)'$/\1 = \2/p" | sort -s -u -k 1,1
}
(umask 077 && pip_settings > "$home/.config/pip/pip.conf")

path=$("$bin/python" "$tools/pythons.py")
cd "$copy"
export HOME=$home PATH=$bin:$path
if [ "$command" = sanity ]; then
    exec ansible-test sanity --color no "$@"
fi

# The oldest Python of managed hosts that this ansible-core knows and the modules support (tests/config.yml), and the controller's; each in an environment
# of its own.
known=$(python -c 'from ansible_test._util.target.common import constants as c; print(*c.REMOTE_ONLY_PYTHON_VERSIONS, *c.CONTROLLER_PYTHON_VERSIONS)')
known=${known#2.7 }
for version in ${known%% *} "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')"; do
    if ! python "$tools/pythons.py" "$version" >/dev/null; then
        echo "Python $version is not installed: its unit tests are skipped"
        continue
    fi
    ansible-test units --color no --requirements --target-python "venv/$version" "$@"
done
