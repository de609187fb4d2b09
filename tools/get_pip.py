# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the script that ansible-test would download to put pip into its environments.

Python's own pip does it.

It runs on each Python that has unit tests, 3.6 and newer.
"""

import subprocess
import sys

packages = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
pip = [sys.executable, "-m", "pip"]
if subprocess.call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
    pip = ["pip", "--python", sys.executable]  # Debian keeps ensurepip in a package of its own
sys.exit(subprocess.call([*pip, "install", *packages]))
