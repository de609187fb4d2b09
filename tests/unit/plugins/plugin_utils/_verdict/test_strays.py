# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that a load balancer leads elsewhere, at ports that the destination has proved."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.case import (
    ASIDE,
    BUSY,
    ENDED,
    UNSEEN,
    Listener,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.judge import judge

from .joined import clean_path
from .test_judge import DESTINATION, case

OK = case("open", "syn-ack", answered_by="n11")


def strayed(*strays, of=OK):
    """Return a case with connections that did not come to its destination."""
    return of._replace(path=clean_path("n11", DESTINATION, strays=list(strays)))


def stray(how, connections, ports="8563", **more):
    return {"how": how, "ports": ports, "connections": connections, **more}


TO_N12 = stray("other_host", 1, answered_by="n12")
JUDGED = {
    "none": (OK, "ok", ""),
    "one to another host": (strayed(TO_N12), "wrong_host", "other_host"),
    "one to a stranger": (strayed(stray("stranger", 1)), "wrong_host", "other_answer"),
    "to both": (strayed(stray("refused", 5), TO_N12), "wrong_host", "other_host"),
    "one refused": (strayed(stray("refused", 1)), "ok", ""),
    "two refused": (strayed(stray("refused", 2)), "degraded", "answers_differ"),
    "one cut off": (strayed(stray("cut_off", 1)), "ok", ""),
    "two cut off": (strayed(stray("cut_off", 2)), "degraded", "answers_differ"),
    "one refused and one cut off": (
        strayed(stray("refused", 1), stray("cut_off", 1)),
        "degraded",
        "answers_differ",
    ),
    "one rejected by the source itself": (strayed(stray("refused_here", 1)), "ok", ""),
    "two rejected by the source itself": (
        strayed(stray("refused_here", 2)),
        "degraded",
        "rejected_at_source",
    ),
    "two without a neighbour": (strayed(stray("no_neighbour", 2)), "degraded", "no_arp_reply"),
    "one refused, and one rejected by the source itself": (
        strayed(stray("refused", 1), stray("refused_here", 1)),
        "ok",
        "",
    ),
    "two refused, and two rejected by the source itself": (
        strayed(stray("refused", 2), stray("refused_here", 2)),
        "degraded",
        "answers_differ",
    ),
    "rejected by the source itself, and the listener ended": (
        strayed(stray("refused_here", 2), of=OK._replace(listener=Listener(ENDED, "it was killed"))),
        "degraded",
        "rejected_at_source",
    ),
    "without a neighbour, because the host of the listener ended": (
        strayed(stray("no_neighbour", 5), of=OK._replace(listener=Listener(ENDED, "it was killed"))),
        "ok",
        "",
    ),
    "two unanswered": (strayed(stray("unanswered", 2)), "ok", ""),
    "three unanswered": (strayed(stray("unanswered", 3)), "degraded", "answers_differ"),
    "five unanswered beside a range that loses packets": (
        OK._replace(
            path=clean_path("n11", DESTINATION, strays=[stray("unanswered", 5)], tries=1009, lost=246)
        ),
        "degraded",
        "answers_differ",
    ),
    "three refused where most packets are lost": (
        OK._replace(path=clean_path("n11", DESTINATION, strays=[stray("refused", 3)], tries=64, lost=40)),
        "degraded",
        "answers_differ",
    ),
    "three unanswered by a busy listener": (
        strayed(stray("unanswered", 3), of=OK._replace(listener=Listener(BUSY, "it was stopped"))),
        "ok",
        "",
    ),
    "refused where the listener was busy": (
        strayed(
            stray("refused", 2), stray("unanswered", 3), of=OK._replace(listener=Listener(BUSY, "it was"))
        ),
        "degraded",
        "answers_differ",
    ),
    "to a stranger where the listener was busy": (
        strayed(stray("stranger", 1), of=OK._replace(listener=Listener(BUSY, "it was stopped"))),
        "wrong_host",
        "other_answer",
    ),
    "cut off by a listener that ended": (
        strayed(stray("cut_off", 5), of=OK._replace(listener=Listener(ENDED, "it was killed"))),
        "ok",
        "",
    ),
    "refused by a listener that ended": (
        strayed(stray("refused", 5), of=OK._replace(listener=Listener(ENDED, "it was killed"))),
        "ok",
        "",
    ),
    "to a service that a listener made way for": (
        strayed(stray("stranger", 5), of=OK._replace(listener=Listener(ASIDE, "it made way"))),
        "ok",
        "",
    ),
    "to another host, and the listener ended": (
        strayed(TO_N12, of=OK._replace(listener=Listener(ENDED, "it was killed"))),
        "wrong_host",
        "other_host",
    ),
    "at other ports": (strayed(stray("stranger", 9, ports="2580,20000-21000")), "ok", ""),
    "a service of others": (strayed(TO_N12, of=case("open", "syn-ack")), "ok", ""),
    "a host that is red already": (
        strayed(stray("refused", 9), of=case("open", "syn-ack", answered_by="n13")),
        "wrong_host",
        "other_host",
    ),
}


@pytest.mark.parametrize("what", JUDGED)
def test_what_follows_the_first_connection_counts(what):
    of, verdict, cause = JUDGED[what]
    judged = judge(of)
    assert (judged.verdict, judged.cause) == (verdict, cause)


def test_the_sentence_names_who_answered_and_who_acts():
    judged = judge(strayed(TO_N12, stray("refused", 4)))
    assert "1 of those that followed were answered by n12" in judged.sentence
    assert "load balancer" in judged.sentence
    assert judged.actor == ("network", "this run")
    both = judge(strayed(stray("refused", 4), stray("unanswered", 3)))
    assert "4 were refused and 3 were accepted and never answered" in both.sentence
    cut = judge(strayed(stray("cut_off", 2)))
    assert "2 were accepted and ended without an answer" in cut.sentence
    assert set(both.actor) == {"network", "host:n11"}, "nothing decides between them"


def sampled(of=None, answered_by="n11", **samples):
    """Return a case of UDP with what more source ports found."""
    who = {"answered_by": answered_by} if answered_by else {}
    made = of or case("open", "udp-response", **who)
    found = {"ports": "8563", "tried": 32, "failed_always": 0, **samples}
    return made._replace(protocol="udp", samples=(found,))


DEAD = {"failed_always": 8, "pattern": "by_connection"}
BY_UDP = {
    "none": (sampled(), "ok", ""),
    "not sampled": (sampled()._replace(samples=()), "ok", ""),
    "some failed, and loss may be why": (sampled(failed_always=1), "ok", ""),
    "some fail always": (sampled(**DEAD), "degraded", "link_of_bundle"),
    "some fail always, to a service of others": (
        sampled(answered_by="", **DEAD),
        "degraded",
        "link_of_bundle",
    ),
    "one refused": (sampled(strays=[stray("refused", 1)]), "ok", ""),
    "two refused": (sampled(strays=[stray("refused", 2)]), "degraded", "answers_differ"),
    "two refused by a service of others": (
        sampled(answered_by="", strays=[stray("refused", 2)]),
        "degraded",
        "answers_differ",
    ),
    "refused beside some that are silent, because hosts limit their errors": (
        sampled(strays=[stray("refused", 7)], **DEAD),
        "degraded",
        "answers_differ",
    ),
    "one refused beside some that are silent": (
        sampled(strays=[stray("refused", 1)], **DEAD),
        "degraded",
        "link_of_bundle",
    ),
    "two that the source itself rejects": (
        sampled(strays=[stray("refused_here", 2)]),
        "degraded",
        "rejected_at_source",
    ),
    "two without a neighbour, to a service of others": (
        sampled(answered_by="", strays=[stray("no_neighbour", 2)]),
        "degraded",
        "no_arp_reply",
    ),
    "one to another host": (sampled(strays=[TO_N12]), "wrong_host", "other_host"),
    "one to a stranger": (sampled(strays=[stray("stranger", 1)]), "wrong_host", "other_answer"),
    "at other ports": (sampled(strays=[stray("stranger", 1, ports="53")]), "ok", ""),
    "strays of TCP": (
        sampled()._replace(path=clean_path("n11", DESTINATION, strays=[stray("stranger", 1)])),
        "ok",
        "",
    ),
    "some fail always by a listener that was busy": (
        sampled(**DEAD)._replace(listener=Listener(BUSY, "it was stopped")),
        "ok",
        "",
    ),
    "some fail always by a listener that ended": (
        sampled(**DEAD)._replace(listener=Listener(ENDED, "it was killed")),
        "ok",
        "",
    ),
    "some fail always by a listener that made way": (
        sampled(**DEAD)._replace(listener=Listener(ASIDE, "it made way")),
        "ok",
        "",
    ),
    "some fail always by one of whose end nothing is known": (
        sampled(**DEAD)._replace(listener=Listener(UNSEEN, "it did not answer")),
        "degraded",
        "link_of_bundle",
    ),
    "refused by a listener that ended": (
        sampled(strays=[stray("refused", 9)])._replace(listener=Listener(ENDED, "it was killed")),
        "ok",
        "",
    ),
    "a host that is red already": (sampled(answered_by="n13", **DEAD), "wrong_host", "other_host"),
    "strays of a flow that must not work": (
        sampled(case("open", "udp-response", answered_by="n11", expected="denied"), **DEAD),
        "exposed",
        None,
    ),
}


@pytest.mark.parametrize("what", BY_UDP)
def test_what_more_source_ports_find_counts(what):
    of, verdict, cause = BY_UDP[what]
    judged = judge(of)
    assert judged.verdict == verdict
    assert cause is None or judged.cause == cause


def test_the_sentence_on_datagrams_names_who_acts():
    ours, theirs = judge(sampled(**DEAD)), judge(sampled(answered_by="", **DEAD))
    assert "8 of 32 source ports never got an answer over UDP" in ours.sentence
    assert "bundles (LACP)" in ours.sentence and "processes" not in ours.sentence
    assert "one of several processes of sql_client" in theirs.sentence
    assert (ours.actor, theirs.actor) == (("network",), ("network", "service owner"))
    refused = judge(sampled(strays=[stray("refused", 4)]))
    assert "not with every datagram" in refused.sentence
    assert refused.evidence[-1] == "of further datagrams, 4 were refused"


@pytest.mark.parametrize(
    "how, actors",
    [("refused_here", {"host:client"}), ("no_neighbour", {"host:client", "host:n11"})],
)
def test_what_the_source_itself_could_not_do_accuses_no_device_in_between(how, actors):
    judged = judge(strayed(stray(how, 4)))
    assert set(judged.actor) == actors
    assert "load balancer" not in judged.sentence and " 4 of those" in judged.sentence
    assert judged.next_command.endswith("  # on client")


REFUSED_AT_FIRST = {"ports": "8563", "tried": 1, "failed_always": 0, "refused_at_first": True}


def refused_at_first(of=OK, how="refused", connections=1, protocol="tcp"):
    """Return a case whose first connection was refused, and a later one served."""
    samples = {**REFUSED_AT_FIRST, "strays": [stray(how, connections)]}
    return of._replace(protocol=protocol, samples=(samples,))


THEIRS = case("open", "syn-ack")
AT_FIRST = {
    "by a listener": (refused_at_first(), "degraded", "answers_differ"),
    "by a service of others": (refused_at_first(THEIRS), "degraded", "answers_differ"),
    "over udp": (refused_at_first(protocol="udp"), "degraded", "answers_differ"),
    "by the source itself": (refused_at_first(how="refused_here"), "degraded", "rejected_at_source"),
    "by nobody who replies to ARP": (refused_at_first(how="no_neighbour"), "degraded", "no_arp_reply"),
    "where a listener ended": (
        refused_at_first(OK._replace(listener=Listener(ENDED, "it was killed"))),
        "ok",
        "",
    ),
    "at other ports": (refused_at_first(OK._replace(ports="20000")), "ok", ""),
    "and another host answered": (refused_at_first(strayed(TO_N12)), "wrong_host", "other_host"),
    "and it is red already": (
        refused_at_first(case("open", "syn-ack", answered_by="n13")),
        "wrong_host",
        "other_host",
    ),
}


def test_the_sentence_on_a_first_connection_counts_it():
    judged = judge(refused_at_first(connections=3))
    assert "of the first connections and those that followed, 3 were refused" in judged.sentence
    assert judged.evidence[-1] == "of all connections, 3 were refused"
    both = judge(refused_at_first(strayed(stray("refused", 4)), connections=3))
    assert "7 were refused" in both.sentence


def answered(status, of=None, said=("it refuses the question",), tried=3, **more):
    """Return a case of a service over UDP of which some answers strayed."""
    made = of or case("open", "udp-response", identity={"status": "identified"})
    found = {"ports": "8563", "tried": tried, "failed_always": 0, "said": list(said), **more}
    return made._replace(protocol="udp", samples=({**found, "strays": [stray(status, 2)]},))


TURNED_AWAY = case("open", "udp-response", identity={"status": "refusing", "detail": "code REFUSED"})
ANSWERS = {
    "not served": (answered("not_served"), "wrong_service", "service_refuses"),
    "of another service": (answered("other_service"), "wrong_service", "other_service"),
    "not served at first": (answered("not_served", TURNED_AWAY), "wrong_service", "service_refuses"),
    "nobody is served": (answered("not_served", tried=0), "ok", ""),
    "nobody is answered as expected": (answered("not_served", tried=1, failed_always=1), "ok", ""),
    "not served once": (
        sampled(answered_by="", strays=[stray("not_served", 1)]),
        "ok",
        "",
    ),
}


@pytest.mark.parametrize(
    "of, verdict, cause", [*AT_FIRST.values(), *ANSWERS.values()], ids=[*AT_FIRST, *ANSWERS]
)
def test_a_first_refusal_and_the_answers_of_a_service_count(of, verdict, cause):
    judged = judge(of)
    assert (judged.verdict, judged.cause) == (verdict, cause)


def test_the_sentence_on_answers_says_what_they_said_and_who_acts():
    judged = judge(answered("not_served"))
    assert "2 answers say that it does not serve client (it refuses the question)" in judged.sentence
    assert judged.actor == ("service owner",)
    assert judge(answered("not_served", TURNED_AWAY)).sentence == judged.sentence
    assert "load balancer" not in judge(TURNED_AWAY._replace(protocol="udp")).sentence
    assert judge(answered("other_service", said=())).actor == ("service owner", "network")
