# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What firewalld says over the system bus (firewalld.dbus(5), busctl(1)).

Each call of firewall-cmd starts a Python that asks there too, and takes many times as long. Where the bus
does not answer, or busctl is too old for JSON (before systemd 240), that is no error: firewall-cmd is asked.
"""

import json
from typing import Any, Dict, Optional

from .steps import run, which

_NAME, _PATH = "org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1"
_ASK = ("busctl", "--system", "--auto-start=no")
_STATE = (*_ASK, "get-property", _NAME, _PATH, _NAME, "state")
_BUS = "org.freedesktop.DBus"
_HAS_OWNER = (*_ASK, "call", _BUS, "/org/freedesktop/DBus", _BUS, "NameHasOwner", "s", _NAME)
# Of a policy, as firewall-cmd lists it: where getPolicySettings has it.
_FIELDS = {"priority": "priority", "target": "target"}
_LISTS = {"ingress-zones": "ingress_zones", "egress-zones": "egress_zones"}


def runs() -> Optional[bool]:
    """Tell whether firewalld runs, None if the bus does not tell.

    Without an owner of its name on the bus, firewall-cmd says that it does not.
    """
    if not which("busctl"):
        return None
    if run(_STATE).stdout.strip() == 's "RUNNING"':
        return True
    return False if run(_HAS_OWNER).stdout.strip() == "b false" else None


def policies() -> Optional[Dict[str, Dict[str, str]]]:
    """Return who and what the policies of the running firewall are about, None if the bus does not tell.

    The fields and texts are those of C(firewall-cmd --list-all-policies), without those for which nobody asks
    here.
    """
    if not which("busctl"):
        return None
    try:
        return {name: _fields(_ask("getPolicySettings", "s", name)) for name in _ask("getPolicies")}
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _ask(method: str, *arguments: str) -> Any:
    """Return what a method for policies answers; raise if it cannot be read."""
    command = (*_ASK, "--json=short", "call", _NAME, _PATH, f"{_NAME}.policy", method, *arguments)
    (answer,) = json.loads(run(command).stdout)["data"]
    return answer


def _fields(settings: Dict[str, Dict[str, Any]]) -> Dict[str, str]:
    values = {name: value["data"] for name, value in settings.items()}
    found = {field: str(values[name]) for field, name in _FIELDS.items() if name in values}
    if "disable" in values:
        found["disable"] = "yes" if values["disable"] else "no"
    for field, name in _LISTS.items():
        found[field] = " ".join(values.get(name, ()))
    found["rich rules"] = "\n".join(values.get("rich_rules", ()))
    return found
