# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a provider through its life in a network namespace, and returns what the own commands of the host list.

Run by test_namespaces.py within C(unshare --net); reads scenarios as JSON, prints what it saw as JSON.
"""

import json
import re
import subprocess
import sys

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    detect,
    iptables,
    nftables,
    rule,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    steps as _steps,
)

DUMPS = {"nftables": "nft -s list ruleset", "iptables": "iptables-save -t filter; ip6tables-save -t filter"}
RESETS = {
    "nftables": "nft flush ruleset",
    "iptables": "for t in iptables ip6tables; do $t -P INPUT ACCEPT; $t -P OUTPUT ACCEPT; $t -F; $t -X; done",
}
DUMPS["auto"], RESETS["auto"] = DUMPS["nftables"], RESETS["nftables"]


def running():
    """Return the firewall that the host runs, with what it holds now."""
    return detect.choose("auto")()


PROVIDERS = {"nftables": nftables.Nftables, "iptables": iptables.Iptables, "auto": running}


def shell(text):
    """Run a shell command; returns what it printed."""
    done = subprocess.run(
        ["sh", "-ec", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=30,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{text}: {done.stderr}")
    return done.stdout


def by_script(undo):
    """Take steps back as the timer does."""
    subprocess.run(
        ["/bin/sh"], input=_steps.script(undo), env={}, universal_newlines=True, timeout=30, check=True
    )


def dump(name):
    """Return the rule set without what changes by itself."""
    lines = [re.sub(r"\[\d+:\d+\]", "", line).rstrip() for line in shell(DUMPS[name]).splitlines()]
    return [
        line for line in lines if line and not re.match(r"#|\*|COMMIT|:(INPUT|OUTPUT|FORWARD) ACCEPT", line)
    ]


def wanted(scenario, provider):
    """Return the scenario's rules as the provider is to hold them."""
    rules = list(rule.from_plan(scenario["rules"], lambda name: []))
    if scenario.get("restrict"):
        rules += rule.restriction(rules, {22})
    return provider.wanted(rule.canonical(rules))


def live(scenario):
    """Take one scenario from nothing to present, back, to present again, to absent, and back."""
    name = scenario["provider"]
    make = PROVIDERS[name]
    shell(RESETS[name])
    shell(scenario["host"])
    seen = {"before": dump(name)}
    provider = make()
    seen["name"] = provider.name
    rules = wanted(scenario, provider)
    steps, undo, unused = provider.change_to(rules, False)
    # A timer may fire before anything was changed, and a step may fail halfway: the rollback restores the host from
    # everywhere.
    seen["problems"] = _steps.perform_all(undo)
    seen["rolled back at once"] = dump(name)
    _steps.perform(steps, lambda: _steps.perform_all(undo))
    seen["present"] = dump(name)
    seen["held"] = rule.lines(make().rules()) == rule.lines(rules)
    seen["second"] = [str(step) for step in make().change_to(rules, False).steps]
    seen["problems"] += _steps.perform_all(undo)
    seen["rolled back"] = dump(name)
    _steps.perform(make().change_to(rules, False).steps, list)
    shell(scenario.get("meanwhile", ":"))
    seen["disturbed"] = dump(name)
    steps, undo, unused = make().change_to(rules, False)
    _steps.perform(steps, lambda: _steps.perform_all(undo))
    seen["repaired"] = dump(name)
    shell(scenario.get("afterwards", ":"))
    seen["problems"] += _steps.perform_all(undo)
    seen["repaired rolled back"] = dump(name)
    steps, undo, unused = make().change_to((), False)
    _steps.perform(steps, lambda: _steps.perform_all(undo))
    seen["absent"] = dump(name)
    by_script(undo)
    seen["absent rolled back"] = dump(name)
    return seen


def roll_back(scenario):
    """Change from many rules to few and let the timer's script roll that back.

    Then break the command and let it try.
    """
    name = scenario["provider"]
    make = PROVIDERS[name]
    shell(scenario["host"])
    provider = make()
    _steps.perform(
        provider.change_to(wanted(dict(scenario, rules=scenario["many"]), provider), False).steps, list
    )
    seen = {"before": shell(DUMPS[name])}
    provider = make()
    steps, undo, unused = provider.change_to(wanted(scenario, provider), False)
    script = _steps.script(undo)
    _steps.perform(steps, list)
    seen["changed"] = shell(DUMPS[name])
    done = subprocess.run(
        ["/bin/sh"],
        input=re.sub("/[a-z/]*/(nft|ip6?tables-restore) ", "/bin/false ", script),
        env={},
        universal_newlines=True,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    seen["broken"], seen["said"], seen["still"] = done.returncode, done.stderr, shell(DUMPS[name])
    by_script(undo)
    seen["after"] = shell(DUMPS[name])
    return {
        key: re.sub(r"\[\d+:\d+\]|^#.*", "", text, flags=re.M) if isinstance(text, str) else text
        for key, text in seen.items()
    }


def main():
    """Live all scenarios; one that fails says so and leaves the others alone."""
    seen = []
    for scenario in json.load(sys.stdin):
        try:
            seen.append(roll_back(scenario) if "many" in scenario else live(scenario))
        except (RuntimeError, _steps.FirewallError) as error:
            seen.append({"error": str(error)})
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
