# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we render against the kernel and the tools themselves, in network namespaces that end with each command."""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    apply,
    interfaces,
    iptables,
    nftables,
    steps,
    ufw,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.ruleset import (
    Place,
    Ruleset,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    rule,
)

# As somebody else than root, a user namespace makes us root in it.
UNSHARE = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
HERE = os.path.dirname(os.path.abspath(__file__))
FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def inside(text, stdin="", seconds=60):
    """Run a shell command in a namespace of its own, for so many seconds at most."""
    environment = dict(
        os.environ,
        PATH="/usr/sbin:/sbin:" + os.environ.get("PATH", ""),
        PYTHONPATH=os.pathsep.join(path for path in sys.path if path),
        LC_ALL="C.UTF-8",
    )
    return subprocess.run(
        UNSHARE + ["sh", "-ec", text],
        input=stdin.encode("utf-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=seconds,
        env=environment,
        check=False,
    )


def inside_python(script, *words, stdin="", seconds):
    """Run a script of this folder in the same way; return what it prints."""
    command = [sys.executable, os.path.join(HERE, script)] + [str(word) for word in words]
    done = inside("exec " + " ".join(map(shlex.quote, command)), stdin, seconds)
    assert not done.returncode, done.stderr.decode("utf-8", "replace")
    return done.stdout.decode("utf-8")


# Once iptables-legacy was used anywhere, root alone reads these, and who is it in a user namespace is not.
READ_TABLES = "for t in /proc/net/ip*_tables_names; do [ ! -e $t ] || cat $t >/dev/null; done; "


def needs(text):
    """Skip where a command does not work in a namespace: no such tool, no right, or a kernel without it."""
    try:
        done = inside(READ_TABLES + text)
        problem = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] if done.returncode else []
    except OSError as error:
        problem = [str(error)]
    return pytest.mark.skipif(
        bool(problem),
        reason="needs root, and a network namespace in which {0!r} works: {1} (Debian: iptables, nftables)".format(
            text, " ".join(problem)
        ),
    )


NFT = needs("nft -j list ruleset")
IPTABLES = needs(
    "for t in iptables ip6tables; do $t -A INPUT -p tcp -m conntrack --ctstate ESTABLISHED --ctdir REPLY "
    "-m multiport --dports 1:2,4 -m comment --comment c -j REJECT; $t-save; done"
)


def works(text, stdin=""):
    """Run a command that has to succeed; returns what it printed."""
    done = inside(text, stdin)
    assert not done.returncode, "{0}\n{1}".format(done.stderr.decode("utf-8"), stdin)
    return done.stdout.decode("utf-8")


PLACES = [
    Place("inet", "filter", "input", "in"),
    Place("inet", "filter", "output", "out"),
    Place("ip", "four", "input", "in"),
    Place("ip6", "six", "output", "out"),
]
HOOKS = {"in": "input", "out": "output"}


@NFT
@given(cases.RULE_SETS)
@FEW
def test_nft_gives_back_what_we_render(rules):
    rules = cases.settled(rules)
    tables = "".join(
        f"add table {place.in_table}\nadd chain {place.in_table} {place.base} "
        f"{{ type filter hook {HOOKS[place.direction]} priority 0; policy drop; }}\n"
        for place in PLACES
    )
    ours = "".join(nftables.render_chain(place, rules) + nftables.render_jump(place) for place in PLACES)
    listing = works(
        "nft -f - && nft -j list ruleset",
        tables + ours + nftables.render_restrictions(one for one in rules if one.direction == "in"),
    )
    ruleset = Ruleset(json.loads(listing))
    assert ruleset.places() == sorted(PLACES)
    for place in PLACES:
        assert ruleset.ours(place) == tuple(
            one
            for one in rules
            if one.direction == place.direction and one.version in place.versions and one.action == "accept"
        )
        assert [position for position, handle in ruleset.jumps(place)] == [0]
    assert ruleset.restrictions() == tuple(one for one in rules if one.direction == "in")


@IPTABLES
@given(cases.RULE_SETS)
@FEW
def test_iptables_gives_back_what_we_render(rules):
    rules = cases.settled(rules)
    for version, prefix in ((4, "iptables"), (6, "ip6tables")):
        saved = works(
            f"{prefix} -P INPUT DROP; {prefix} -A INPUT -i lo -j ACCEPT; {prefix}-restore --noflush; "
            f"{prefix}-save -t filter",
            iptables.batch("", rules, version) or "*filter\nCOMMIT\n",
        )
        assert iptables.parse(saved, version) == tuple(one for one in rules if one.version == version)
        assert iptables.batch(saved, rules, version) == ""


UFW = "*filter\n:ufw{0}-user-input - [0:0]\n:ufw{0}-user-output - [0:0]\n### RULES ###\n\n### END RULES ###\nCOMMIT\n"


@IPTABLES
@given(cases.RULE_SETS)
@FEW
def test_iptables_takes_what_we_write_for_ufw(rules):
    rules = cases.settled(rules)
    for family in ufw.FAMILIES:
        text = ufw.edit(UFW.format(family.infix), rules, family.version, family.infix)
        saved = works(
            "{0} -n; {1} -t filter".format(family.restore, family.restore.replace("restore", "save")), text
        )
        assert saved.count("\n-A ufw") == text.count("\n-A ufw") == text.count("### tuple ###")


@IPTABLES
def test_iptables_takes_saved_files_with_our_lines():
    text = "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT DROP [1:2]\n[3:4] -A INPUT -i lo -j ACCEPT\nCOMMIT\n"
    rules = cases.rules_of_plan()
    saved = works(
        "iptables-restore && iptables-save -t filter", iptables.edit(text.replace("[3:4] ", ""), rules, 4)
    )
    assert iptables.parse(saved, 4) == tuple(one for one in rules if one.version == 4)
    assert iptables.batch(saved, rules, 4) == ""


RULES = [
    {
        "direction": "in",
        "protocol": "tcp",
        "ports": "8563,20000-21000",
        "addresses": ["192.0.2.0/24", "2001:db8::/64"],
        "services": ["sql_client"],
    },
    {
        "direction": "out",
        "protocol": "udp",
        "ports": "53",
        "addresses": ["192.0.2.53"],
        "services": ["dns_udp"],
    },
]
DROPS = (
    "add table inet filter; add chain inet filter {0} {{ type filter hook {1} priority {2}; policy {3}; }}"
)


def nft(*commands):
    return "nft -f - <<'END'\n{0}\nEND".format(
        "\n".join(command.replace("; add", "\nadd") for command in commands)
    )


JUMP = "nft insert rule inet filter input tcp dport 22 accept"
NFT_HOSTS = {
    "policy": nft(DROPS.format("input", "input", 0, "drop")),
    "policy-both-ways": nft(
        DROPS.format("input", "input", 0, "drop"), DROPS.format("output", "output", 0, "drop")
    ),
    "policy-of-what-goes-out": nft(DROPS.format("output", "output", 0, "drop")),
    "drop-at-the-end": nft(
        DROPS.format("input", "input", 0, "accept"),
        "add rule inet filter input tcp dport 22 accept",
        "add rule inet filter input drop",
    ),
    "reject-in-a-chain": nft(
        DROPS.format("input", "input", 0, "accept"),
        "add chain inet filter late",
        "add rule inet filter late reject",
        "add rule inet filter input jump late",
    ),
    "verdict-map": nft(
        DROPS.format("input", "input", 0, "accept"),
        "add rule inet filter input ct state vmap { established : accept, invalid : drop }",
    ),
    "two-families": "nft 'add table ip a; add chain ip a input { type filter hook input priority 0; policy drop; }; "
    "add table ip6 b; add chain ip6 b input { type filter hook input priority 0; policy drop; }'",
    "slash": "nft 'add table inet a-b; add chain inet a-b in/put { type filter hook input priority 0; policy drop; }'",
    "nothing-dropped": nft(DROPS.format("input", "input", 0, "accept")),
    "empty": ":",
}
TWO_BASES = {
    "second-base-drops-too": nft(
        DROPS.format("input", "input", 0, "drop"), DROPS.format("later", "input", 10, "drop")
    ),
    "second-base-accepts": nft(
        DROPS.format("input", "input", 0, "drop"), DROPS.format("later", "input", 10, "accept")
    ),
}
IPTABLES_HOSTS = {
    "empty": ":",
    "policy": "for t in iptables ip6tables; do $t -P INPUT DROP; $t -A INPUT -i lo -j ACCEPT; done",
    "reject-at-the-end": "iptables -A INPUT -p tcp --dport 22 -j ACCEPT; iptables -A INPUT -j REJECT --reject-with icmp-host-prohibited",
    "output": "iptables -P OUTPUT DROP; iptables -A OUTPUT -o lo -j ACCEPT",
}
MEANWHILE = {
    "nftables": "nft insert rule inet filter input tcp dport 22 counter accept && nft 'add rule inet filter input jump exasol_network_in'",
    "iptables": "iptables -I INPUT 1 -p tcp --dport 22 -j ACCEPT; iptables -A INPUT -j EXASOL-IN",
}
# The rule before ours goes again, as fail2ban's do: what stood third has no third place any more.
AFTERWARDS = {"iptables": "iptables -D INPUT -p tcp --dport 22 -j ACCEPT"}


def scenarios(provider, hosts, **changes):
    return [dict({"provider": provider, "host": host, "rules": RULES}, **changes) for host in hosts.values()]


def lives(given_scenarios):
    """Return what became of scenarios."""
    return json.loads(
        works(
            "{0} {1}".format(sys.executable, os.path.join(HERE, "lifecycle.py")), json.dumps(given_scenarios)
        )
    )


def assert_good_life(seen, changes=True):
    """Assert that every turn led where it should."""
    assert "error" not in seen, seen["error"]
    assert (seen["present"] != seen["before"]) is changes
    assert (seen["held"], seen["second"], seen["problems"]) == (True, [], [])
    assert seen["rolled back at once"] == seen["rolled back"] == seen["before"]
    assert seen["absent rolled back"] == seen["repaired rolled back"]


# Every second address, so that none can be joined with another: 5000 lines for iptables, which takes one
# network a line.
MANY = [
    dict(
        RULES[0],
        ports="8563",
        addresses=[f"10.0.{number >> 7}.{(number & 127) * 2}" for number in range(5000)],
    )
]


@pytest.mark.parametrize(
    "provider", [pytest.param("nftables", marks=NFT), pytest.param("iptables", marks=IPTABLES)]
)
def test_thousands_of_rules_are_rolled_back_to_the_letter(provider):
    host = {"nftables": NFT_HOSTS["policy"], "iptables": IPTABLES_HOSTS["policy"]}[provider]
    (seen,) = lives([{"provider": provider, "host": host, "rules": RULES, "many": MANY}])
    assert "error" not in seen, seen["error"]
    assert seen["before"].count("10.0.") == 5000
    # The control: the change was made, and a rollback whose command does not work fails, says so and changes
    # nothing.
    assert "10.0." not in seen["changed"]
    assert seen["broken"] == 1 and "failed with code 1" in seen["said"]
    assert seen["still"] == seen["changed"]
    assert seen["after"] == seen["before"]


# Our jump stands between rules of others, of which one comes again and one goes while our change is in force.
BETWEEN = {
    "nftables": (
        NFT_HOSTS["policy"],
        (
            "nft -f - <<'END'\n"
            "insert rule inet filter input tcp dport 22 counter accept\n"
            "insert rule inet filter input tcp dport 23 counter accept\n"
            "insert rule inet filter input tcp dport 22 counter accept\n"
            "add rule inet filter input tcp dport 24 accept\n"
            "END"
        ),
        (
            "nft insert rule inet filter input tcp dport 25 accept\n"
            "nft add rule inet filter input tcp dport 26 accept\n"
            "nft delete rule inet filter input handle $(nft -a list chain inet filter input | "
            "sed -n 's/.*dport 23 .*handle //p')"
        ),
    ),
    "iptables": (
        IPTABLES_HOSTS["policy"],
        (
            "for t in iptables ip6tables; do\n"
            "for port in 22 23 22; do $t -I INPUT 1 -p tcp --dport $port -j ACCEPT; done\n"
            "done"
        ),
        (
            "for t in iptables ip6tables; do\n"
            "$t -I INPUT 1 -p tcp --dport 25 -j ACCEPT; $t -A INPUT -p tcp --dport 26 -j ACCEPT\n"
            "$t -D INPUT -p tcp --dport 23 -j ACCEPT\n"
            "done"
        ),
    ),
}


@pytest.mark.parametrize(
    "provider", [pytest.param("nftables", marks=NFT), pytest.param("iptables", marks=IPTABLES)]
)
def test_our_jump_comes_back_between_rules_of_others_that_changed_meanwhile(provider):
    host, meanwhile, afterwards = BETWEEN[provider]
    (seen,) = lives(scenarios(provider, {"one": host}, meanwhile=meanwhile, afterwards=afterwards))
    disturbed, rolled_back = (
        [
            "ours" if "exasol_network_in" in line or "EXASOL-IN" in line else found.group(1)
            for line in seen[name]
            for found in [
                re.search(r"dport (2[2-6])\b|jump exasol_network_in|^-A INPUT .*-j EXASOL-IN", line)
            ]
            if found
        ]
        for name in ("disturbed", "repaired rolled back")
    )
    was = ["22", "23", "22", "ours", "24"] if provider == "nftables" else ["22", "23", "22", "ours"] * 2
    now = ["25", "22", "22", "ours", "24", "26"]
    assert disturbed == was, "the control: ours are not the first"
    assert rolled_back == (now if provider == "nftables" else (now[:4] + now[5:]) * 2)
    assert seen["absent rolled back"] == seen["repaired rolled back"]


# Rules of others whose texts are hard to read: comments with the words that mark ours, with characters that
# end a line for Python alone, with all that a shell and a regular expression reads; values that change.
ODD = {
    "nftables": (
        "nft -f - <<'END'\n"
        "insert rule inet filter input tcp dport 22 accept\n"
        'insert rule inet filter input tcp dport 23 accept comment "before jump exasol_network_in # handle 2"\n'
        'insert rule inet filter input tcp dport 24 log prefix "jump exasol_network_in " accept\n'
        'insert rule inet filter input tcp dport 25 accept comment "a\u2028b\u0085c % %s \\n & \' $(x) `x`"\n'
        "insert rule inet filter input tcp dport 26 quota over 25 mbytes used 3 mbytes drop\n"
        'add rule inet filter input tcp dport 27 accept comment "before jump exasol_network_in of today"\n'
        "END"
    ),
    "iptables": (
        "cr=$(printf '\\r'); for t in iptables ip6tables; do\n"
        'add() { $t $1 -p tcp --dport $2 -m comment --comment "$3" -j ACCEPT; }\n'
        "add '-I INPUT' 22 \"from a file of Windows$cr\"\n"
        "add '-I INPUT' 23 'a\u2028b\u0085c'\n"
        "add '-I INPUT' 24 '% %s \\n & \"quoted\" \\ $(x) `x` -j EXASOL-IN'\n"
        "add '-A INPUT' 25 'x -j EXASOL-IN'\n"
        "add '-A EXASOL-IN' 26 'a\u2028b\u0085c'\n"
        "add '-A EXASOL-IN' 27 \"of Windows too$cr\"\n"
        "done"
    ),
}


@pytest.mark.parametrize(
    "provider", [pytest.param("nftables", marks=NFT), pytest.param("iptables", marks=IPTABLES)]
)
def test_rules_of_others_with_odd_texts_survive_a_rollback(provider):
    """One of others comes first meanwhile, so that only the texts tell where ours have been."""
    host = {"nftables": NFT_HOSTS["policy"], "iptables": IPTABLES_HOSTS["policy"]}[provider]
    afterwards = {
        "nftables": "nft insert rule inet filter input tcp dport 33 accept",
        "iptables": "for t in iptables ip6tables; do $t -I INPUT -p tcp --dport 33 -j ACCEPT; done",
    }[provider]
    (seen,) = lives(
        scenarios(provider, {"one": host}, meanwhile=ODD[provider], afterwards=afterwards),
    )
    assert "error" not in seen, seen["error"]
    assert seen["problems"] == []
    assert seen["repaired"] != seen["disturbed"], "the control: the change moves our jump"
    late = [line for line in seen["repaired rolled back"] if re.search(r"dport 33\b", line)]
    assert len(late) == {"nftables": 1, "iptables": 2}[provider], "the control"
    assert [line for line in seen["repaired rolled back"] if line not in late] == seen["disturbed"]
    assert seen["absent rolled back"] == seen["repaired rolled back"]


def without_meanwhile(lines):
    return [line for line in lines if "22" not in line]


@NFT
@pytest.mark.parametrize("restrict", [False, True], ids=["open", "restrict"])
def test_nftables_comes_goes_and_is_rolled_back(restrict):
    for name, seen in zip(NFT_HOSTS, lives(scenarios("nftables", NFT_HOSTS, restrict=restrict))):
        assert seen.get("absent") == seen.get("before"), name
        assert_good_life(seen, restrict or name not in ("empty", "nothing-dropped"))


@NFT
def test_nftables_lives_with_two_base_chains_of_a_hook():
    for seen in lives(scenarios("nftables", TWO_BASES)):
        assert_good_life(seen)
        assert seen["absent"] == seen["before"]


@NFT
def test_nftables_repairs_what_others_put_before_it():
    hosts = {name: NFT_HOSTS[name] for name in ("policy", "drop-at-the-end")}
    for seen in lives(scenarios("nftables", hosts, meanwhile=MEANWHILE["nftables"])):
        assert (
            "jump exasol_network_in"
            in seen["repaired"][[line.strip() for line in seen["repaired"]].index("chain input {") + 2]
        )
        assert sum("jump exasol_network_in" in line for line in seen["repaired"]) == 1
        assert_good_life(seen)
        assert seen["repaired rolled back"] == seen["disturbed"] != seen["repaired"]
        assert without_meanwhile(seen["absent"]) == without_meanwhile(seen["before"])


@IPTABLES
@pytest.mark.parametrize("restrict", [False, True], ids=["open", "restrict"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"meanwhile": MEANWHILE["iptables"], "afterwards": AFTERWARDS["iptables"]}],
    ids=["undisturbed", "disturbed"],
)
def test_iptables_comes_goes_and_is_rolled_back(restrict, changes):
    for seen in lives(scenarios("iptables", IPTABLES_HOSTS, restrict=restrict, **changes)):
        assert_good_life(seen)
        assert next(line for line in seen["repaired"] if line.startswith("-A INPUT ")).endswith(
            "-j EXASOL-IN"
        )
        assert without_meanwhile(seen["repaired rolled back"]) == without_meanwhile(seen["disturbed"])
        assert without_meanwhile(seen["absent"]) == without_meanwhile(seen["before"])


TRANSLATED = """iptables-restore-translate -f /dev/stdin <<'END' | nft -f -
*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
END"""
CAPITALS = "add table ip filter; add chain ip filter INPUT {{ type filter hook input priority 0; policy drop; }}; {0}"
OWNED = {
    "handmade": (
        "nftables",
        nft(
            CAPITALS.format(
                "add rule ip filter INPUT ct state established,related accept; add rule ip filter INPUT tcp "
                "dport { 22, 9998 } accept"
            )
        ),
    ),
    "handmade-that-iptables-reads": (
        "nftables",
        nft(CAPITALS.format("add rule ip filter INPUT tcp dport 22 accept")),
    ),
    "translated": ("nftables", TRANSLATED),
    "iptables": ("iptables", "iptables -P INPUT DROP; iptables -A INPUT -p tcp --dport 22 -j ACCEPT"),
    "iptables-policy": ("iptables", "iptables -P INPUT DROP"),
    "iptables-extension": (
        "iptables",
        "iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables -A INPUT -j DROP",
    ),
}


@NFT
@IPTABLES
@pytest.mark.parametrize("name", list(OWNED))
def test_a_table_is_changed_by_who_made_it_and_left_as_it_was(name):
    expected, host = OWNED[name]
    (seen,) = lives([{"provider": "auto", "host": host, "rules": RULES}])
    assert seen.get("name") == expected, seen
    assert (seen["held"], seen["second"], seen["problems"]) == (True, [], [])
    marks = {"nftables": "exasol_network_in", "iptables": "EXASOL-IN"}
    assert [name for name, mark in marks.items() if any(mark in line for line in seen["present"])] == [
        expected
    ]
    # iptables adds the base chains that its table had not.
    assert not [line for line in seen["absent"] if "exasol" in line.lower()]
    assert set(seen["before"]) <= set(seen["absent"])


@NFT
def test_names_of_services_are_comments_and_nothing_more():
    one = rule("in tcp 8563", "192.0.2.1", "a_service,another.one,x-y,a+b")
    listing = works(
        "nft -f - && nft list ruleset", "add table inet filter\n" + nftables.render_chain(PLACES[0], [one])
    )
    assert listing.count("comment") == 1
    assert 'comment "exasol: a_service, another.one, x-y, a+b"' in listing


SET = "add table inet filter; add set inet filter bad { type ipv4_addr; flags interval; }; add element inet filter bad { 10.1.2.3, 10.1.2.5 }"
LISTINGS = """
import json
import sys
import {apply} as _apply
import {steps} as _steps
said, execute = [], _steps.execute
def recorded(command, *options):
    done = execute(command, *options)
    if "ruleset" in command:
        said.append((command, done.stdout))
    return done
_steps.execute = recorded
_apply._LOCK = sys.argv[3]
_apply.change(_apply.Options(json.loads(sys.argv[1]), provider=sys.argv[2]), "one", True)
json.dump(said, sys.stdout)
"""


@NFT
@pytest.mark.parametrize("provider", ["auto", "nftables"])
def test_the_rule_set_is_listed_once_and_without_the_elements_of_named_sets(provider, tmp_path):
    """They may be hundreds of thousands, and nft takes seconds for them."""
    host = nft(
        SET, DROPS.format("input", "input", 0, "drop"), "add rule inet filter input ip saddr @bad drop"
    )
    code = LISTINGS.format(apply=apply.__name__, steps=steps.__name__)
    words = [sys.executable, "-c", code, json.dumps(RULES), provider, str(tmp_path / "lock")]
    # The control: a listing without -t has them.
    said = works(
        "{0}\n{1}\nnft -j list ruleset | grep -q 10.1.2.3".format(
            host, " ".join(shlex.quote(word) for word in words)
        )
    )
    ((command, listed),) = json.loads(said)
    assert command == ["nft", "-j", "-t", "list", "ruleset"]
    assert '"bad"' in listed and "10.1.2.3" not in listed


@needs("ip link add one type veth peer name two")
@pytest.mark.parametrize(
    "commands, expected",
    [
        ("", ""),
        ("ip link set one up", "one"),
        ("ip link set one up; ip link set two up", ""),
    ],
    ids=["none runs", "one runs", "two run"],
)
def test_the_one_interface_beside_loopback_is_known(commands, expected):
    code = f"from {interfaces.__name__} import only; print(only())"
    text = f"ip link set lo up; ip link add one type veth peer name two; {commands}\n{sys.executable} -c '{code}'"
    assert works(text).strip() == expected


SEVERAL = """
ip link set lo up
for end in one two; do ip link add $end type veth peer name $end-far; ip link set $end up; done
for end in one-far two-far; do ip link set $end up; done
ip address add 192.0.2.1/24 dev one
ip address add 192.0.2.2/24 dev one
ip address add 2001:db8::1/64 dev one nodad
ip address add 198.51.100.1/24 dev two
ip address add 2001:db8:1::1/64 dev two nodad
ip route add default via 192.0.2.254
"""


@needs("ip link add one type veth peer name two")
@pytest.mark.parametrize(
    "remote, local, expected",
    [
        ("192.0.2.10", "192.0.2.1", "one"),
        ("192.0.2.10", "192.0.2.2", "one"),
        ("203.0.113.7", "192.0.2.1", "one"),
        ("198.51.100.10", "198.51.100.1", "two"),
        ("2001:db8:1::10", "2001:db8:1::1", "two"),
        # It may arrive by either interface.
        ("203.0.113.7", "198.51.100.1", ""),
        ("198.51.100.10", "192.0.2.1", ""),
        # Nobody can tell, and nothing fails.
        ("2001:db8:ffff::7", "2001:db8::1", ""),
        ("192.0.2.10", "192.0.2.77", ""),
        ("192.0.2.10", "", ""),
        ("192.0.2.10", "2001:db8::1", ""),
    ],
    ids=[
        "on-link",
        "second-address",
        "by-gateway",
        "other-interface",
        "ipv6",
        "address-of-the-other-interface",
        "on-link-to-the-other-address",
        "no-route",
        "not-our-address",
        "address-not-known",
        "of-two-versions",
    ],
)
def test_the_interface_of_a_connection_is_known_if_route_and_address_agree(remote, local, expected):
    code = f'from {interfaces.__name__} import of_connection; print(of_connection("{remote}", "{local}"))'
    assert works(f"{SEVERAL}\n{sys.executable} -c '{code}'").strip() == expected
