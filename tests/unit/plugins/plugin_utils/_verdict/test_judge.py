# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging: tables from what was seen to what it means and who acts."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import STATES
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict import causes, packet_stages
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.case import (
    ASIDE,
    DENIED,
    ELSEWHERE,
    ENDED,
    FAILED,
    FOREIGN,
    ITSELF,
    NOBODY,
    NOT_ASKED,
    OUTSIDE,
    SIBLING,
    STRANGE,
    UNSEEN,
    UP,
    Case,
    Kernels,
    Listener,
    Twin,
    Unplanned,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.judge import judge
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import VERDICTS
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._verdict.joined import (
    clean_path,
)

SOURCE, DESTINATION, ROUTER = "192.0.2.21", "192.0.2.11", "192.0.2.1"


NONE = Listener()
NOT_PERMITTED = Listener(DENIED, "n11 does not permit it")


def case(state, reason="", listener=NONE, expected="reachable", **more):
    """Return a case of one flow from a client to a node."""
    return Case(
        source="client",
        destination="n11",
        address=DESTINATION,
        service="sql_client",
        protocol="tcp",
        ports="8563",
        expected=expected,
        observed={"ports": "8563", "state": state, "reason": reason, **more},
        source_addresses=(SOURCE,),
        own_addresses=(SOURCE,),
        listener=listener,
        path=clean_path("n11", DESTINATION),
    )


REACHABLE = [
    (case("open", "syn-ack"), "ok", ["client reaches tcp 8563 of n11 (192.0.2.11)"]),
    (case("open", "syn-ack", answered_by="n11"), "ok", ["client reaches tcp 8563"]),
    (case("open", "syn-ack", answered_by="n11", proof="ours"), "ok", ["client reaches tcp 8563"]),
    (
        case("open", "syn-ack", answered_by="n11", proof="other_port"),
        "wrong_service",
        ["tcp 8563 of n11", "arrives at another port of n11", "forwarding", "overrides (sql_client)"],
    ),
    (
        case("open", "syn-ack", answered_by="n11", proof="other_port")._replace(behind=("10.0.0.11",)),
        "untested",
        ["arrives at another port of n11", "translates the port too"],
    ),
    (
        case("open", "syn-ack", answered_by="n12", proof="other_port"),
        "wrong_host",
        ["n12 answers", "exasol_address"],
    ),
    (
        case("open", "syn-ack", answered_by="n12"),
        "wrong_host",
        ["client", "n12 answers", "balancer", "exasol_address"],
    ),
    (
        case("open", "syn-ack", answered_by="", detail="connected, but nobody answered our hello"),
        "wrong_host",
        ["something other than our listener answers", "nobody answered our hello", "balancer", "n11"],
    ),
    (case("open", "syn-ack", answered_by=""), "wrong_host", ["no proof"]),
    (
        case("closed", "conn-refused"),
        "no_listener",
        ["refused", "nothing listens", "start the service", "overrides (sql_client)"],
    ),
    (
        case("closed", "conn-refused", listener=Listener(UP)),
        "blocked",
        ["refused", "our listener was up", "allow tcp 8563 from 192.0.2.21 to 192.0.2.11 on n11"],
    ),
    (
        case("closed", "conn-refused", listener=NOT_PERMITTED),
        "untested",
        ["refused", "did not listen: n11 does not permit it"],
    ),
    (
        case("filtered", "no-response"),
        "blocked",
        ["no reply", "drops it", "allow tcp 8563 from 192.0.2.21 to 192.0.2.11 on n11", "in between"],
    ),
    (case("filtered", "admin-prohibited"), "blocked", ["is rejected", "admin-prohibited", "allow"]),
    (
        case("filtered", "host-unreach"),
        "no_route",
        ["client gets no ARP or NDP reply for 192.0.2.11", "down"],
    ),
    (
        case("filtered", "admin-prohibited", reason_ip="local"),
        "blocked_at_source",
        ["client itself rejects", "allow outgoing tcp 8563", "on client"],
    ),
    (
        case("filtered", "admin-prohibited", reason_ip=SOURCE),
        "blocked_at_source",
        ["client itself rejects", "allow outgoing tcp 8563", "on client"],
    ),
    (case("filtered", "host-unreach", reason_ip=SOURCE), "no_route", ["client gets no ARP or NDP reply"]),
    (
        case("filtered", "admin-prohibited", reason_ip=DESTINATION),
        "blocked",
        ["in the name of n11", "its own firewall", "a device in between", "allow tcp 8563", "on n11"],
    ),
    (
        case("filtered", "port-unreach", reason_ip=DESTINATION),
        "blocked",
        ["in the name of n11", "port-unreach"],
    ),
    (
        case("filtered", "admin-prohibited", reason_ip=ROUTER),
        "blocked_on_path",
        ["192.0.2.1, between client and n11", "ask who runs 192.0.2.1", "allow tcp 8563"],
    ),
    (
        case("filtered", "host-unreach", reason_ip=ROUTER),
        "no_route",
        ["router 192.0.2.1", "ask who runs 192.0.2.1"],
    ),
    (
        case("filtered", "time-exceeded", reason_ip=ROUTER),
        "no_route",
        ["router 192.0.2.1 reports to client", "time-exceeded", "go in a circle", "a route to 192.0.2.11"],
    ),
    # The source forwards, and its own gateway leads back to it.
    (
        case("filtered", "time-exceeded", reason_ip="local"),
        "no_route",
        ["client reports to client", "circle"],
    ),
    (case("filtered", "param-problem", reason_ip=ROUTER), "blocked_on_path", ["192.0.2.1", "param-problem"]),
    (case("unreachable", "no-route"), "no_route", ["client has no route to 192.0.2.11", "add a route"]),
    (case("unreachable", "net-unreach", reason_ip="local"), "no_route", ["client has no route"]),
    (
        case("unreachable", "net-unreach", reason_ip=ROUTER),
        "no_route",
        ["router 192.0.2.1", "no route to 192.0.2.11"],
    ),
    (
        case("unreachable", "net-unreach", reason_ip=DESTINATION),
        "blocked",
        ["in the name of n11"],
    ),
    (
        case("unresolved", "name", detail="Name or service not known"),
        "unresolved",
        ["client cannot resolve", "Name or service not known", "DNS servers or the search domain of client"],
    ),
    (case("unresolved", "name"), "unresolved", ["no answer"]),
    (case("open|filtered", "no-response"), "untested", ["gets no reply", "UDP"]),
    (
        case("open|filtered", "no-response", listener=Listener(UP)),
        "blocked",
        ["no reply from our listener", "allow tcp 8563"],
    ),
    (case("error", "EMFILE", detail="raise it"), "untested", ["could not test", "EMFILE, raise it."]),
    (case("error", "EIO"), "untested", ["could not test", "EIO."]),
]

TLS = {"fingerprint": "AB" * 32}
SYBASE = "open, service not verified: Sybase ASE sends nothing before a login"
IDENTITIES = [
    ({"status": "identified"}, "ok", ["client reaches tcp 8563 of n11 (192.0.2.11) (identified)."]),
    ({"status": "identified", "version": "8.0.36"}, "ok", ["(8.0.36)."]),
    ({"status": "identified", "detail": "without TLS"}, "ok", ["(without TLS)."]),
    (
        {"status": "identified", "version": "x", "detail": "HTTP status 200", "tls": TLS},
        "ok",
        ["(x, HTTP status 200)."],
    ),
    (
        {"status": "other", "looks_like": "SSH"},
        "wrong_service",
        [
            "client reaches tcp 8563",
            "sql_client does not answer there (SSH)",
            "overrides (sql_client)",
            "n11",
        ],
    ),
    (
        {"status": "other", "looks_like": "TLS", "detail": "it does not speak WebSocket"},
        "wrong_service",
        ["(TLS; it does not speak WebSocket)", "balancer"],
    ),
    ({"status": "other", "detail": "odd"}, "wrong_service", ["(odd)"]),
    (
        {"status": "silent", "looks_like": "something that sends nothing"},
        "wrong_service",
        ["connects", "something that sends nothing is there", "sql_client hangs"],
    ),
    (
        {"status": "silent", "looks_like": "something that closes the connection without sending anything"},
        "wrong_service",
        ["closes the connection", "balancer or a proxy", "look at sql_client on n11"],
    ),
    (
        {"status": "silent", "looks_like": "something that resets the connection without sending anything"},
        "wrong_service",
        ["resets", "a proxy without a server"],
    ),
    (
        {
            "status": "silent",
            "looks_like": "something that sends nothing",
            "detail": "it may count that against this host",
        },
        "wrong_service",
        ["sends nothing", "(it may count that against this host)."],
    ),
    ({"status": "silent"}, "wrong_service", ["something that sends nothing is there"]),
    ({"status": "unverifiable", "detail": SYBASE}, "ok", [SYBASE]),
    ({"status": "unverifiable"}, "ok", ["(unverifiable)."]),
    ({"status": "unverifiable", "looks_like": "anything", "detail": ""}, "ok", []),
    (
        {"status": "refusing", "detail": "it lets nobody of this host in"},
        "wrong_service",
        [
            "client reaches tcp 8563 of n11",
            "sql_client does not serve client (it lets nobody of this host in)",
            "the network is open",
            "on n11 must act",
        ],
    ),
    (
        {"status": "refusing", "version": "nginx", "detail": "HTTP status 502"},
        "wrong_service",
        ["(nginx, HTTP status 502)"],
    ),
]

BLOCKED = [
    (
        ("open", "syn-ack"),
        {},
        "exposed",
        ["client reaches tcp 8563 of n11", "does not allow", "close it on n11"],
    ),
    (("open", "syn-ack"), {"answered_by": "n11"}, "exposed", ["close it on n11"]),
    (("open", "other-run"), {"answered_by": "", "proof": "other_run"}, "exposed", ["close it on n11"]),
    (
        ("open", "syn-ack"),
        {"answered_by": "n12"},
        "untested",
        ["n12 answers", "unknown whether client would reach n11", "check exasol_address of both"],
    ),
    (
        ("open", "syn-ack"),
        {"answered_by": "", "proof": "other", "detail": "it said hello"},
        "untested",
        ["something other than our listener answers (it said hello)", "another host has that address too"],
    ),
    (
        ("open", "syn-ack"),
        {"answered_by": "n11", "proof": "other_port"},
        "untested",
        ["arrives at another port of n11", "unknown whether client would reach n11 at this one"],
    ),
    *(
        (
            ("open", "syn-ack"),
            {"answered_by": "", "proof": proof},
            "untested",
            ["nothing shows that n11 itself accepts", "exasol_verify_capture"],
        )
        for proof in ("silent", "cut_off", "unfinished")
    ),
    (("closed", "conn-refused"), {}, "ok", ["does not reach"]),
    (
        ("closed", "conn-refused"),
        {"listener": Listener(UP)},
        "ok",
        ["does not reach", "as expected", "admin does"],
    ),
    (("closed", "conn-refused"), {"listener": NOT_PERMITTED}, "untested", ["unknown whether"]),
    (("filtered", "no-response"), {}, "ok", ["does not reach"]),
    (("filtered", "admin-prohibited"), {"reason_ip": DESTINATION}, "ok", ["does not reach"]),
    (("unreachable", "no-route"), {}, "ok", ["does not reach"]),
    (("unresolved", "name"), {"detail": "gone"}, "unresolved", ["cannot resolve", "gone"]),
    (("error", "EMFILE"), {}, "untested", ["could not test", "EMFILE"]),
    (("open|filtered", "no-response"), {}, "untested", ["gets no reply"]),
    (("open|filtered", "no-response"), {"listener": Listener(UP)}, "ok", ["does not reach"]),
]


def label(value):
    """Return a readable id for a case."""
    if not isinstance(value, Case):
        return None
    return " ".join(
        [value.state, value.reason, value.observed.get("reason_ip", ""), value.listener.kind]
    ).strip()


@pytest.mark.parametrize(("seen", "verdict", "fragments"), REACHABLE, ids=label)
def test_what_must_work(seen, verdict, fragments):
    judged, sentence = judge(seen)[:2]
    assert judged == verdict, sentence
    assert_names(sentence, fragments)


@pytest.mark.parametrize(
    ("identity", "verdict", "fragments"),
    IDENTITIES,
    ids=lambda value: value["status"] if isinstance(value, dict) else None,
)
def test_who_answers_is_judged(identity, verdict, fragments):
    judged, sentence = judge(case("open", "syn-ack", identity=identity))[:2]
    assert judged == verdict, sentence
    assert_names(sentence, fragments)
    assert sentence.endswith(".")


@pytest.mark.parametrize("identity", [{"status": "unheard of"}, {"status": ""}, {"version": "8.0.36"}])
def test_an_identity_that_nobody_knows_is_never_ok(identity):
    judged, sentence = judge(case("open", "syn-ack", identity=identity))[:2]
    assert judged == "untested"
    assert "who answers" in sentence


def test_where_nobody_was_asked_the_sentence_says_so():
    for state, words in (
        ({}, "(open, service not verified)."),
        ({"detail": "no greeting came"}, "(open, service not verified; no greeting came)."),
    ):
        judged, sentence = judge(case("open", "syn-ack", **state))[:2]
        assert judged == "ok"
        assert sentence.endswith(words)
    assert "verified" not in judge(case("open", "syn-ack", answered_by="n11"))[1]


@pytest.mark.parametrize("identity", [row[0] for row in IDENTITIES])
def test_what_must_not_work_is_exposed_whoever_answers(identity):
    assert judge(case("open", "syn-ack", expected="denied", identity=identity))[0] == "exposed"


@pytest.mark.parametrize(
    ("stage", "verdict"),
    [("returned", "exposed"), ("behind destination", "exposed"), ("left", "untested"), ("", "untested")],
)
def test_a_handshake_alone_exposes_what_captures_show_it_was_with(stage, verdict):
    seen = case("open", "syn-ack", expected="denied", answered_by="", proof="silent")
    assert judge(seen._replace(stage=stage))[0] == verdict


@pytest.mark.parametrize("proven", ["n11", "n12"])
def test_two_hosts_that_are_one_machine_are_exposed_alike(proven):
    seen = case("open", "syn-ack", expected="denied", answered_by=proven)
    assert judge(seen._replace(holder=SIBLING))[0] == "exposed"


def test_another_machine_with_the_address_exposes_nothing():
    twin = Kernels(foreign_link="02:00:00:00:00:99", link_seen_by="n12")
    seen = case("open", "syn-ack", expected="denied", answered_by="", proof="other")._replace(kernels=twin)
    judged, sentence = judge(seen)[:2]
    assert judged == "untested"
    assert_names(sentence, ["02:00:00:00:00:99", "another machine has the address of n11"])
    ours = seen._replace(observed={**seen.observed, "answered_by": "n11", "proof": "ours"})
    assert judge(ours)[0] == "exposed"


@pytest.mark.parametrize(
    ("seen", "is_certain"), [({"answered_by": "n11"}, True), ({}, False)], ids=["proven", "not asked"]
)
def test_a_private_address_without_a_proof_may_be_in_another_network(seen, is_certain):
    private = case("open", "syn-ack", expected="denied", **seen)._replace(is_private=True)
    judged, sentence = judge(private)[:2]
    assert judged == "exposed"
    assert ("unless another host has that address in a network of client" in sentence) != is_certain


def test_our_listener_is_asked_for_its_proof_and_not_for_a_service():
    assert (
        judge(case("open", "syn-ack", answered_by="n12", identity={"status": "identified"}))[0]
        == "wrong_host"
    )


def test_udp_services_are_judged_by_their_answers():
    seen = case("open", "udp-response", identity={"status": "other", "looks_like": "SSH"})._replace(
        protocol="udp", service="dns_udp", ports="53"
    )
    verdict, sentence = judge(seen)[:2]
    assert verdict == "wrong_service"
    assert "dns_udp does not answer there (SSH)" in sentence


@pytest.mark.parametrize(("seen", "more", "verdict", "fragments"), BLOCKED)
def test_what_must_not_work(seen, more, verdict, fragments):
    judged, sentence = judge(case(*seen, expected="denied", **more)._replace(control="admin"))[:2]
    assert judged == verdict, sentence
    assert_names(sentence, fragments)


@pytest.mark.parametrize(("seen", "more", "verdict", "fragments"), BLOCKED)
def test_what_must_not_work_is_never_ok_where_nobody_reached_it(seen, more, verdict, fragments):
    judged, sentence = judge(case(*seen, expected="denied", **more))[:2]
    assert judged == {"ok": "untested"}.get(verdict, verdict), sentence
    if seen[0] == "closed" and not more:
        assert_names(sentence, ["client is refused", "nothing listens there", "unknown whether"])
    elif verdict == "ok":
        assert_names(
            sentence,
            [
                "client does not reach tcp 8563 of n11",
                "no managed host may use it",
                "second node",
                "exasol_exclude",
            ],
        )


@pytest.mark.parametrize(
    ("entitled", "present", "fragments"),
    [
        (
            (),
            True,
            [
                "no managed host may use it",
                "let a managed host play a peer that may use sql_client",
                "a second node of its cluster",
            ],
        ),
        (
            ("admin",),
            False,
            [
                "the hosts that may use it (admin) are outside of this run (--limit, exasol_hosts)",
                "include one of them",
            ],
        ),
        (
            ("admin", "a2", "a3", "a4"),
            True,
            [
                "no host that may use it (admin, a2, a3 ...) reached it in this run",
                "look at the results of these hosts",
            ],
        ),
    ],
    ids=["nobody may", "those who may are outside", "those who may did not"],
)
def test_why_what_must_not_work_has_no_control(entitled, present, fragments):
    judged, sentence = judge(
        case("filtered", "no-response", Listener(UP), "denied")._replace(
            entitled=entitled, is_any_present=present
        )
    )[:2]
    assert judged == "untested"
    assert_names(sentence, [*fragments, "client does not reach tcp 8563 of n11", "exasol_exclude"])
    assert (
        judge(
            case("filtered", "no-response", Listener(UP), "denied")._replace(
                entitled=entitled, is_any_present=present, control="admin"
            )
        )[0]
        == "ok"
    )


@pytest.mark.parametrize("state", ["error", "open|filtered"])
def test_only_a_refusal_is_called_one(state):
    assert "refused" not in judge(case(state, "x", expected="denied"))[1]


@pytest.mark.parametrize("expected", ["reachable", "denied"])
@pytest.mark.parametrize("listener", [Listener(), Listener(UP), Listener(FAILED, "some excuse")])
@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_verdict_and_one_sentence(state, listener, expected):
    verdict, sentence = judge(case(state, "x", listener, expected))[:2]
    assert verdict in VERDICTS
    assert sentence.endswith(".")
    assert "client" in sentence


@pytest.mark.parametrize("state", [state for state in STATES if state != "open"])
def test_nothing_but_an_open_port_is_ever_ok(state):
    reasons = ["no-response", "admin-prohibited", "host-unreach", "net-unreach", "conn-refused"]
    seen = [
        case(state, reason, listener, reason_ip=sender)
        for reason in reasons
        for listener in (Listener(), Listener(UP), Listener(FAILED, "excuse"))
        for sender in ("", "local", SOURCE, DESTINATION, ROUTER)
    ]
    assert "ok" not in {judge(one)[0] for one in seen}


def test_a_name_that_is_its_own_address_is_written_once():
    assert case("open")._replace(destination=DESTINATION).where == "tcp 8563 of 192.0.2.11"


def test_without_own_addresses_the_source_is_named():
    _verdict, sentence = judge(case("filtered", "no-response")._replace(source_addresses=()))[:2]
    assert "from client to 192.0.2.11" in sentence


@pytest.mark.parametrize("kind", [NOT_ASKED, UP, FAILED, DENIED, OUTSIDE, ENDED, ASIDE, UNSEEN, STRANGE])
@pytest.mark.parametrize("why", ["", "up", "any words"])
def test_a_refusal_is_judged_by_the_code_of_our_listener_whatever_the_words_are(kind, why):
    expected = {NOT_ASKED: "no_listener", UP: "blocked"}.get(kind, "untested")
    assert judge(case("closed", "conn-refused", Listener(kind, why)))[0] == expected


@pytest.mark.parametrize("expected", ["reachable", "denied"])
@pytest.mark.parametrize("state", STATES)
def test_lost_first_tries_of_a_path_change_no_verdict(state, expected):
    lossy = {"destination": "n11", "address": DESTINATION, "tries": 16, "lost": 6}
    seen = case(state, "x", expected=expected)
    assert judge(seen._replace(path=lossy)) == judge(seen)


# What decides before the state of a port does


@pytest.mark.parametrize("answered", ["", "n11"], ids=["nobody said who", "proven"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("holder", [NOBODY, ELSEWHERE, FOREIGN, SIBLING])
def test_an_open_port_at_a_foreign_address_proves_nothing_of_the_host(holder, state, answered):
    seen = case(state, "x", **({"answered_by": answered} if answered else {}))._replace(holder=holder)
    judged = judge(seen)
    is_foreign = holder == FOREIGN and state == "open" and not answered
    assert (judged.cause == causes.FOREIGN_ADDRESS.code) == is_foreign
    assert not is_foreign or judged.verdict == "untested"


@pytest.mark.parametrize("answered", ["", "n12", "n11"], ids=["nobody said who", "another", "proven"])
@pytest.mark.parametrize("expected", ["reachable", "denied"])
@pytest.mark.parametrize("state", STATES)
def test_what_leads_back_to_the_source_says_nothing_of_another_machine(state, expected, answered):
    seen = case(state, "x", expected=expected, **({"answered_by": answered} if answered else {}))
    judged = judge(seen._replace(holder=ITSELF, address="127.0.1.1", control="admin"))
    is_proven = answered == "n11"
    assert (judged.cause == causes.LOOPBACK_ADDRESS.code) == (not is_proven)
    assert is_proven or (judged.verdict, judged.actor) == ("untested", ("this run",))
    assert is_proven or "set exasol_address of n11" in judged.sentence


@pytest.mark.parametrize("expected", ["reachable", "denied"])
@pytest.mark.parametrize("state", STATES)
def test_a_capture_names_the_place_of_what_was_not_accepted(state, expected):
    seen = case(state, "x", expected=expected)
    lost = judge(seen._replace(stage=packet_stages.ON_PATH, control="admin"))
    without = judge(seen._replace(control="admin"))
    if state == "open":
        assert lost.verdict == without.verdict
    elif expected == "reachable":
        assert lost.verdict == "blocked_on_path"
        assert without.verdict != "blocked_on_path"
    else:
        assert lost.verdict == "ok"


@pytest.mark.parametrize(
    ("state", "reason", "verdict"),
    [
        ("filtered", "no-response", "blocked"),
        ("closed", "conn-refused", "wrong_host"),
        ("filtered", "host-unreach", "wrong_host"),
    ],
)
def test_whatever_fails_at_an_address_that_another_machine_has_is_laid_to_that(state, reason, verdict):
    twin = Kernels(foreign_link="02:00:00:00:00:99", link_owner="n12")
    judged = judge(case(state, reason)._replace(kernels=twin))
    assert (judged.verdict, judged.cause) == (verdict, causes.DUPLICATE_ADDRESS.code)
    assert judge(case(state, reason)).cause != causes.DUPLICATE_ADDRESS.code, "the control"


def test_what_works_at_an_address_that_another_machine_has_works():
    twin = Kernels(foreign_link="02:00:00:00:00:99", link_owner="n12")
    ours = case("open", "syn-ack", answered_by="n11", proof="ours")
    assert judge(ours._replace(kernels=twin)).verdict == "ok"


@pytest.mark.parametrize("has_answered", [False, True], ids=["silent", "answered elsewhere"])
def test_silence_is_laid_to_a_twin_of_the_source_unless_its_replies_come(has_answered):
    twin = Twin(address=SOURCE, link="02:00:00:00:00:99", seen_by="n11")
    seen = case("filtered", "no-response")
    judged = judge(seen._replace(kernels=Kernels(source_twin=twin, has_answered=has_answered)))
    if has_answered:
        assert judged == judge(seen._replace(kernels=Kernels(has_answered=True)))
    else:
        assert judged.cause == causes.DUPLICATE_ADDRESS.code
    assert judge(case("closed", "conn-refused")._replace(kernels=Kernels(source_twin=twin))).cause == (
        judge(case("closed", "conn-refused")).cause
    )


@pytest.mark.parametrize("expected", ["reachable", "denied"])
def test_an_unplanned_source_address_explains_what_must_work_alone(expected):
    seen = case("filtered", "no-response", expected=expected)._replace(control="admin")
    sent = seen._replace(unplanned=Unplanned(used="192.0.2.99", planned=(SOURCE,)))
    assert (judge(sent) != judge(seen)) is (expected == "reachable")
    assert ("192.0.2.99" in judge(sent).sentence) is (expected == "reachable")
