# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever bytes a server sends: no exception, no hanging, a finding, and text that harms nobody."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._identify import _ntp
from ansible_collections.exasol_community.network.plugins.module_utils._identify._registry import datagram
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.answers import (
    BAD,
    GOOD,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.peers import (
    database,
    once,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.talking import (
    INSIDE_TLS,
    SERVICES,
    STATUSES,
    assert_harmless,
    texts,
    told,
    told_inside_tls,
)

BEGINNINGS = sorted(
    {row[1][:count] for row in GOOD + BAD if isinstance(row[1], bytes) for count in (1, 3, 5, 9)}
)
CUTS = st.one_of(st.none(), st.integers(1, 50))
FIXED = {
    service: sorted({row[1] for row in GOOD + BAD if row[0] == service and isinstance(row[1], bytes)})
    or [b""]
    for service in SERVICES
}
TLS_ANSWERS = {
    "https": b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n",
    "ldaps": answers.bind_response(0),
    "ftps": b"220-a\r\n220 b\r\n221 c\r\n",
}


@st.composite
def mutations(draw, words):
    """Change good words: cut pieces out, put others in, repeat some, replace bytes by the extreme ones."""
    words = draw(st.sampled_from(words))
    for unused in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, len(words)))
        last = draw(st.integers(first, min(len(words), first + 8)))
        piece = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from([b"", b"\x00", b"\xff" * 4, b"\x80", b"\n", words[first:last] * 3, words]),
            )
        )
        words = words[:first] + piece + words[last:]
    return words[:20000]


@pytest.mark.parametrize("service", SERVICES)
@given(
    start=st.sampled_from([b""] + BEGINNINGS), data=st.binary(max_size=300), cut=CUTS, patience=st.booleans()
)
def test_arbitrary_bytes(service, start, data, cut, patience):
    conversation = told(service, start + data, cut, patience)
    assert_harmless(conversation)
    # Silence is all that is known of a service without a harmless question.
    is_silent = conversation.finding.status in ("silent", "unverifiable")
    assert is_silent == (start + data == b"")


@pytest.mark.parametrize("service", [service for service in SERVICES if service not in INSIDE_TLS])
@given(data=st.data())
def test_mutations_of_good_answers(service, data):
    words, cut = data.draw(mutations(FIXED[service])), data.draw(CUTS)
    conversation = told(service, words, cut)
    assert_harmless(conversation)
    # Whether PostgreSQL's second answer came before its second question is shown by one piece alone.
    if service != "dns_tcp" and not (service == "postgresql" and words.startswith(b"N")):
        assert conversation.finding == told(service, words).finding


@given(data=st.data(), cut=CUTS)
def test_mutations_of_a_dns_answer(data, cut):
    conversation = told("dns_tcp", lambda said: data.draw(mutations([answers.dns_answer(said)])), cut)
    assert_harmless(conversation)


@pytest.mark.parametrize("service", sorted(TLS_ANSWERS))
@given(data=st.data(), cut=CUTS)
def test_mutations_inside_tls(certificate, service, data, cut):
    words = data.draw(st.one_of(mutations([TLS_ANSWERS[service]]), st.binary(max_size=100)))
    conversation, unused_server = told_inside_tls(
        service, certificate, once(words), words if service == "ftps" else b"", cut
    )
    assert_harmless(conversation)


@given(data=st.data())
def test_mutations_of_a_database(certificate, data):
    frames = [
        answers.frame(answers.LOGIN_ANSWER),
        answers.frame(answers.LOGIN_ANSWER[:5], final=False) + answers.frame(answers.LOGIN_ANSWER[5:], 0),
    ]
    conversation, unused_server = told_inside_tls(
        "sql_client", certificate, database(data.draw(mutations(frames)))
    )
    assert_harmless(conversation)


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.floats(), st.text(max_size=5), st.sampled_from(["ok", "publicKeyPem"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["status", "responseData", "publicKeyPem", "x"]), inner, max_size=4),
    ),
    max_leaves=8,
)


@given(document=JSON)
def test_any_json_of_a_database(certificate, document):
    conversation, unused_server = told_inside_tls(
        "sql_client", certificate, database(answers.frame(json.dumps(document).encode("utf-8")))
    )
    assert_harmless(conversation)
    is_database = (
        isinstance(document, dict)
        and document.get("status") == "ok"
        and isinstance(document.get("responseData"), dict)
        and "publicKeyPem" in document["responseData"]
    )
    assert (conversation.finding.status == "identified") == is_database


def good_datagram(service, question):
    """Return a good answer to a question."""
    return answers.ntp_answer(question) if service == "ntp" else question[:2] + b"\x81\x80" + question[4:]


@pytest.mark.parametrize("service", ["ntp", "dns"])
@given(data=st.data())
def test_datagrams(service, data):
    asked = datagram(service)
    good = good_datagram(service, asked.question)
    assert asked.judge(good).status == "identified", "the control"
    answer = data.draw(st.one_of(st.binary(max_size=100), mutations([good])))
    found = asked.judge(answer)
    assert found.status in STATUSES
    assert all(text.isprintable() and len(text) <= 200 for text in texts(found))
    if found.status in ("identified", "refusing"):
        repeated = (
            answer[24:32] == asked.question[40:48] if service == "ntp" else answer[:2] == asked.question[:2]
        )
        assert repeated, "it is no answer to this question"


@pytest.mark.parametrize("service", ["ntp", "dns"])
def test_an_answer_to_another_question_is_none(service):
    asked = datagram(service)
    # The identifier of DNS has two bytes, so one of three is another one.
    other = next(
        other for other in (datagram(service) for unused in range(3)) if other.question != asked.question
    )
    assert asked.judge(good_datagram(service, other.question)).status == "other"
    assert asked.judge(asked.question).status == "other", "an echo"


@pytest.mark.parametrize(
    ("fields", "status", "detail"),
    [
        ({}, "identified", "stratum 2"),
        ({"first": 0x1C, "stratum": 1}, "identified", "stratum 1"),
        ({"stratum": 15}, "identified", "stratum 15"),
        ({"delay": 1.0, "dispersion": 15.0}, "identified", "stratum 2"),
        ({"first": 0xE4, "stratum": 0}, "refusing", "not synchronised"),
        ({"stratum": 16}, "refusing", "not synchronised"),
        ({"first": 0xE4}, "refusing", "not synchronised"),
        ({"first": 0xE4, "stratum": 0, "reference": b"INIT"}, "refusing", "(INIT)"),
        ({"first": 0xE4, "stratum": 0, "reference": b"RATE"}, "refusing", "RATE"),
        ({"stratum": 0, "reference": b"DENY"}, "refusing", "access list"),
        ({"first": 0xE4, "stratum": 0, "reference": b"RSTR"}, "refusing", "access list"),
        # A server of stratum 1 has the name of its clock there.
        ({"stratum": 1, "reference": b"RATE"}, "identified", "stratum 1"),
        # One that has lost its source, and one whose way to it is as long.
        ({"dispersion": 40.0}, "refusing", "wrong by 40 s"),
        ({"delay": 2.0, "dispersion": 15.0}, "refusing", "wrong by 16 s"),
        ({"first": 0x23}, "other", ""),
    ],
    ids=str,
)
def test_ntp_answers_as_a_server(fields, status, detail):
    asked = datagram("ntp")
    found = asked.judge(answers.ntp_answer(asked.question, **fields))
    assert found.status == status
    assert detail in found.detail


@pytest.mark.parametrize(
    "answer", [b"", b"\x24\x02", answers.CHRONY[:47]], ids=["nothing", "2 bytes", "47 bytes"]
)
def test_a_short_answer_is_no_ntp(answer):
    assert datagram("ntp").judge(answer).status == "other"


@pytest.mark.parametrize(
    ("answer", "status", "detail"),
    [(answers.CHRONY, "identified", "stratum 8"), (answers.NTPSEC, "refusing", "(INIT)")],
    ids=["chrony", "ntpsec that has just begun"],
)
def test_ntp_as_servers_answered(answer, status, detail):
    found = _ntp.judge(bytes(40) + answers.ASKED_OF_NTP, answer)
    assert (found.status, detail in found.detail) == (status, True)
    assert _ntp.judge(bytes(48), answer).status == "other", "clients accept no answer to another question"


def test_dns_answers_this_question():
    asked = datagram("dns")
    head = asked.question[:2]
    for flags, status in (
        (b"\x81\x80", "identified"),
        (b"\x85\x83", "identified"),
        (b"\x81\x85", "refusing"),
        (b"\x81\x82", "refusing"),
        (b"\x85\x00", "refusing"),
        (b"\x85\x03", "refusing"),
    ):
        assert asked.judge(head + flags + bytes(8)).status == status, flags
    for answer in (
        b"",
        head,
        head + b"\x01\x00" + bytes(8),
        bytes((head[0] ^ 1, head[1])) + b"\x81\x80" + bytes(8),
    ):
        assert asked.judge(answer).status == "other"
