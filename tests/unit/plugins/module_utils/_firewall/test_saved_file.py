# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of saved rules: what we make of one against what iptables-restore makes of it, in namespaces that end with each command."""

import re

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    iptables,
    saved_file,
    steps,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    rule,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_namespaces import (
    IPTABLES,
    inside,
    needs,
    works,
)

LEGACY = needs("iptables-legacy-restore --test <<'END'\n*filter\nCOMMIT\nEND")
RULES = cases.settled(
    [
        rule("in tcp 8563", "192.0.2.0/24"),
        rule("out udp 53", "192.0.2.53", "dns_udp"),
        rule("in tcp 8563", action="reject"),
    ]
)
HEAD = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
BODY = "-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
NAT = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\nCOMMIT\n"
FILTERS = "-A INPUT -j FILTERS\n-A FILTERS -p tcp -m tcp --dport 22 -j ACCEPT\n-A FILTERS -j DROP\n"

# What iptables-restore loads, in the forms that people and tools write.
GOOD = {
    "plain": HEAD + BODY + "COMMIT\n",
    "flush-of-a-chain": HEAD + "-F INPUT\n" + BODY + "COMMIT\n",
    "flush-of-all": HEAD + "-F\n-X\n-N FILTERS\n" + FILTERS + "COMMIT\n",
    "flush-of-all-later": HEAD + "-A INPUT -p udp -j ACCEPT\n-F\n-X\n" + BODY + "COMMIT\n",
    "policy": HEAD + "-P INPUT ACCEPT\n" + BODY + "COMMIT\n",
    "insert": HEAD + BODY + "-I INPUT -p udp -j ACCEPT\n-I INPUT 2 -p icmp -j ACCEPT\nCOMMIT\n",
    "blank-after-the-table": HEAD.replace("*filter\n", "*filter \n") + BODY + "COMMIT\n",
    "tab-after-the-table": HEAD.replace("*filter\n", "*filter\t\n") + BODY + "COMMIT\n",
    "word-after-the-table": HEAD.replace("*filter\n", "*filter as saved\n") + BODY + "COMMIT\n",
    "blank-before-the-table": HEAD.replace("*filter\n", "* filter\n") + BODY + "COMMIT\n",
    "two-filters": HEAD + "-A INPUT -p udp -j ACCEPT\nCOMMIT\n" + NAT + HEAD + BODY + "COMMIT\n",
    "between-others": NAT
    + "\n# a comment with *filter\n\n"
    + HEAD
    + BODY
    + "COMMIT\n"
    + NAT.replace("*nat", "*mangle").replace("REDIRECT --to-ports 8080", "ACCEPT"),
    "no-filter": NAT,
    "comments-within": HEAD + "# COMMIT\n#*nat\n\n" + BODY + "COMMIT\n# Completed\n",
    "counters": HEAD + "".join(f"[3:180] {line}\n" for line in BODY.splitlines()) + "COMMIT\n",
    "quotes": HEAD
    + BODY
    + '-A INPUT -p tcp -m comment --comment "*filter -j EXASOL-IN" -j ACCEPT\n-A INPUT -m comment --comment "a \\"COMMIT\\"" -j ACCEPT\nCOMMIT\n',
    "leading-blanks": HEAD + "".join(f"  {line}\n" for line in BODY.splitlines()) + "COMMIT\n",
    "long-options": HEAD + "--append INPUT --in-interface lo --jump ACCEPT\nCOMMIT\n",
    "new-chain-and-goto": HEAD + "-N FILTERS\n-A INPUT -g FILTERS\n-A FILTERS -j DROP\nCOMMIT\n",
    "targets-of-extensions": HEAD
    + '-A INPUT -j LOG --log-prefix "-j NOBODY "\n-A INPUT -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT\n',
    "target-in-quotes": HEAD + '-A INPUT -i lo -j "ACCEPT"\nCOMMIT\n',
    "nothing-in-it": "*filter\nCOMMIT\n",
    "empty": "",
}
BAD = {
    "no-commit": (HEAD + BODY, ["no COMMIT", "line 1"]),
    "no-commit-before-another": (HEAD + BODY + NAT, ["iptables-restore"]),
    "blank-after-commit": (HEAD + BODY + "COMMIT \n", ["COMMIT"]),
    "carriage-returns": ((HEAD + BODY + "COMMIT\n").replace("\n", "\r\n"), ["line 1", "carriage return"]),
    "outside": ("-A INPUT -j DROP\n" + HEAD + BODY + "COMMIT\n", ["line 1", "outside of a table"]),
    "after-the-end": (HEAD + BODY + "COMMIT\n-A INPUT -j DROP\n", ["line 8", "outside of a table"]),
    "no-name": ("*\n" + BODY + "COMMIT\n", ["line 1"]),
    "misspelt": (HEAD + BODY + "-A INPUT -p tcp --dprot 22 -j ACCEPT\nCOMMIT\n", ["--dprot", "as it is"]),
    "jump-to-no-chain": (HEAD + BODY + "-A INPUT -j NOBODY\nCOMMIT\n", ["NOBODY", "as it is"]),
    "goto-no-chain": (HEAD + BODY + "-A INPUT -p udp -g NOBODY\nCOMMIT\n", ["as it is"]),
    "goto-an-extension": (HEAD + BODY + "-A INPUT -p udp -g LOG\nCOMMIT\n", ["as it is"]),
    "rule-in-no-chain": (HEAD + BODY + "-A NOBODY -p udp -j DROP\nCOMMIT\n", ["as it is"]),
    "chain-of-another-table": (
        HEAD.replace("*filter", "*mangle")
        + ":THERE - [0:0]\nCOMMIT\n"
        + HEAD
        + "-A INPUT -j THERE\nCOMMIT\n",
        ["THERE", "as it is"],
    ),
    "too-long": (
        HEAD + BODY + "-A INPUT -m comment --comment {0} -j ACCEPT\nCOMMIT\n".format("x" * 11000),
        ["line 7", "bytes"],
    ),
}


def by_variant(test):
    marks = [pytest.param("iptables", marks=IPTABLES), pytest.param("iptables-legacy", marks=LEGACY)]
    return pytest.mark.parametrize("variant", marks, ids=["nft", "legacy"])(test)


def loaded(variant, text, options=""):
    """Return what the kernel holds once the text is loaded, without comments and counters."""
    saved = works(f"{variant}-restore {options}; {variant}-save", text)
    return [line for line in re.sub(r"\[\d+:\d+\]", "[0:0]", saved).splitlines() if not line.startswith("#")]


def of_others(lines):
    return [
        line
        for line in lines
        if not line.startswith((":EXASOL-", "-A EXASOL-"))
        and not line.endswith(("-j EXASOL-IN", "-j EXASOL-OUT"))
    ]


def assert_ours_are_in_force(lines):
    text = "\n".join(lines) + "\n"
    filters = text[text.index("*filter\n") :].split("\nCOMMIT\n")[0]
    assert iptables.parse(filters, 4) == RULES
    for base, own in (("INPUT", "EXASOL-IN"), ("OUTPUT", "EXASOL-OUT")):
        targets = [line.split(" -j ")[-1] for line in filters.splitlines() if line.startswith(f"-A {base} ")]
        assert targets[0] == own
        assert targets.count(own) == 1


@by_variant
@pytest.mark.parametrize("name", list(GOOD))
def test_a_reload_brings_our_rules_before_those_of_others_and_leaves_theirs(variant, name):
    before = loaded(variant, GOOD[name])
    edited = iptables.edit(GOOD[name], RULES, 4)
    after = loaded(variant, edited)
    assert_ours_are_in_force(after)
    if any(line == "*filter" for line in before):
        assert of_others(after) == before
    else:
        # The table that was not there is one that permits everything.
        accepting = {
            "*filter",
            ":INPUT ACCEPT [0:0]",
            ":FORWARD ACCEPT [0:0]",
            ":OUTPUT ACCEPT [0:0]",
            "COMMIT",
        }
        assert set(of_others(after)) - set(before) <= accepting
        assert [line for line in of_others(after) if line not in accepting] == [
            line for line in before if line not in accepting
        ]
    assert iptables.edit(edited, RULES, 4) == edited
    assert iptables.edit(edited, (), 4) == (GOOD[name] or None)


@by_variant
def test_a_file_that_is_loaded_without_a_flush_brings_our_rules_too(variant):
    # IPTABLES_RESTORE_NOFLUSH=yes of netfilter-persistent.
    edited = iptables.edit(GOOD["two-filters"], RULES, 4)
    assert_ours_are_in_force(loaded(variant, edited, "--noflush"))


@by_variant
def test_what_was_saved_anew_by_its_user_stays_to_the_letter(variant):
    # netfilter-persistent save, iptables-save > file
    saved = works(f"{variant}-restore; {variant}-save", iptables.edit(GOOD["between-others"], RULES, 4))
    assert iptables.edit(saved, RULES, 4) == saved
    fewer = tuple(one for one in RULES if one.action == "accept")
    assert iptables.edit(saved, fewer, 4) != saved


@by_variant
@pytest.mark.parametrize("name", list(BAD))
def test_what_cannot_be_loaded_is_refused(monkeypatch, variant, name):
    text, fragments = BAD[name]
    assert inside(f"{variant}-restore", text).returncode, "the oracle: iptables-restore refuses it too"
    monkeypatch.setattr(iptables, "run", tried(variant))
    family = iptables.FAMILIES[0]._replace(restore="iptables-restore")

    def write():
        iptables.check_loads(
            family, "/etc/iptables/rules.v4", text, iptables.edit(text, RULES, 4, "/etc/iptables/rules.v4")
        )

    assert_names(refusal(write), ["/etc/iptables/rules.v4"] + fragments)


def tried(variant):
    """Return what runs iptables-restore --test in a namespace, of a variant."""

    def run(command, stdin):
        done = inside(" ".join([variant + "-restore"] + list(command[1:])), stdin)
        return steps.Done(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))

    return run


@by_variant
@pytest.mark.parametrize("name", list(GOOD))
def test_what_can_be_loaded_is_not_refused(monkeypatch, variant, name):
    monkeypatch.setattr(iptables, "run", tried(variant))
    iptables.check_loads(iptables.FAMILIES[0], "rules.v4", GOOD[name], iptables.edit(GOOD[name], RULES, 4))


@pytest.mark.parametrize("more", [0, 1], ids=["fits", "fits-without-its-newline"])
def test_a_line_has_to_fit_what_is_read_at_once(monkeypatch, more):
    """Without its newline, older versions of iptables-restore lose its last word (add_param_to_argv in xshared.c).

    So it counts also where our lines are removed from a file to which others have added such a line.
    """
    monkeypatch.setattr(iptables, "run", lambda *unused: steps.Done(0, "", ""))
    line = f"{'-A INPUT -i lo -j ACCEPT'.ljust(saved_file.MAX_LINE - 1 + more)}\n"
    before = iptables.edit(GOOD["plain"], RULES, 4).replace("COMMIT\n", f"{line}COMMIT\n")
    without = GOOD["plain"].replace("COMMIT\n", f"{line}COMMIT\n")
    arguments = (iptables.FAMILIES[0], "rules.v4", before, without)
    if more:
        assert_names(refusal(iptables.check_loads, *arguments), ["rules.v4, line 7", "10240 bytes"])
    else:
        iptables.check_loads(*arguments)


def test_what_is_not_written_is_not_tried(monkeypatch):
    monkeypatch.setattr(iptables, "run", None)
    for before, content in (("a", "a"), ("a", None), (None, None)):
        iptables.check_loads(iptables.FAMILIES[0], "rules.v4", before, content)


def test_lines_of_ours_that_a_host_refuses_are_distinguished_from_a_file_that_was_wrong_before(monkeypatch):
    monkeypatch.setattr(
        iptables,
        "run",
        lambda command, stdin: steps.Done(2 if "EXASOL" in stdin else 0, "", "no multiport here"),
    )
    edited = iptables.edit(GOOD["plain"], RULES, 4)
    assert_names(
        refusal(iptables.check_loads, iptables.FAMILIES[0], "rules.v4", GOOD["plain"], edited),
        ["with our rules", "no multiport here"],
    )


@pytest.mark.parametrize("stdout, stderr", [("x", "y"), ("y", "")], ids=["errors", "output"])
def test_of_a_long_message_the_end_is_quoted(monkeypatch, stdout, stderr):
    """iptables-restore names the line last."""

    def said(word):
        return f" {500 * 'x'}{word * 500}\n"

    done = steps.Done(2, said(stdout), stderr and said(stderr))
    monkeypatch.setattr(iptables, "run", lambda *unused: done)
    text = refusal(iptables.check_loads, iptables.FAMILIES[0], "rules.v4", "", "*filter\n")
    assert f"iptables-restore --test says: {500 * 'y'}. Nothing" in text


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        ("# a\n\n", []),
        ("*filter\nCOMMIT\n", [("filter", 0, 1)]),
        ("\n*nat x\n:A - [0:0]\nCOMMIT\n#\n*filter\n-A A\nCOMMIT", [("nat", 1, 3), ("filter", 5, 7)]),
    ],
    ids=["empty", "comment", "one", "two"],
)
def test_tables_are_found(text, expected):
    assert [tuple(section) for section in saved_file.sections(text.splitlines(True), "a file")] == expected


@pytest.fixture
def extensions(monkeypatch, tmp_path):
    """The folder of iptables' extensions, as it is where iptables is installed."""
    for name in ("libipt_REJECT.so", "libxt_LOG.so"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(saved_file, "_LIBRARIES", [str(tmp_path)])


@pytest.mark.usefixtures("extensions")
def test_a_chain_of_ours_that_others_jump_to_is_not_taken_out_of_a_file(monkeypatch):
    """With our chain gone, the nft variant would load nothing of the file at the next start, and only there it would show."""
    monkeypatch.setattr(iptables, "run", lambda *unused: steps.Done(0, "", ""))
    text = iptables.edit(GOOD["plain"], RULES, 4).replace("COMMIT\n", "-A FORWARD -j EXASOL-IN\nCOMMIT\n")
    iptables.check_loads(iptables.FAMILIES[0], "rules.v4", text, iptables.edit(text, RULES[:1], 4))
    assert_names(
        refusal(iptables.check_loads, iptables.FAMILIES[0], "rules.v4", text, iptables.edit(text, (), 4)),
        ["rules.v4", "EXASOL-IN", "Nothing was changed"],
    )


@pytest.mark.usefixtures("extensions")
@pytest.mark.parametrize(
    "content, refused",
    [("IPTABLES_RESTORE_NOFLUSH=yes\n", False), ("#IPTABLES_RESTORE_NOFLUSH=yes\n", True), (None, True)],
)
def test_a_file_that_is_loaded_without_a_flush_may_name_chains_of_others(monkeypatch, content, refused):
    monkeypatch.setattr(iptables, "run", lambda *unused: steps.Done(0, "", ""))
    monkeypatch.setattr(iptables, "read", lambda path: content)
    text = BAD["jump-to-no-chain"][0]
    arguments = (iptables.FAMILIES[0], "rules.v4", text, iptables.edit(text, RULES, 4))
    if refused:
        assert_names(refusal(iptables.check_loads, *arguments), ["NOBODY"])
    else:
        iptables.check_loads(*arguments)


@pytest.mark.parametrize(
    "libraries, refused", [((), False), (("tests",), True)], ids=["nowhere", "found-without-it"]
)
def test_without_the_extensions_of_iptables_no_target_is_called_missing(
    monkeypatch, tmp_path, libraries, refused
):
    (tmp_path / "tests").mkdir()
    monkeypatch.setattr(saved_file, "_LIBRARIES", [str(tmp_path / name) for name in libraries])
    found = saved_file.missing_chain(BAD["jump-to-no-chain"][0].splitlines(True), "rules.v4")
    assert found == ("rules.v4, line 7: the table filter has no chain NOBODY" if refused else "")
