# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hello and its answer: what proves a listener, and what must not."""

import hashlib
import hmac
import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._listener import proof
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

KEYS = st.binary(min_size=16, max_size=16)
NONCES = st.binary(min_size=12, max_size=12).map(lambda raw: raw.hex().encode("ascii"))
HOSTS = st.text("n1.-_ %+/\n\u00e4\u30ce\U0001f642", min_size=1, max_size=12)
KEY, NONCE = b"0123456789abcdef", b"a" * 24
# An IPv4 address mapped into IPv6 is told as IPv4, so it is not read back as it was.
SEEN = st.one_of(
    st.ip_addresses(v=4), st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None)
).map(str)
LONGEST = "fd00:1111:2222:3333:4444:5555:6666:7777"


def answer(key, host, nonce, seen="192.0.2.1", now=1.5, port=8563):
    """Return a listener's line."""
    return proof.answer(key, host=host, nonce=nonce, port=port, seen=seen, now=now)


def host_in(key, nonce, line):
    """Return the host that a line proves, or None."""
    said = proof.read_answer(key, nonce, line)
    return said and said.host


@pytest.mark.parametrize("token", ["", "short", "x" * 15])
def test_short_token_is_counted_and_not_told(token):
    text = refusal(proof.check_token, token)
    assert_names(text, [f"{len(token)} characters", "at least 16"])
    assert not token or token not in text


def test_nonces_differ_and_have_one_length():
    nonces = {proof.new_nonce() for unused in range(200)}
    assert (len(nonces), {len(nonce) for nonce in nonces}) == (200, {24})


@given(KEYS, NONCES)
def test_hello_is_read_back(key, nonce):
    line = proof.hello(proof.prefix(key), nonce)
    assert proof.read_hello(line.split(b"\n")[0]) == (proof.run_id(key), nonce, b"")
    assert line.endswith(b"\n") and line.count(b"\n") == 1


def test_token_never_crosses_the_network():
    token = b"correct horse battery staple"
    for line in (proof.hello(proof.prefix(token), NONCE), answer(token, "n11", NONCE)):
        assert token not in line


@given(KEYS, NONCES, HOSTS)
def test_answer_names_the_host(key, nonce, host):
    assert host_in(key, nonce, answer(key, host, nonce)) == host


@given(KEYS, NONCES, SEEN, st.integers(0, 10**10))
def test_answer_says_where_the_hello_came_from_and_what_time_it_is(key, nonce, seen, now):
    said = proof.read_answer(key, nonce, answer(key, "n11", nonce, seen, float(now)))
    assert (said.seen, proof.clock(said)) == (seen, float(now))


@given(KEYS, NONCES, st.integers(1, 65535))
def test_answer_says_at_which_port_the_hello_arrived(key, nonce, port):
    assert proof.read_answer(key, nonce, answer(key, "n11", nonce, port=port)).port == port


@pytest.mark.parametrize("word", [b"-8563", b"0x2173", b"sql", b"8563.0", "\u0668".encode()])
def test_what_is_no_port_is_none(word):
    said = b"n11 " + word + b" 192.0.2.1 1.0"
    line = b"EXASOL-NETWORK-3 " + proof._mac(KEY, NONCE, said) + b" " + said + b"\n"
    assert proof.read_answer(KEY, NONCE, line).port == 0


def test_a_zone_is_no_part_of_the_seen_address():
    assert proof.read_answer(KEY, NONCE, answer(KEY, "n11", NONCE, "fe80::1%eth0")).seen == "fe80::1"


@pytest.mark.parametrize(
    "words", [b"n11", b"n11 8563 192.0.2.1", b"n11 192.0.2.1 1.0", b"n11 8563 192.0.2.1 1.0 more"]
)
def test_a_proven_answer_of_another_form_proves_nothing(words):
    line = b"EXASOL-NETWORK-3 " + proof._mac(KEY, NONCE, words) + b" " + words + b"\n"
    assert proof.read_answer(KEY, NONCE, line) is None


@pytest.mark.parametrize("stamp", [b"nan", b"inf", b"-Infinity", b"soon", b""])
def test_what_is_no_time_is_none(stamp):
    said = b"n11 8563 nowhere " + stamp
    line = b"EXASOL-NETWORK-3 " + proof._mac(KEY, NONCE, said) + b" " + said + b"\n"
    answered = proof.read_answer(KEY, NONCE, line)
    assert (answered.host, answered.seen, proof.clock(answered)) == ("n11", "", None)


@given(KEYS, KEYS, NONCES, NONCES)
def test_only_who_knows_the_token_may_measure(key, other, nonce, another):
    assume(key != other and nonce != another)
    said = proof.read_hello(proof.measuring_hello(key, nonce).rstrip(b"\n"))
    assert (said.run, said.nonce, proof.may_measure(key, said)) == (proof.run_id(key), nonce, True)
    assert not proof.may_measure(other, said)
    assert not proof.may_measure(key, said._replace(nonce=another))
    assert not proof.may_measure(key, said._replace(permit=b""))
    assert not proof.may_measure(key, proof.read_hello(proof.hello(proof.prefix(key), nonce).rstrip(b"\n")))


@given(KEYS, NONCES, HOSTS)
def test_answer_is_never_longer_than_the_hello(key, nonce, host):
    assert (
        len(answer(key, host * 40, nonce, LONGEST, 9999999999.999999))
        <= len(proof.hello(proof.prefix(key), nonce))
        <= proof.MAX_BYTES
    )


@given(KEYS, KEYS, NONCES, HOSTS)
def test_answer_under_another_token_proves_nothing(key, other, nonce, host):
    assume(key != other)
    assert proof.read_answer(other, nonce, answer(key, host, nonce)) is None
    assert proof.run_id(key) != proof.run_id(other)


@given(KEYS, NONCES, NONCES, HOSTS)
def test_answer_to_another_nonce_proves_nothing(key, nonce, other, host):
    assume(nonce != other)
    assert proof.read_answer(key, other, answer(key, host, nonce)) is None


@given(KEYS, NONCES, HOSTS, HOSTS)
def test_answer_with_another_name_proves_nothing(key, nonce, host, other):
    assume(host != other)
    mine, theirs = (answer(key, name, nonce).rstrip(b"\n").split(b" ") for name in (host, other))
    assert proof.read_answer(key, nonce, b" ".join((mine[0], mine[1], *theirs[2:]))) is None


@given(KEYS, NONCES, st.binary(max_size=200))
def test_noise_proves_nothing(key, nonce, noise):
    assert proof.read_answer(key, nonce, noise) is None
    assert proof.read_hello(noise) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"EXASOL-NETWORK-3",
        b"EXASOL-NETWORK-3 run",
        b"EXASOL-NETWORK-3  ",
        b"EXASOL-NETWORK-3 run " + NONCE,
        b"EXASOL-NETWORK-1 run " + NONCE + b" .",
        b"EXASOL-NETWORK-3 run " + NONCE[1:] + b" .",
        b"EXASOL-NETWORK-3 run " + NONCE + b"a .",
        b"EXASOL-NETWORK-3 run " + NONCE + b" . .",
        b"GET / HTTP/1.0",
    ],
)
def test_what_is_no_hello(line):
    assert proof.read_hello(line) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answer: answer[1:],
        lambda answer: answer.replace(b"NETWORK-3", b"NETWORK-2"),
        lambda answer: (
            answer[:20] + b"0" + answer[21:] if answer[20:21] != b"0" else answer[:20] + b"1" + answer[21:]
        ),
        lambda answer: answer.rstrip(b"\n") + b" more\n",
        lambda answer: answer.replace(b"n11", b"n12"),
        lambda answer: answer.replace(b"192.0.2.1", b"192.0.2.2"),
        lambda answer: answer.replace(b" 1.5", b" 2.5"),
        lambda answer: b"",
    ],
    ids=["start", "version", "hash", "words", "name", "address", "clock", "nothing"],
)
def test_spoilt_answer_proves_nothing(spoil):
    line = answer(KEY, "n11", NONCE)
    assert host_in(KEY, NONCE, line) == "n11"
    assert proof.read_answer(KEY, NONCE, spoil(line)) is None


def test_answer_is_the_keyed_hash_of_nonce_and_all_that_is_said():
    # RFC 2104, worked out without the code under test.
    said = b"n11 8563 192.0.2.1 1.500000"
    expected = hmac.new(KEY, NONCE + b" " + said, hashlib.sha256).hexdigest()[:32].encode("ascii")
    assert answer(KEY, "n11", NONCE) == b"EXASOL-NETWORK-3 " + expected + b" " + said + b"\n"


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200], ids=lambda length: f"{length} bytes of key")
def test_keyed_hash_is_the_one_of_the_standard_library(length):
    key = bytes(range(length))
    for message in (b"", NONCE, NONCE * 100):
        assert proof._digest(key, message) == hmac.new(key, message, hashlib.sha256).digest()


def test_keyed_hash_of_one_key_does_not_depend_on_others():
    keys = [b"%d" % number for number in range(200)]  # more than are kept
    for key in keys + keys:
        assert proof._digest(key, NONCE) == hmac.new(key, NONCE, hashlib.sha256).digest()


def test_nonces_that_are_drawn_together_differ_and_are_those_of_hellos():
    drawn = list(itertools.islice(proof.nonces(), 200)) + list(itertools.islice(proof.nonces(), 200))
    assert len(set(drawn)) == 400
    for nonce in drawn:
        said = proof.read_hello(proof.hello(proof.prefix(KEY), nonce).split(b"\n")[0])
        assert said is not None and said.nonce == nonce
