# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place on managed nodes where our exceptions become a module's failure."""

from contextlib import contextmanager
from typing import Any, Iterator

from ansible.module_utils.basic import AnsibleModule

from .._values.errors import NetworkError


@contextmanager
def failures_of(module: AnsibleModule, **known: Any) -> Iterator[None]:
    """Turn a C(NetworkError) into C(fail_json) with the same text, and with what is known all the same."""
    try:
        yield
    except NetworkError as error:
        module.fail_json(msg=str(error), **known)
