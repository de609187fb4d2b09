# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan, computed once on the controller."""

from __future__ import annotations

import itertools
import typing as t
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ..module_utils._ansible.options import table_options
from ..module_utils._firewall.restrict import read_restrict
from ..module_utils._plan.connections import CLIENT
from ..module_utils._plan.flows import Party
from ..module_utils._plan.ftp_modes import ACTIVE_PORTS, CONTROL_ROWS, MODES, FtpWishes
from ..module_utils._plan.plan import Wishes, flow_count, make_plan
from ..module_utils._plan.table_rows import NODE_PEERS
from ..module_utils._values.errors import NetworkError, closest
from ..plugin_utils._ansible.action import ControllerAction
from ..plugin_utils._inventory.play_checks import (
    check_connections,
    check_reality,
    check_themselves,
    check_together,
)
from ..plugin_utils._inventory.site_variables import (
    CONNECTION,
    NOTHING,
    RESTRICT,
    TEMPLATE,
    misspelt_variables,
)
from ..plugin_utils._inventory.topology import (
    DEFAULT_GROUPS,
    Inventory,
    Topology,
    default_peers,
    misspelt_groups,
)
from ..plugin_utils._payload.packed_plan import packed_plan
from ..plugin_utils._text import format_registry
from ..plugin_utils._text.format_registry import names

if t.TYPE_CHECKING:
    from ..module_utils._shapes import Plan

display = Display()
_UTILS = Path(format_registry.__file__).parents[1]
_FORMATS = {
    "exasol_report_formats": _UTILS / "_report" / "formats",
    "exasol_report_change_request": _UTILS / "_change_request" / "formats",
}


class HostVariables:
    """A host's variables; one that cannot be evaluated is named, with its host."""

    def __init__(self, host: str, variables: Mapping[str, t.Any]):
        self._host = host
        self._variables = variables

    def get(self, name: str, default: t.Any = None) -> t.Any:
        """Return the value of a variable, or the default."""
        try:
            return self._variables.get(name, default)
        except AnsibleError as error:
            raise NetworkError(
                f"host {self._host!r} has a variable {name} that cannot be evaluated ({error}); facts are "
                "known only where they were gathered before"
            ) from None


class ActionModule(ControllerAction):
    """Turn the inventory and the port table into what each host probes, listens on and lets through."""

    OPTIONS: t.ClassVar[dict[str, t.Any]] = dict(
        table_options(),
        peers={"type": "dict"},
        include={"type": "list", "elements": "str", "default": []},
        exclude={"type": "list", "elements": "str", "default": []},
        absent_peers={"type": "list", "elements": "str", "default": []},
        allow_any={"type": "bool", "default": False},
        check_denied={"type": "bool", "default": False},
        ftp_mode={"type": "str", "choices": list(MODES)},
        ftp_passive_ports={"type": "str"},
        ftp_active_ports={"type": "str", "default": ACTIVE_PORTS},
        together={"type": "bool", "default": False},
        hosts={"type": "list", "elements": "str"},
        pack={"type": "bool", "default": False},
        digest={"type": "bool", "default": False},
    )

    def act(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the plan."""
        every = variables.get("ansible_play_hosts_all", ())
        present_names = list(every if options["hosts"] is None else options["hosts"])
        if options["together"]:
            self._check_play(variables, present_names)
        groups, hostvars = variables["groups"], variables["hostvars"]
        inventory = Inventory(groups, lambda host: HostVariables(host, hostvars[host]))
        peers, notes = options["peers"], []
        if peers is None:
            # Before they are read: who plays a peer is such a variable itself.
            players = [host for group in DEFAULT_GROUPS.values() for host in groups.get(group, ())]
            self.check_site([*present_names, *players], variables, ["exasol_peers"])
            peers = default_peers(groups, self._templar.template(variables.get("exasol_peers")))
            notes = misspelt_groups(groups, peers)
        members = Topology(inventory).members(peers)
        wishes = Wishes(
            release=options["release"],
            overrides=options["overrides"],
            include=options["include"],
            exclude=options["exclude"],
            check_denied=options["check_denied"],
            ftp=FtpWishes(
                mode=options["ftp_mode"] or "",
                passive_ports=options["ftp_passive_ports"],
                active_ports=options["ftp_active_ports"],
            ),
            absent=options["absent_peers"],
            allow_any=options["allow_any"],
            releases=self._releases(members, variables),
            services=options["services"],
            connections=self._connections(members, present_names, variables),
        )
        present = [inventory.party(host) for host in present_names]
        plan = make_plan(wishes, members, present)
        self.check_site(plan["hosts"], variables)
        if options["together"]:
            self._check_connections(plan, present_names, hostvars)
            self._check_throughput(present_names, variables)
        else:
            self._check_restrict(present_names, variables)
        self._check_template(present_names, variables)
        self._check_formats(present_names, variables)
        notes += misspelt_variables(self.host_values(variables).names)
        plan["notes"] = (
            notes + plan["notes"] + (self._idle_login(plan, variables) if options["together"] else [])
        )
        for note in plan["notes"]:
            display.warning(note)
        packed = packed_plan(plan) if options["pack"] else plan
        found = {**packed, "flows": flow_count(plan), "run": uuid.uuid4().hex[:12]}
        if options["together"] and self._task.check_mode:
            found["check_mode"] = True
        if options["digest"]:
            # Only here: most plans are compared with no other.
            from ..plugin_utils._confirmation.reuse import digest_of

            found["digest"] = digest_of(plan, present_names, self.host_values(variables).of)
        return found

    def _check_template(self, present: Sequence[str], variables: Mapping[str, t.Any]) -> None:
        """Refuse a template for the report that cannot be used, before anything is measured."""
        # It is a variable of the site, so all hosts agree.
        for host in present[:1]:
            path = self.host_values(variables).of(host, TEMPLATE)
            if path not in (NOTHING, None, ""):
                # Only here: it brings the whole report along, which a plan without a template need not load.
                from ..plugin_utils._report.own_template import OwnTemplate

                OwnTemplate(str(path))

    def _check_formats(self, present: Sequence[str], variables: Mapping[str, t.Any]) -> None:
        """Refuse a format of the report that is not known, before anything is measured for it."""
        for host in present[:1]:
            for name, folder in _FORMATS.items():
                value = self.host_values(variables).of(host, name)
                given = value.split(",") if isinstance(value, str) else value
                known = names(folder)
                # What is no list of texts, the argument specification of the role report refuses.
                for one in given if isinstance(given, Sequence) else ():
                    if isinstance(one, str) and one.strip() and one.strip() not in known:
                        raise NetworkError(
                            f"{name} names {one.strip()!r}, which is no format: expected one of "
                            f"{', '.join(known)}{closest(one.strip().lower(), known)}"
                        )

    def _releases(
        self, members: Mapping[str, Iterable[Party]], variables: Mapping[str, t.Any]
    ) -> dict[str, str]:
        """Return the release of each node that has one of its own, as its cluster may."""
        values = self.host_values(variables)
        nodes = itertools.chain.from_iterable(members.get(peer, ()) for peer in NODE_PEERS)
        names = {party.name for party in nodes if party.managed}
        found = {host: values.of(host, "exasol_release") for host in sorted(names)}
        return {host: str(value) for host, value in found.items() if value not in (NOTHING, None, "")}

    def _connections(
        self, members: Mapping[str, Iterable[Party]], present: Iterable[str], variables: Mapping[str, t.Any]
    ) -> dict[str, t.Any]:
        """Return the connection string of each host that has one."""
        values = self.host_values(variables)
        clients = [party.name for party in members.get(CLIENT, ()) if party.managed]
        found = {host: values.of(host, CONNECTION) for host in clients}
        # Only those of clients are used, and need a value.
        for host in present:
            found.setdefault(host, values.raw(host, CONNECTION))
        return {host: text for host, text in found.items() if text not in (NOTHING, None, "")}

    def _check_connections(self, plan: Plan, present: Iterable[str], hostvars: Mapping[str, t.Any]) -> None:
        measured = [
            host for host in present if plan["hosts"][host]["probes"] or plan["hosts"][host]["endpoints"]
        ]
        own = self._task.connection
        check_connections(
            {
                host: str(HostVariables(host, hostvars[host]).get("ansible_connection") or own or "")
                for host in measured
            }
        )

    def _check_throughput(self, present: Iterable[str], variables: Mapping[str, t.Any]) -> None:
        """Refuse a limit that nothing would measure, before a run is spent on it."""
        values = self.host_values(variables)
        for host in itertools.islice(present, 1):  # all have the same
            limits, wanted = (values.of(host, f"exasol_verify_{name}") for name in ("limits", "throughput"))
            given = limits if isinstance(limits, Mapping) else {}
            measured = False if wanted is NOTHING else wanted
            if given or measured is not False:
                # Only here: a plan without either need not load how measurements are judged.
                from ..plugin_utils._verdict.limits import read_limits

                read_limits(given, throughput=measured)

    def _check_restrict(self, present: Iterable[str], variables: Mapping[str, t.Any]) -> None:
        """Refuse what a firewall could not be told, before anything is measured or changed."""
        values = self.host_values(variables)
        for host in present:
            value = values.of(host, RESTRICT)
            try:
                read_restrict(None if value is NOTHING else value)
            except NetworkError as error:
                raise NetworkError(f"{host}: {error}") from error

    def _idle_login(self, plan: Plan, variables: Mapping[str, t.Any]) -> list[str]:
        """Say of a login that a site gives for FTP that nobody will use it."""
        names = ("exasol_ftp_user", "exasol_ftp_password", "exasol_ftp_tls")
        values = {name: self._templar.template(variables.get(name)) for name in names}
        values["exasol_ftp_tls"] = boolean(values["exasol_ftp_tls"] or False, strict=False)
        given = [name for name, value in values.items() if value]
        if given and "exasol_ftp_user" not in given:
            return [f"{' and '.join(given)} has no effect without exasol_ftp_user: nobody logs in."]
        services = {entry["service"] for host in plan["hosts"].values() for entry in host["probes"]}
        if not given or services & set(CONTROL_ROWS):
            return []
        return [
            f"{given[0]} has no effect: no flow of {' or '.join(CONTROL_ROWS)} is planned, so nobody logs in."
        ]

    def _check_play(self, variables: Mapping[str, t.Any], present: Sequence[str]) -> None:
        check_reality(
            bool(self._task.check_mode), bool(variables.get("ansible_check_mode", self._task.check_mode))
        )
        # A host that has failed by now listens no more than one of another batch.
        hosts = set(variables["ansible_play_hosts"]) & set(present)
        check_together(self._task.get_play().strategy, variables["ansible_play_batch"], hosts)
        # Keywords at this task itself do no harm: it runs once and on the controller anyway. Those that it
        # inherits count for all tasks of the role. An inherited delegate_to may be a template that omits
        # itself.
        delegate_to = self._inherited("delegate_to") if self._task.delegate_to else None
        run_once = boolean(self._templar.template(self._inherited("run_once")), strict=False)
        check_themselves(delegate_to, run_once, hosts)

    def _inherited(self, keyword: str) -> t.Any:
        # What the role, block or play around the task sets. Ansible has no public way to ask for it: the
        # task's property of that name is its own value, and when a task runs, its block is finalized and does
        # not look around itself any more. Block._get_parent_attribute (ansible/playbook/block.py) does.
        value = self._task._parent._get_parent_attribute(keyword)
        return value if isinstance(value, (str, bool)) else None  # where nobody set it, Ansible's sentinel
