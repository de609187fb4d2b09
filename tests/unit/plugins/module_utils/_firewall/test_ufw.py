# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ufw: our tuples and lines at the head of its user rules, in ufw's own writing."""

import binascii
import ipaddress
import itertools
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    saved_chains,
    ufw,
    xtables,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    steps as _steps,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.host_chains import (
    HostChains,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.listing import Listing
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.permits import Kind
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    rule,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.commands import (
    Commands,
)

RULES = cases.settled(
    [
        rule("in tcp 8563", "192.0.2.0/24"),
        rule("out udp 53", "192.0.2.53", "dns_udp"),
        rule("in tcp 8563", action="reject"),
    ]
)
HEAD = (
    "*filter\n"
    + "".join(
        f":ufw-{name} - [0:0]\n"
        for name in ("user-input", "user-output", "user-forward", "user-limit", "user-limit-accept")
    )
    + "### RULES ###\n"
)
TAIL = """
### END RULES ###

### LOGGING ###
-A ufw-after-logging-input -j LOG --log-prefix "[UFW BLOCK] " -m limit --limit 3/min --limit-burst 10
### END LOGGING ###

### RATE LIMITING ###
-A ufw-user-limit -m limit --limit 3/minute -j LOG --log-prefix "[UFW LIMIT BLOCK] "
-A ufw-user-limit -j REJECT
-A ufw-user-limit-accept -j ACCEPT
### END RATE LIMITING ###
COMMIT
"""
FOREIGN = """
### tuple ### deny tcp 8563 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 8563 -j DROP

### tuple ### limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=6b65657020746865206c696d6974
-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set
-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j ufw-user-limit
-A ufw-user-input -p tcp --dport 22 -j ufw-user-limit-accept

### tuple ### allow any 53 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 53 -j ACCEPT
-A ufw-user-input -p udp --dport 53 -j ACCEPT

### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in
-A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT -m comment --comment 'dapp_Nginx%20Full'

### tuple ### route:allow any any 192.0.2.0/24 any 0.0.0.0/0 in_eth0!out_eth1
-A ufw-user-forward -i eth0 -o eth1 -d 192.0.2.0/24 -j ACCEPT

### tuple ### allow_log tcp 25 0.0.0.0/0 any 192.0.2.9 in_eth0
-A ufw-user-logging-input -i eth0 -p tcp --dport 25 -s 192.0.2.9 -j RETURN
-A ufw-user-input -i eth0 -p tcp --dport 25 -s 192.0.2.9 -j ACCEPT
"""
FILES = {
    "fresh": HEAD + TAIL,
    "foreign": HEAD + FOREIGN + TAIL,
    "package": "*filter\n:ufw-user-input - [0:0]\n### RULES ###\n-A ufw-user-limit -j REJECT\n-A ufw-user-limit-accept -j ACCEPT\nCOMMIT\n",
    "no-newline-at-the-end": (HEAD + FOREIGN + TAIL).rstrip("\n"),
}
BY_FILE = pytest.mark.parametrize("text", list(FILES.values()), ids=list(FILES))


@BY_FILE
def test_edit_and_back_is_the_same_file(text):
    assert ufw.edit(ufw.edit(text, RULES, 4, ""), (), 4, "") == text


@pytest.mark.parametrize("text", list(FILES.values()), ids=list(FILES))
def test_our_rules_stand_at_the_head_and_all_others_stay(text):
    edited = ufw.edit(text, RULES, 4, "")
    head, tail = text.split("### RULES ###\n")
    assert edited.startswith(
        head + "### RULES ###\n\n### tuple ### allow tcp 8563 0.0.0.0/0 any 192.0.2.0/24 in comment="
    ) and edited.endswith(tail)
    assert edited.count("### tuple ###") == text.count("### tuple ###") + 3


def test_a_second_mark_stays_where_it_is():
    text = (HEAD + TAIL).replace("COMMIT\n", "### RULES ###\nCOMMIT\n")
    assert ufw.edit(ufw.edit(text, RULES, 4, ""), (), 4, "") == text


@BY_FILE
def test_edit_of_an_edited_file_depends_on_the_last_rules_alone(text):
    once = ufw.edit(text, RULES, 4, "")
    assert ufw.edit(once, RULES, 4, "") == once
    assert ufw.edit(once, RULES[:1], 4, "") == ufw.edit(text, RULES[:1], 4, "")


def test_our_rules_are_found_wherever_ufw_put_them():
    # "ufw insert 1" puts a user's rule above ours; ours go back to the head.
    edited = ufw.edit(HEAD + TAIL, RULES, 4, "")
    shuffled = edited.replace("### RULES ###\n", "### RULES ###\n" + FOREIGN)
    assert ufw.edit(shuffled, RULES, 4, "") == ufw.edit(HEAD + FOREIGN + TAIL, RULES, 4, "")
    assert ufw.edit(shuffled, (), 4, "") == HEAD + FOREIGN + TAIL


@given(st.sampled_from(sorted(FILES)), cases.RULE_SETS)
@cases.EXAMPLES
def test_any_rules_are_read_back_and_leave_no_trace(name, rules):
    rules, text = cases.settled(rules), FILES[name]
    for family in ufw.FAMILIES:
        edited = ufw.edit(text, rules, family.version, family.infix)
        assert ufw.parse(edited, family.version) == tuple(
            one for one in rules if one.version == family.version
        )
        assert ufw.edit(edited, (), family.version, family.infix) == text


def written(one, version=4):
    """Return the tuples without their comments, and the lines."""
    lines = [
        line for block in ufw.blocks(one, {4: "", 6: "6"}[version]) for line in block.splitlines() if line
    ]
    return [line.split(" comment=")[0].replace("### tuple ### ", "") for line in lines]


# Compared with what ufw 0.36.2 writes for the same tuples.
@pytest.mark.parametrize(
    "one, expected",
    [
        (
            rule("in tcp 8563", "192.0.2.1"),
            [
                "allow tcp 8563 0.0.0.0/0 any 192.0.2.1 in",
                "-A ufw-user-input -p tcp --dport 8563 -s 192.0.2.1 -j ACCEPT",
            ],
        ),
        (
            rule("in udp 53,123", "192.0.2.0/24"),
            [
                "allow udp 53,123 0.0.0.0/0 any 192.0.2.0/24 in",
                "-A ufw-user-input -p udp -m multiport --dports 53,123 -s 192.0.2.0/24 -j ACCEPT",
            ],
        ),
        (
            rule("in any", "192.0.2.1"),
            ["allow any any 0.0.0.0/0 any 192.0.2.1 in", "-A ufw-user-input -s 192.0.2.1 -j ACCEPT"],
        ),
        (
            rule("out any", "192.0.2.1"),
            ["allow any any 192.0.2.1 any 0.0.0.0/0 out", "-A ufw-user-output -d 192.0.2.1 -j ACCEPT"],
        ),
        (
            rule("out tcp 20-22,80", "192.0.2.1"),
            [
                "allow tcp 20:22,80 192.0.2.1 any 0.0.0.0/0 out",
                "-A ufw-user-output -p tcp -m multiport --dports 20:22,80 -d 192.0.2.1 -j ACCEPT",
            ],
        ),
        (
            rule("in tcp 8563", action="reject"),
            [
                "reject tcp 8563 0.0.0.0/0 any 0.0.0.0/0 in",
                "-A ufw-user-input -p tcp --dport 8563 -j REJECT --reject-with tcp-reset",
            ],
        ),
        (
            rule("in udp 53,123", action="reject"),
            [
                "reject udp 53,123 0.0.0.0/0 any 0.0.0.0/0 in",
                "-A ufw-user-input -p udp -m multiport --dports 53,123 -j REJECT",
            ],
        ),
        (
            rule("in tcp 8563", "2001:db8::1"),
            [
                "allow tcp 8563 ::/0 any 2001:db8::1 in",
                "-A ufw6-user-input -p tcp --dport 8563 -s 2001:db8::1 -j ACCEPT",
            ],
        ),
        (
            rule("in tcp 8563", "2001:db8::/64"),
            [
                "allow tcp 8563 ::/0 any 2001:db8::/64 in",
                "-A ufw6-user-input -p tcp --dport 8563 -s 2001:db8::/64 -j ACCEPT",
            ],
        ),
    ],
    ids=["one", "two-ports", "any", "any-out", "out", "reject", "reject-udp", "ipv6", "ipv6-network"],
)
def test_rules_are_written_as_ufw_writes_them(one, expected):
    assert written(one, one.version) == expected


@pytest.mark.parametrize(
    "one, expected",
    [
        (
            rule("in tcp 20000-21000", "192.0.2.1"),
            "-A ufw-user-input -p tcp -m multiport --dports 20000:21000 -s 192.0.2.1 -j ACCEPT",
        ),
        (rule("out udp 53", "192.0.2.53"), "-A ufw-user-output -p udp -d 192.0.2.53 --dport 53 -j ACCEPT"),
    ],
    ids=["range", "out"],
)
def test_lines_are_to_the_letter_those_that_ufw_writes(one, expected):
    # With each change by its user ufw writes all lines anew: ours would change back and forth.
    assert written(one)[1] == expected


def test_an_ipv6_network_of_32_bits_is_no_single_address():
    assert written(rule("in tcp 8563", "2001:db8::/32"), 6) == [
        "allow tcp 8563 ::/0 any 2001:db8::/32 in",
        "-A ufw6-user-input -p tcp --dport 8563 -s 2001:db8::/32 -j ACCEPT",
    ]


def test_more_ports_than_fit_are_more_tuples():
    ports = ",".join(str(port) for port in range(1, 41, 2))
    assert [line.split()[2].count(",") for line in written(rule("in tcp " + ports, "192.0.2.1"))[::2]] == [
        14,
        4,
    ]


def test_comment_says_whose_rule_it_is_and_what_for():
    (block,) = ufw.blocks(rule("in tcp 8563", "192.0.2.1", "bucketfs,sql_client"), "")
    assert binascii.unhexlify(block.split("comment=")[1].split("\n")[0]) == b"exasol: bucketfs, sql_client"


@pytest.mark.parametrize(
    "line",
    [
        "### tuple ### deny tcp 8563 0.0.0.0/0 any 0.0.0.0/0 in",
        "### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in",
        "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=6b65657020746865206c696d6974",
        "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment="
        + binascii.hexlify("exasol\u00e9".encode("utf-8")).decode("ascii"),
        "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment="
        + binascii.hexlify(b"\xff\xfe").decode("ascii"),
        "### tuple ### allow tcp 22",
        "-A ufw-user-input -j ACCEPT",
    ],
    ids=["plain", "application", "comment", "accents", "no-utf8", "short", "line"],
)
def test_what_is_not_ours_is_not_read(line):
    assert ufw.parse(line, 4) == ()


def test_half_a_comment_is_not_ours_and_does_no_harm():
    assert ufw.parse("### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=657", 4) == ()


@pytest.mark.parametrize("text", ["", "*filter\nCOMMIT\n", "### RULES ###"], ids=["empty", "old", "cut"])
def test_a_file_without_its_mark_is_refused(text):
    assert_names(refusal(ufw.edit, text, RULES, 4, ""), ["### RULES ###"])


class Host:
    """A host's files, as far as the provider asks for them."""

    def __init__(
        self,
        monkeypatch,
        folder,
        defaults='IPV6=yes\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n',
        v4=FILES["foreign"],
        v6=HEAD.replace("ufw-", "ufw6-") + TAIL,
    ):
        monkeypatch.setattr(ufw, "_LOCK", str(folder / "ufw.lock"))
        monkeypatch.setattr(
            ufw,
            "FAMILIES",
            tuple(family._replace(path=str(folder / family.path.split("/")[-1])) for family in ufw.FAMILIES),
        )
        monkeypatch.setattr(
            ufw, "read", lambda path: defaults if path == "/etc/default/ufw" else _steps.read(path)
        )
        for name, text in (("user.rules", v4), ("user6.rules", v6)):
            if text is not None:
                (folder / name).write_bytes(text.encode("utf-8"))
                (folder / name).chmod(0o640)


V6 = cases.settled([rule("in tcp 8563", "2001:db8::/64")])
REJECTED = cases.settled([rule("in tcp 8563", action="reject")])


@pytest.mark.parametrize(
    "before, rejections, new, opened",
    [
        ("", (), "accept", "accept"),
        ("", REJECTED, "drop", "drop"),
        ("-m conntrack --ctstate RELATED,ESTABLISHED", REJECTED, "drop", "accept"),
        ("-s 192.0.2.21/32", REJECTED, "accept", "accept"),
        ("-s 192.0.2.22/32", REJECTED, "drop", "drop"),
    ],
    ids=["without-ours", "nothing-before", "established", "spared", "another-is-spared"],
)
def test_rules_before_those_of_users_spare_from_our_rejections(
    monkeypatch, tmp_path, before, rejections, new, opened
):
    Host(monkeypatch, tmp_path, v4=HEAD + TAIL)
    lines = [":INPUT ACCEPT [0:0]", ":before - [0:0]", ":ufw-user-input - [0:0]"]
    lines += ["-A INPUT -j before", "-A INPUT -j ufw-user-input"]
    lines += [f"-A before {before} -j ACCEPT"] if before else []
    text = "\n".join(["*filter", *lines, "COMMIT", ""])
    tables = [
        ("ip", ufw.Ufw().refusing(chains, 4, rejections)) for unused, chains in saved_chains.tables(text, 4)
    ]
    kind, client = Kind("in", 4, "tcp", 8563), int(ipaddress.ip_address("192.0.2.21"))
    found = [HostChains(tables).verdicts(kind, [client], established) for established in (False, True)]
    assert found == [[new], [opened]]


def test_provider_writes_and_loads_both_families(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path)
    steps, back, unused = ufw.Ufw().change_to(cases.settled(RULES + V6), True)
    assert [step.path if hasattr(step, "path") else step.command for step in steps] == [
        str(tmp_path / "user.rules"),
        ("iptables-restore", "-n"),
        str(tmp_path / "user6.rules"),
        ("ip6tables-restore", "-n"),
    ]
    assert [step.mode for step in steps if hasattr(step, "mode")] == [0o640] * 2
    assert len(back) == 2
    assert [step.content for step in steps if hasattr(step, "content")] == [
        step.stdin for step in steps if hasattr(step, "stdin")
    ]


LATER = "\n### tuple ### allow tcp 9000 0.0.0.0/0 any 0.0.0.0/0 in\n-A ufw-user-input -p tcp --dport 9000 -j ACCEPT\n"


OTHER_RULES = cases.settled([rule("in tcp 2580", "192.0.2.7", "bucketfs")])


@pytest.mark.parametrize("held", [(), RULES, OTHER_RULES], ids=["nothing", "the-same", "others"])
@pytest.mark.parametrize("later", ["", LATER], ids=["untouched", "changed-by-somebody"])
def test_rollback_leaves_what_others_changed_meanwhile(monkeypatch, tmp_path, held, later):
    before = ufw.edit(FILES["foreign"], held, 4, "")
    Host(monkeypatch, tmp_path, v4=before)
    path, restore = tmp_path / "user.rules", tmp_path / "restore"
    restore.write_text(f"#!/bin/sh\ncat > '{tmp_path}/loaded'\n")
    restore.chmod(0o755)
    family = ufw.FAMILIES[0]._replace(restore=str(restore))
    path.write_text(
        ufw.edit(before, cases.settled([rule("in tcp 1521", "192.0.2.8", "oracle")]), 4, "").replace(
            TAIL, later + TAIL
        )
    )
    ufw.undo_step(family, _steps.Write(family.path, before)).perform()
    assert path.read_text() == before.replace(TAIL, later + TAIL)
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "loaded").read_text() == path.read_text()
    assert sorted(name.name for name in tmp_path.iterdir() if name.name.endswith(".exasol")) == []


def foreign_rule(port):
    """Return a rule of others as ufw writes it."""
    return (
        f"\n### tuple ### deny tcp {port} 0.0.0.0/0 any 0.0.0.0/0 in\n"
        f"-A ufw-user-input -p tcp --dport {port} -j DROP\n"
    )


FOREIGN_RULES = [foreign_rule(port) for port in (1, 2, 3)]
OWN_BLOCKS = [block for one in RULES if one.version == 4 for block in ufw.blocks(one, "")]


def rolled_back(monkeypatch, folder, before, now, running="", awk=""):
    """Return the file of user rules after a rollback, and what iptables-restore has loaded."""
    path, restore = folder / "user.rules", folder / "restore"
    path.write_text(now)
    path.chmod(0o640)
    restore.write_text(f"#!/bin/sh\ncat > '{folder}/loaded'\n")
    restore.chmod(0o755)
    if awk:
        monkeypatch.setattr(ufw, "absolute", lambda name: awk if name == "awk" else name)
    family = ufw.FAMILIES[0]._replace(path=str(path), restore=str(restore))
    ufw.undo_step(family, _steps.Write(str(path), before), running).perform()
    return path.read_text(), (folder / "loaded").read_text()


AWKS = [path for path in map(shutil.which, ("mawk", "gawk", "original-awk")) if path]


@pytest.mark.parametrize("awk", AWKS or [""])
@pytest.mark.parametrize("places", list(itertools.product(range(4), repeat=3)))
def test_each_of_our_rules_comes_back_to_its_place(monkeypatch, tmp_path, awk, places):
    """They stand before, between and behind three rules of others; the change moves them before all."""
    parts = list(FOREIGN_RULES)
    for place, block in sorted(zip(places, OWN_BLOCKS), reverse=True):
        parts.insert(place, block)
    before = HEAD + "".join(parts) + TAIL
    now = ufw.edit(before, RULES, 4, "")
    if places != (0, 0, 0):
        assert now != before, "the control: the change has moved something"
    assert rolled_back(monkeypatch, tmp_path, before, now, awk=awk) == (before, before)
    for count in range(4):
        changed = list(FOREIGN_RULES)
        changed.insert(count, foreign_rule(9))
        text = ufw.edit(HEAD + "".join(changed) + TAIL, RULES, 4, "")
        found, loaded = rolled_back(monkeypatch, tmp_path, before, text, awk=awk)
        assert found == loaded and found.count(foreign_rule(9)) == 1
        assert found.replace(foreign_rule(9), "") == before


FIRST, SECOND, THIRD = FOREIGN_RULES
OURS = OWN_BLOCKS[0]


@pytest.mark.parametrize(
    "before, now, after",
    [
        ([FIRST, OURS, SECOND], [SECOND], [OURS, SECOND]),
        ([FIRST, OURS, SECOND], [FIRST], [FIRST, OURS]),
        ([FIRST, SECOND, OURS], [SECOND, FIRST], [SECOND, OURS, FIRST]),
        ([FIRST, SECOND, OURS, THIRD], [FIRST, THIRD, SECOND], [FIRST, OURS, THIRD, SECOND]),
        ([FIRST, OURS, FIRST], [FIRST, FIRST], [FIRST, OURS, FIRST]),
        ([FIRST, OURS, SECOND], [], [OURS]),
        ([OURS, FIRST], [SECOND, FIRST], [OURS, SECOND, FIRST]),
        ([FIRST], [SECOND, OURS, FIRST], [SECOND, FIRST]),
    ],
    ids=["first-gone", "next-gone", "swapped", "moved-behind", "twice", "all-gone", "new-first", "we-came"],
)
def test_ours_stay_beside_those_of_others_that_are_left(monkeypatch, tmp_path, before, now, after):
    texts = [HEAD + "".join(some) + TAIL for some in (before, now, after)]
    assert rolled_back(monkeypatch, tmp_path, texts[0], texts[1])[0] == texts[2]


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "# no newline at the end"])
def test_the_end_of_a_file_comes_back_to_the_byte(monkeypatch, tmp_path, end):
    before = HEAD + FIRST + OURS + TAIL.rstrip("\n") + "\n" + end
    now = ufw.edit(before, RULES, 4, "")
    assert rolled_back(monkeypatch, tmp_path, before, now)[0] == before


def test_a_rule_of_others_with_a_comment_like_ours_stays(monkeypatch, tmp_path):
    """For an interface, which none of ours has."""
    theirs = FIRST.replace(" in\n", " in_eth0 comment=" + ufw._comment(RULES[0]) + "\n")
    text = HEAD + theirs + OURS + TAIL
    assert rolled_back(monkeypatch, tmp_path, text, ufw.edit(text, (), 4, ""))[0] == text


@pytest.mark.parametrize("others_change", [False, True], ids=["alone", "others-changed-the-file"])
def test_the_kernel_gets_its_chains_as_they_were_unless_others_changed_the_file(
    monkeypatch, tmp_path, others_change
):
    """Somebody may have added a rule to a chain by hand, which no file has."""
    before = HEAD + FIRST + OURS + TAIL
    saved = (
        "*filter\n:INPUT DROP [0:0]\n:ufw-user-input - [0:0]\n:ufw-user-other - [0:0]\n"
        "-A INPUT -j ufw-user-input\n-A ufw-user-other -j DROP\n"
        "-A ufw-user-input -s 192.0.2.202/32 -j DROP\nCOMMIT\n"
    )
    running = ufw._running(before, saved)
    assert running.splitlines() == [
        "*filter",
        ":ufw-user-input - [0:0]",
        "-A ufw-user-input -s 192.0.2.202/32 -j DROP",
        "COMMIT",
    ]
    now = ufw.edit(before.replace(FIRST, FIRST + (SECOND if others_change else "")), (), 4, "")
    found, loaded = rolled_back(monkeypatch, tmp_path, before, now, running)
    assert loaded == (found if others_change else running)
    assert ufw._running(before, "*nat\nCOMMIT\n") == ""


@pytest.mark.parametrize(
    "running", ["", "*filter\n:ufw-user-input - [0:0]\nCOMMIT\n"], ids=["file", "kernel"]
)
@pytest.mark.parametrize("fault", ["none", "gone", "emptied", "replaced", "not-writable"])
def test_the_kernel_is_rolled_back_even_if_the_file_cannot_be(monkeypatch, tmp_path, fault, running):
    """Otherwise whoever the change shut out would stay shut out."""
    before = HEAD + FIRST + OURS + TAIL
    now = {"emptied": "", "replaced": "*nat\nCOMMIT of others\n"}.get(fault, ufw.edit(before, (), 4, ""))
    path, restore = tmp_path / "user.rules", tmp_path / "restore"
    path.write_text(now)
    restore.write_text(f"#!/bin/sh\ncat > '{tmp_path}/loaded'\n")
    restore.chmod(0o755)
    family = ufw.FAMILIES[0]._replace(path=str(path), restore=str(restore))
    step = ufw.undo_step(family, _steps.Write(str(path), before), running)
    if fault == "gone":
        path.unlink()
    if fault == "not-writable":
        (tmp_path / "user.rules.exasol-new").mkdir()  # where the new content would be written first
    if fault == "none":
        step.perform()
        assert path.read_text() == before
    else:
        assert_names(refusal(step.perform), ["restoring our rules of ufw for IPv4"])
        assert not path.exists() if fault == "gone" else path.read_text() == now
    assert (tmp_path / "loaded").read_text() == (running or before)


def test_provider_has_nothing_to_do_where_all_is_there(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, v4=ufw.edit(FILES["foreign"], RULES, 4, ""))
    provider = ufw.Ufw()
    assert provider.change_to(provider.wanted(RULES), True)[:2] == ([], [])
    assert provider.rules() == RULES


class Kernel:
    """What iptables-save lists of both versions."""

    def __init__(self, v4, v6=""):
        self.listed = {"iptables-save": v4, "ip6tables-save": v6}

    def saved_if_any(self, command):
        return self.listed[command]


# The lines of RULES as iptables-save prints them.
IN_KERNEL = [
    "-A ufw-user-input -s 192.0.2.0/24 -p tcp -m tcp --dport 8563 -j ACCEPT",
    "-A ufw-user-input -p tcp -m tcp --dport 8563 -j REJECT --reject-with tcp-reset",
    "-A ufw-user-output -d 192.0.2.53/32 -p udp -m udp --dport 53 -j ACCEPT",
]


COMMENTED = '-A ufw-user-input -p tcp -m comment --comment "not -s \\"us\\" -d them" -j ACCEPT'


def kernel_with(*lines):
    heads = [f":ufw-user-{end} - [0:0]" for end in ("input", "output")]
    return Kernel("\n".join(["*filter", *heads, *lines, "COMMIT", ""]))


@pytest.mark.parametrize(
    "lines, is_lost",
    [
        (IN_KERNEL, False),
        (["-A ufw-user-input -s 198.51.100.1/32 -j DROP", *reversed(IN_KERNEL)], False),
        ([], True),
        (IN_KERNEL[:2], True),
        (IN_KERNEL[1:], True),
        ([IN_KERNEL[0].replace("--dport", "-i eth0 --dport"), *IN_KERNEL[1:]], True),
        ([IN_KERNEL[0].replace("ACCEPT", "DROP"), *IN_KERNEL[1:]], True),
        ([IN_KERNEL[0].replace("-s", "! -s"), *IN_KERNEL[1:]], True),
        ([COMMENTED, *IN_KERNEL], False),
        (["-A ufw-user-input -s 10.0.0.1/255.0.0.255 -j ACCEPT", *IN_KERNEL], False),
        ([IN_KERNEL[0].replace("192.0.2.0/24", "192.0.2.0/25"), *IN_KERNEL[1:]], True),
    ],
    ids=[
        "all",
        "others-too",
        "flushed",
        "no-out",
        "one-missing",
        "one-interface",
        "dropped",
        "all-others",
        "words-in-a-comment",
        "a-mask-with-holes",
        "fewer-sources",
    ],
)
def test_rules_that_the_kernel_lost_are_loaded_again(monkeypatch, tmp_path, lines, is_lost):
    """Their file is as it should be, so it alone would tell that nothing is to be done."""
    text = ufw.edit(FILES["foreign"], RULES, 4, "")
    Host(monkeypatch, tmp_path, v4=text)
    provider = ufw.Ufw(kernel_with(*lines))
    assert (provider.rules() == RULES) is not is_lost
    change = provider.change_to(provider.wanted(RULES), True)
    loaded = [(step.command[0], step.stdin) for step in change.steps]
    assert loaded == ([("iptables-restore", text)] if is_lost else [])
    assert len(change.undo) == len(change.steps)
    assert [one.code for one in provider.foreign_changes()] == (["chain_gone"] if is_lost else [])


@pytest.mark.parametrize(
    "defaults, expected",
    [
        ("IPV6=yes\n", True),
        ('IPV6="yes"\n', True),
        ("IPV6=YES\n", True),
        ("IPV6=no\n", False),
        ("#IPV6=yes\n", False),
        ("", False),
        (None, False),
    ],
)
def test_ipv6_is_left_out_where_ufw_leaves_it_out(monkeypatch, tmp_path, defaults, expected):
    Host(monkeypatch, tmp_path, defaults=defaults)
    provider = ufw.Ufw()
    assert bool(provider.wanted(V6)) is expected
    assert bool(provider.left_out(V6)) is not expected
    assert bool(provider.change_to(provider.wanted(V6), True).steps) is expected


@pytest.mark.parametrize(
    "rules, fragments",
    [
        (V6, ["drops all IPv6", "IPV6=no", "IPV6=yes", "/etc/default/ufw", "ufw reload", "2001:db8::/64"]),
        (cases.settled([rule("out tcp 443", "2001:db8::1")]), ["out tcp 443", "2001:db8::1"]),
        (
            cases.settled([rule(f"in tcp {port}", f"2001:db8::{port}") for port in range(1, 9)]),
            ["2001:db8::5", "; ..."],
        ),
    ],
    ids=["in", "out", "many"],
)
def test_what_ufw_cannot_open_of_ipv6_is_named(monkeypatch, tmp_path, rules, fragments):
    Host(monkeypatch, tmp_path, defaults="IPV6=no\n")
    assert_names(" ".join(ufw.Ufw().left_out(rules)), fragments)


@pytest.mark.parametrize(
    "rules",
    [RULES, (), cases.settled([rule("in tcp 8563", action="reject", version=6)])],
    ids=["ipv4", "nothing", "rejected"],
)
def test_where_nothing_is_planned_for_ipv6_nothing_is_said_of_it(monkeypatch, tmp_path, rules):
    Host(monkeypatch, tmp_path, defaults="IPV6=no\n")
    assert ufw.Ufw().left_out(rules) == []


def test_ipv6_is_left_out_without_a_word_where_the_kernel_has_none(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, v6=None)
    monkeypatch.setattr(xtables, "has_ipv6", lambda: False)
    provider = ufw.Ufw()
    assert provider.wanted(V6) == () and provider.left_out(V6) == []


def test_missing_user_rules_are_named(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, v6=None)
    assert_names(refusal(ufw.Ufw), ["user6.rules", "missing"])


@pytest.mark.parametrize(
    "defaults, tuples, expected",
    [
        ('IPV6=no\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n', "", False),
        ('IPV6=no\nDEFAULT_OUTPUT_POLICY="DROP"\n', "", True),
        ("IPV6=no\nDEFAULT_OUTPUT_POLICY=REJECT\n", "", True),
        (
            'IPV6=no\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n',
            (
                "\n### tuple ### deny tcp 25 0.0.0.0/0 any 0.0.0.0/0 out\n-A ufw-user-output -p tcp --dport "
                "25 "
                "-j DROP\n"
            ),
            True,
        ),
        (
            'IPV6=no\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n',
            (
                "\n### tuple ### reject any any 0.0.0.0/0 any 192.0.2.1 out_eth0\n-A ufw-user-output -o eth0 "
                "-j "
                "REJECT\n"
            ),
            True,
        ),
        (
            'IPV6=no\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n',
            (
                "\n### tuple ### deny tcp 25 0.0.0.0/0 any 0.0.0.0/0 in\n-A ufw-user-input -p tcp --dport 25 "
                "-j "
                "DROP\n"
            ),
            False,
        ),
    ],
    ids=["accept", "drop", "reject", "deny-out", "reject-out-on", "deny-in"],
)
def test_outgoing_is_filtered(monkeypatch, tmp_path, defaults, tuples, expected):
    Host(monkeypatch, tmp_path, defaults=defaults, v4=HEAD + tuples + TAIL)
    assert ufw.Ufw().filters_outgoing() is expected


def test_a_tuple_of_ours_at_the_end_of_a_file_goes_alone():
    (block,) = ufw.blocks(rule("in tcp 8563", "192.0.2.1"), "")
    blank, own, unused = block.split("\n")[:3]
    assert ufw._without_ours(f"first\n{blank}\n{own}\n") == "first\n"
    assert ufw._without_ours(f"first\n{own}") == "first\n"
    assert ufw._without_ours(f"first\n{block}") == "first\n", "its line is the last one"


@pytest.mark.parametrize("version", [4, 6])
def test_the_rest_of_each_version_is_that_of_its_own_file(monkeypatch, tmp_path, version):
    """What the user has for one version of IP is not taken for the other."""
    user = {4: "192.0.2.44", 6: "2001:db8::44"}
    texts = {}
    for family in ufw.FAMILIES:
        head = HEAD.replace("ufw-", f"ufw{family.infix}-")
        foreign = (
            f"\n### tuple ### allow any any {ufw._ANYWHERE[family.version]} any {user[family.version]} in\n"
        )
        foreign += f"-A ufw{family.infix}-user-input -s {user[family.version]} -j ACCEPT\n"
        texts[family.version] = ufw.edit(head + foreign + TAIL, RULES + V6, family.version, family.infix)
    Host(monkeypatch, tmp_path, v4=texts[4], v6=texts[6])
    infix = {4: "", 6: "6"}[version]
    ((_unused, chains),) = saved_chains.tables(texts[version], version)
    provider = ufw.Ufw()
    left = provider.without_ours(chains, version)
    assert len(chains[f"ufw{infix}-user-input"].links) > 1, "the control: ours are among them"
    assert len(left[f"ufw{infix}-user-input"].links) == 1
    assert left != chains and set(left) == set(chains)
    other = {"INPUT": chains[f"ufw{infix}-user-input"]}
    assert provider.without_ours(other, version) == other, "a table without ufw's chains"


LOCKED = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n"
LOOPBACK = "-A INPUT -i lo -j ACCEPT\n-A OUTPUT -o lo -j ACCEPT\n"


@pytest.mark.parametrize(
    "saved, expected",
    [
        (LOCKED + LOOPBACK, True),
        (LOCKED, True),
        (LOCKED + LOOPBACK + "-A INPUT -j EXASOL-IN\n", True),
        (LOCKED + LOOPBACK + "-A INPUT -p tcp -j ACCEPT\n", False),
        (LOCKED.replace("OUTPUT DROP", "OUTPUT ACCEPT") + LOOPBACK, False),
        (LOCKED.replace("INPUT DROP", "INPUT ACCEPT").replace("FORWARD DROP", "FORWARD ACCEPT"), False),
        ("", False),
    ],
    ids=[
        "as-ufw-makes-it",
        "no-loopback",
        "beside-ours",
        "somebody-is-let-in",
        "two-policies",
        "one-policy",
        "none",
    ],
)
def test_the_table_with_which_ufw_locks_ipv6_is_recognized(saved, expected):
    assert ufw.is_lock_of_ipv6(saved) is expected


def loaded(infix="", ends=("input", "output", "forward")):
    """Return what iptables-save prints where ufw has loaded these of its chains."""
    return (
        "*filter\n:INPUT DROP [0:0]\n"
        + "".join(f":ufw{infix}-user-{end} - [0:0]\n" for end in ends)
        + "COMMIT\n"
    )


# As C(ufw status) tells it: get_status in backend_iptables.py of ufw 0.36 looks for these chains.
@pytest.mark.parametrize(
    "v4, v6, has_ipv6, runs",
    [
        (loaded(), loaded("6"), True, True),
        (loaded(), "", False, True),
        (loaded(), "", True, False),
        ("", loaded("6"), True, False),
        (loaded(ends=("input", "output")), loaded("6"), True, False),
        (loaded(), loaded(), True, False),
        (loaded().replace("*filter", "*mangle"), "", False, False),
        ("# Table `filter' is incompatible, use 'nft' tool.\n", "", False, False),
        (loaded(ends=("input-other", "output", "forward")), "", False, False),
    ],
    ids=[
        "both",
        "ipv4-alone",
        "ipv6-is-gone",
        "ipv4-is-gone",
        "a-chain-is-gone",
        "of-the-other-version",
        "another-table",
        "unreadable",
        "another-name",
    ],
)
def test_ufw_runs_where_its_chains_are_loaded(monkeypatch, v4, v6, has_ipv6, runs):
    commands = Commands(monkeypatch, {"ufw": "", "iptables-save": v4, "ip6tables-save": v6})
    monkeypatch.setattr(ufw, "_has_ipv6", lambda: has_ipv6)
    assert ufw.Ufw.is_running(Listing()) is runs
    assert not any(command.startswith("ufw") for command in commands.called), "each call starts a Python"


def test_what_ufw_locks_is_its_own():
    assert ufw.Ufw.without_its_rules(LOCKED + LOOPBACK, 6) == ""
    assert ufw.Ufw.without_its_rules("*filter\n", 6) == "*filter\n"


@pytest.mark.parametrize("count", [1, ufw.MAX_REPORTED, ufw.MAX_REPORTED + 1])
def test_a_warning_says_that_it_leaves_rules_out_only_if_it_does(monkeypatch, tmp_path, count):
    Host(monkeypatch, tmp_path, defaults="IPV6=no\n")
    monkeypatch.setattr(xtables, "has_ipv6", lambda: True)
    plan = [rule(f"in tcp {port}", "2001:db8::/64") for port in range(1, count + 1)]
    (warning,) = ufw.Ufw().left_out(tuple(plan))
    assert warning.endswith("; ...") is (count > ufw.MAX_REPORTED)
    assert ufw.Ufw().left_out((rule("in tcp 8563", "192.0.2.1"),)) == [], "IPv4 is opened"
