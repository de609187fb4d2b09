# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules of other collections say against the options of a task."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

# The module runs until it hands its specification over; the validation is that of ansible-core.
VALIDATE = """
import importlib, json, sys
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
place, name, asked = sys.argv[1], sys.argv[2], json.load(sys.stdin)
_AnsibleCollectionFinder(paths=[place])._install()
from ansible.module_utils import basic
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

class Found(BaseException):
    pass

def stop(self, argument_spec, **more):
    raise Found(argument_spec, more)

basic.AnsibleModule.__init__ = stop
collection, module_name = name.rsplit(".", 1)
module = importlib.import_module("ansible_collections." + collection + ".plugins.modules." + module_name)
try:
    module.main()
except Found as found:
    spec, more = found.args
kinds = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
validator = ModuleArgumentSpecValidator(spec, **{kind: more[kind] for kind in kinds if more.get(kind)})
print(json.dumps([validator.validate(options).error_messages for options in asked]))
"""


def errors(foreign: Path, module: str, asked: list[dict[str, t.Any]]) -> list[str]:
    """Return what a module's specification says against the options of each task."""
    done = subprocess.run(
        [sys.executable, "-c", VALIDATE, str(foreign), module],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [message for messages in json.loads(done.stdout.splitlines()[-1]) for message in messages]
