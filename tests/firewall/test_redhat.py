# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts as Red Hat's family has them, made of Debian's programs and Red Hat's files.

firewalld has the zones of RHEL 9. iptables is loaded by iptables.service and ip6tables.service from
/etc/sysconfig. On both hosts the only Python is /usr/libexec/platform-python, and no python3 is in PATH.
"""

from __future__ import annotations

import shlex

import pytest

from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import redhat

HOSTS = ("firewalld", "iptables")
SSH = {22}
OPENED = SSH | {2580, 8563}
PYTHON = "/usr/libexec/platform-python"
_KEPT = "/var/lib/exanet-debian"
_INTERPRETER = {host: {"ansible_python_interpreter": PYTHON} for host in HOSTS}
# firewall-cmd is a script of Python, whose first line names the platform's.
_PYTHON = f"""
mkdir -p {_KEPT} /usr/libexec
real=$(readlink -f /usr/bin/python3)
mv "$real" {PYTHON}-real
ln -s platform-python-real {PYTHON}
mv /usr/bin/python3 {_KEPT}/python3
echo "$real" > {_KEPT}/real
for script in /usr/bin/firewall-cmd /usr/sbin/firewalld; do
    cp -p $script {_KEPT}/$(basename $script)
    sed -i '1s|.*|#!{PYTHON}|' $script
done
! command -v python3 python3.11
"""
_DEBIAN = f"""
[ -e {_KEPT}/real ] || exit 0
mv {PYTHON}-real "$(cat {_KEPT}/real)"
mv {_KEPT}/python3 /usr/bin/python3
mv {_KEPT}/firewall-cmd /usr/bin/firewall-cmd
mv {_KEPT}/firewalld /usr/sbin/firewalld
[ ! -e {_KEPT}/netfilter-persistent ] || mv {_KEPT}/netfilter-persistent /usr/sbin/netfilter-persistent
rm -r {PYTHON} {_KEPT}
if [ -e /etc/sysconfig ]; then
    systemctl disable --quiet --now iptables ip6tables
    rm -r /etc/sysconfig /usr/libexec/iptables /etc/systemd/system/iptables.service
    rm /etc/systemd/system/ip6tables.service
    systemctl daemon-reload
fi
"""


def writing(path, text, mode="644"):
    """Return the command that writes a file."""
    return f"mkdir -p $(dirname {path}); printf %s {shlex.quote(text)} > {path}; chmod {mode} {path}\n"


def redhat_firewalld():
    """Return the script that gives firewalld the zones and the settings of RHEL 9."""
    release = redhat.RELEASES["9"]
    files = [
        writing(f"/etc/firewalld/zones/{name}.xml", redhat.zone_document(name, release))
        for name in redhat.ZONES
    ]
    settings = [
        f"sed -i 's/^{name}=.*/{name}={value}/' /etc/firewalld/firewalld.conf\n"
        for name, value in release.settings.items()
    ]
    return "".join([*files, *settings, "systemctl restart firewalld\nfirewall-cmd --quiet --state\n"])


def redhat_iptables():
    """Return the script that replaces netfilter-persistent by iptables-services."""
    script = f"mkdir -p {_KEPT}; systemctl disable --quiet --now netfilter-persistent\n"
    script += f"mv /usr/sbin/netfilter-persistent {_KEPT}/netfilter-persistent\n"
    script += writing(redhat.IPTABLES_INIT, redhat.STAND_IN, "755")
    for service in redhat.SERVICES_OF_IPTABLES:
        script += writing(service.path, service.sample, "600")
        script += writing(f"/etc/systemd/system/{service.command}.service", service.unit)
    return f"{script}systemctl daemon-reload\nsystemctl enable --quiet --now iptables ip6tables\n"


def configure(firewalls, **settings):
    text = redhat.config(**settings)
    commands = [writing(f"{service.path}-config", text) for service in redhat.SERVICES_OF_IPTABLES]
    firewalls.lab.execute("iptables", "".join(commands))


@pytest.fixture(scope="module")
def family(firewalls):
    """Both hosts, and afterwards Debian's again."""
    undo = dict.fromkeys(HOSTS, _DEBIAN)
    firewalls.lab.everywhere(undo)
    firewalls.reset(HOSTS)
    firewalls.lab.everywhere(
        {"firewalld": _PYTHON + redhat_firewalld(), "iptables": _PYTHON + redhat_iptables()}
    )
    try:
        yield firewalls
    finally:
        firewalls.lab.everywhere(undo)


def play(firewalls, hosts=HOSTS, **options):
    return firewalls.play(hosts, variables={host: _INTERPRETER[host] for host in hosts}, **options)


def reached(firewalls, source="client", hosts=HOSTS):
    return firewalls.traffic.reach([source], hosts)[source]


def both(ports):
    return {4: set(ports), 6: set(ports)}


@pytest.fixture(scope="module")
def story(family):
    """The life of an opening."""
    before = family.views(HOSTS)
    stages = {"before": reached(family), "answers": play(family), "present": reached(family)}
    stages["stranger"] = reached(family, "stranger")
    stages["zones"] = family.lab.execute("firewalld", "firewall-cmd --list-all-zones")
    stages["again"] = play(family)
    family.lab.everywhere(
        {
            # The second command waits until the first has loaded the rules.
            "firewalld": "systemctl restart firewalld\nfirewall-cmd --quiet --state",
            "iptables": "systemctl restart iptables ip6tables",
        }
    )
    stages["restarted"] = reached(family)
    stages["after restart"] = play(family)
    play(family, state="absent")
    stages["absent"] = reached(family)
    stages["views"] = {host: (before[host], family.views([host])[host]) for host in HOSTS}
    return stages


@pytest.mark.parametrize("host", HOSTS)
class TestFamily:
    def test_before_only_ssh_is_let_in(self, story, host):
        assert story["before"][host] == both(SSH)

    def test_rules_are_made_and_confirmed(self, story, host):
        answer = story["answers"][host]
        assert answer.result["confirmed"], answer
        assert answer.result["provider"] == host
        assert not answer.result.get("warnings")

    def test_the_plan_passes_and_nothing_else(self, story, host):
        assert story["present"][host] == both(OPENED)
        assert story["stranger"][host] == both(SSH)

    def test_second_run_changes_nothing(self, story, host):
        assert story["again"][host].word == "ok"
        assert not story["again"][host].changed

    def test_rules_are_there_when_the_service_has_restarted(self, story, host):
        assert story["restarted"][host] == both(OPENED)
        assert not story["after restart"][host].changed

    def test_nothing_is_left_when_they_are_removed(self, story, host):
        before, after = story["views"][host]
        assert story["absent"][host] == both(SSH)
        assert after.etc == before.etc
        assert after.leftovers == before.leftovers


def test_zones_are_those_of_the_package(story):
    listed = story["zones"]
    assert "services: cockpit dhcpv6-client ssh" in listed
    assert "8563" not in listed


# iptables-services


@pytest.fixture
def saved_by_the_service(family):
    """A host that saves its rules with counters when the service stops."""
    configure(family, **{redhat.SAVE_ON_STOP: True, redhat.SAVE_COUNTER: True})
    yield family
    play(family, ["iptables"], state="absent")
    configure(family, **{redhat.SAVE_ON_STOP: False, redhat.SAVE_COUNTER: False})


def test_rules_that_the_service_saves_itself_come_and_go(saved_by_the_service):
    lab, host = saved_by_the_service.lab, ["iptables"]
    restart = "systemctl restart iptables ip6tables"
    assert play(saved_by_the_service, host, persist=False)["iptables"].changed
    assert "EXASOL-IN" not in lab.execute("iptables", "cat /etc/sysconfig/iptables"), "the control"
    lab.execute("iptables", restart)
    assert "EXASOL-IN" in lab.execute("iptables", "cat /etc/sysconfig/iptables")
    assert reached(saved_by_the_service, hosts=host)["iptables"] == both(OPENED)
    assert not play(saved_by_the_service, host)["iptables"].changed
    assert play(saved_by_the_service, host, state="absent")["iptables"].changed
    lab.execute("iptables", restart)
    assert reached(saved_by_the_service, hosts=host)["iptables"] == both(SSH)
    assert "EXASOL" not in lab.execute("iptables", "cat /etc/sysconfig/iptables /etc/sysconfig/ip6tables")


def test_rules_that_are_not_saved_are_gone_when_the_service_has_restarted(family):
    """The positive control of the restart: the stand-in flushes what runs."""
    play(family, ["iptables"], persist=False)
    assert reached(family, hosts=["iptables"])["iptables"] == both(OPENED)
    family.lab.execute("iptables", "systemctl restart iptables ip6tables")
    assert reached(family, hosts=["iptables"])["iptables"] == both(SSH)


@pytest.mark.parametrize(
    ("change", "back", "fragment"),
    [
        (
            "systemctl disable -q ip6tables",
            "systemctl enable -q ip6tables",
            "ip6tables.service is not enabled",
        ),
        (
            "mv /etc/sysconfig/ip6tables /root/",
            "mv /root/ip6tables /etc/sysconfig/",
            "ip6tables.service loads /etc/sysconfig/ip6tables, which does not exist",
        ),
    ],
    ids=["not-enabled", "no-file"],
)
def test_ipv6_that_is_not_loaded_at_boot_is_reported(family, change, back, fragment):
    family.lab.execute("iptables", change)
    try:
        answer = play(family, ["iptables"], options=["--check"])["iptables"]
    finally:
        family.lab.execute("iptables", back)
    assert fragment in answer.message
    assert "not enabled" not in play(family, ["iptables"], options=["--check"])["iptables"].message, (
        "the control"
    )
