# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences for many flows: they name all of these, and nobody else; the urgent ones are kept."""

from __future__ import annotations

import ipaddress
import re

import pytest
from ansible.plugins.inventory import expand_hostname_range
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.spoken import (
    Speaker,
    commands,
    sentences,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.summary import lines
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import (
    SEVERITY,
    VERDICTS,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    NODES,
    mesh,
    result,
    verification,
)

HOSTS = {f"n{number}": f"192.0.2.{number}" for number in range(7, 13)}
PAIRS = [(one, other) for one in HOSTS for other in HOSTS if one != other]


def blocked(source, destination, **more):
    """Return a blocked flow with a sentence as the verdict makes it."""
    address = HOSTS.get(destination, destination)
    sentence = (
        f"{source} gets no reply from tcp 8563 of {destination} ({address}): a filter drops it; allow "
        f"tcp 8563 from {HOSTS.get(source, source)} to {address} on {destination}."
    )
    return {**result(source, destination, "blocked", address=address, sentence=sentence), **more}


def said_of(results):
    made = verification(results, addresses={name: [address] for name, address in HOSTS.items()})
    speaker = Speaker(made)
    return [said for line in lines(results) for said in speaker.said(line)]


def named(text):
    """Return the hosts that a part of a sentence names."""
    words = re.findall(r"n\[?\d+(?::\d+\])?", text)
    return {name for word in words for name in (expand_hostname_range(word) if "[" in word else [word])}


def addresses(text):
    """Return the addresses that a part of a sentence names."""
    found = set()
    for first, last in re.findall(r"(192\.0\.2\.\d+)(?:-(\d+))?", text):
        start = int(ipaddress.ip_address(first))
        end = int(ipaddress.ip_address(f"192.0.2.{last}")) if last else start
        found |= {str(ipaddress.ip_address(number)) for number in range(start, end + 1)}
    return found


PARTS = re.compile(r"(.+?) gets? no reply from tcp 8563 of (.+) \((.+)\): .+ from (.+) to (.+) on (.+)\.")


@given(st.sets(st.sampled_from(PAIRS), min_size=1))
def test_a_sentence_names_all_flows_of_its_group_and_no_other(pairs):
    spoken = []
    for said in said_of([blocked(*pair) for pair in sorted(pairs)]):
        who, whom, at, start, end, where = PARTS.fullmatch(said.text).groups()
        sources = named(who)
        destinations = named(whom) or sources  # "each other one of them"
        assert (named(where) or sources) == destinations
        assert {HOSTS[name] for name in sources} == addresses(start)
        assert {HOSTS[name] for name in destinations} == addresses(at) == addresses(end)
        spoken += [(one, other) for one in sources for other in destinations if one != other]
    assert sorted(spoken) == sorted(pairs)


def test_one_flow_keeps_its_sentence():
    one = blocked("n7", "n8")
    assert [said.text for said in said_of([one])] == [one["sentence"]]


def test_three_sources_are_one_sentence():
    (said,) = said_of([blocked(name, "n12") for name in ("n7", "n8", "n9")])
    assert said.text == (
        "each of n[7:9] gets no reply from tcp 8563 of n12 (192.0.2.12): a filter drops it; allow tcp 8563 "
        "from 192.0.2.7-9 to 192.0.2.12 on n12."
    )


def test_a_mesh_is_one_sentence():
    (said,) = said_of([blocked(*pair) for pair in PAIRS])
    assert said.text.startswith("each of n[7:12] gets no reply from tcp 8563 of each other one of them (192")


def test_sentences_that_say_something_else_are_kept_apart():
    results = [
        blocked("n7", "n12"),
        blocked("n8", "n12", sentence="n8 is refused by 198.51.100.1 on the way to n12."),
    ]
    assert sorted(said.text for said in said_of(results)) == sorted(one["sentence"] for one in results)


def test_what_a_trace_adds_stands_behind_the_sentence_of_all():
    traced = blocked("n8", "n12")
    traced["sentence"] += " A trace of tcp 8563 heard nothing after hop 2, 198.51.100.1."
    (said,) = said_of([blocked("n7", "n12"), traced, blocked("n9", "n12")])
    assert said.text.startswith("each of n[7:9] gets")
    assert said.text.endswith(
        "on n12. From n8 to n12: A trace of tcp 8563 heard nothing after hop 2, 198.51.100.1."
    )


@pytest.mark.parametrize("name", ["filter", "a", "tcp", "8563", "of"])
def test_a_host_with_the_name_of_a_word_changes_nothing(name):
    results = [blocked(name, "n12"), blocked("n7", "n12")]
    (mine,) = [said for said in said_of(results) if name in said.line.sources and len(said.line.sources) == 1]
    assert mine.text == results[0]["sentence"]


def test_the_words_of_an_address_are_not_those_of_a_longer_one():
    results = [
        blocked("n7", "n1", address="192.0.2.1", sentence="n7 asks 192.0.2.1 of n1, not 192.0.2.11 of n11.")
    ]
    results.append(
        blocked("n8", "n1", address="192.0.2.1", sentence="n8 asks 192.0.2.1 of n1, not 192.0.2.11 of n11.")
    )
    (said,) = said_of(results)
    assert said.text == "each of n7 and n8 asks 192.0.2.1 of n1, not 192.0.2.11 of n11."


def test_sentences_are_about_what_is_wrong():
    found = sentences(
        verification([*mesh(n13="blocked"), result("client", "n11", "no_listener"), result("client", "n12")])
    )
    assert found == [
        "no_listener: client to n11: no_listener.",
        "blocked: each of n11, n12 and n[14:16] to n13: blocked.",
    ]


def test_nothing_wrong_needs_no_sentence():
    assert sentences(verification(mesh())) == []


@given(st.lists(st.sampled_from(VERDICTS), max_size=30), st.integers(1, 8))
def test_no_kept_sentence_is_milder_than_one_that_is_left_out(verdicts, most):
    results = [
        {**result("client", "n11", service=f"s{number}"), "verdict": verdict}
        for number, verdict in enumerate(verdicts)
    ]
    found = sentences(verification(results), most)
    kept = [line.split(":")[0] for line in found if not line.startswith("...")]
    wrong = sorted((verdict for verdict in verdicts if verdict != "ok"), key=SEVERITY.__getitem__)
    assert kept == wrong[-most:]
    assert (len(wrong) > most) == (found[:1] != [] and found[0].startswith("... "))
    if len(wrong) > most:
        assert str(len(wrong) - most) in found[0]


def test_commands_of_several_hosts_are_one():
    results = [{"next_command": f"nft list ruleset  # on {node}"} for node in NODES]
    results += [{"next_command": ""}, {"next_command": "ss -ltn  # on n11"}, {}]
    assert commands(results, 5) == ["nft list ruleset  # on n[11:16]", "ss -ltn  # on n11"]
    assert commands(results, 1) == ["nft list ruleset  # on n[11:16]"]
