# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection strings; tests/consumers/test_pyexasol.py compares them with pyexasol itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._values.connection_string import (
    MAX_MEMBERS,
    Member,
    compare_members,
    parse_connection_string,
)
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

ONE, OTHER = "0F" * 32, "AB" * 32
READ = {
    "one": ("exasol1", ["exasol1:8563"]),
    "port": ("exasol1:8564", ["exasol1:8564"]),
    "an empty port": ("exasol1:", ["exasol1:8563"]),
    "range": ("192.168.6.11..13", ["192.168.6.11:8563", "192.168.6.12:8563", "192.168.6.13:8563"]),
    "zeros": ("exasol08..10", ["exasol08:8563", "exasol09:8563", "exasol10:8563"]),
    "no zeros": ("exasol9..11", ["exasol9:8563", "exasol10:8563", "exasol11:8563"]),
    "range of one": ("exasol1..1", ["exasol1:8563"]),
    "suffix": ("exasol1..2.example.com", ["exasol1.example.com:8563", "exasol2.example.com:8563"]),
    "a port counts backwards": ("a,b:1,c,d:2,e", ["a:1", "b:1", "c:2", "d:2", "e:8563"]),
    "empty parts": (",a,,b,", ["a:8563", "b:8563"]),
    "fingerprint": (f"a/{ONE.lower()}:1", [f"a/{ONE}:1"]),
    "fingerprint without a port": (f"a/{ONE}", [f"a/{ONE}:8563"]),
    "a fingerprint counts backwards": (
        f"a,b/{ONE},c:2,d/{OTHER}:3",
        [f"a/{ONE}:2", f"b/{ONE}:2", f"c/{OTHER}:2", f"d/{OTHER}:3"],
    ),
    "no check of certificates": ("a/nocertcheck:1", ["a/NOCERTCHECK:1"]),
    "JDBC": ("jdbc:exa:a,b:1;schema=SYS;password=x", ["a:1", "b:1"]),
    "Go": ("exa:a:1;user=sys;password=x/y,z", ["a:1"]),
    "the fingerprint as Go has it": (
        f"exa:a,b:1;user=s;certificatefingerprint={ONE}",
        [f"a/{ONE}:1", f"b/{ONE}:1"],
    ),
    "the fingerprint as a setting of JDBC": (f"jdbc:exa:a:1;Fingerprint={ONE.lower()}", [f"a/{ONE}:1"]),
    "a fingerprint of its own counts more": (
        f"a,b/{OTHER},c;fingerprint={ONE}",
        [f"a/{OTHER}:8563", f"b/{OTHER}:8563", f"c/{ONE}:8563"],
    ),
    "a semicolon in a password of Go": (f"exa:a:1;password=x\\;fingerprint={ONE}", ["a:1"]),
    "no check, as a setting": ("jdbc:exa:a:1;validateservercertificate=0;fingerprint=", ["a:1"]),
    "blanks around": ("  a:1\n", ["a:1"]),
    "the same twice": ("a,a", ["a:8563", "a:8563"]),
}


def written(member):
    fingerprint = "/" + member.fingerprint if member.fingerprint else ""
    return f"{member.host}{fingerprint}:{member.port}"


@pytest.mark.parametrize("text, expected", READ.values(), ids=list(READ))
def test_members(text, expected):
    assert [written(member) for member in parse_connection_string(text).members] == expected


REFUSED = {
    "empty": ("", ["names no host", "192.0.2.11..14:8563"]),
    "commas alone": (",,", ["names no host"]),
    "blanks alone": ("  ", ["names no host"]),
    "no text": (8563, ["is no text (int)"]),
    "a second part": ("a,b:0", ["connection string, part 2: 'b:0' has the port '0'"]),
    "a fingerprint setting that is none": (
        "a:1;fingerprint=AB",
        ["the setting fingerprint", "64 hexadecimal"],
    ),
    "the wrong order": (f"exasol1:8563/{ONE}", ["after the port", f"write exasol1/{ONE}:8563"]),
    "the wrong order, no check": ("exasol1:8563/nocertcheck", ["write exasol1/nocertcheck:8563"]),
    "the wrong order in a range": (f"exasol1..4:1/{ONE}", [f"write exasol1..4/{ONE}:1"]),
    "backwards": (
        "b,exasol4..1",
        ["part 2: 'exasol4..1'", "'exasol4..1' runs backwards: 4 is greater than 1"],
    ),
    "names at both ends": ("exasol1..exasol3", ["'exasol1..exasol3' cannot be read", "exasol01..04"]),
    "no prefix": ("11..14", ["'11..14' has no prefix"]),
    "too many": ("exasol1..9999", ["'exasol1..9999' stands for 9999 hosts"]),
    "too many together": (",".join(["a1..4000"] * 2), [f"more than {MAX_MEMBERS} hosts"]),
    "beyond the last address": (
        "192.0.2.254..256",
        ["'192.0.2.254..256' stands for '192.0.2.256', which is"],
    ),
    "a range as others write it": ("192.0.2.11-14", ["written 192.0.2.11..14"]),
    "port 0": ("a:0", ["'a:0' has the port '0': expected a number from 1 to 65535"]),
    "port": ("a:65536", ["'a:65536' has the port '65536'"]),
    "port that is a word": ("a:sql", ["'a:sql' has the port 'sql'"]),
    "short fingerprint": ("a/ABC:1", ["has the fingerprint 'ABC'", "64 hexadecimal digits"]),
    "no fingerprint": ("a/:1", ["has the fingerprint ''"]),
    "blank": ("a, b", ["' b' begins or ends with a blank", "no blanks around the commas"]),
    "two ports": ("a:1:2", ["goes on with ':2' after the port", "HOST/FINGERPRINT:PORT"]),
    "no host": (":8563", ["':8563' has no host"]),
    "IPv6": ("2001:db8::1", ["'2001:db8::1' looks like an IPv6 address", "write a DNS name"]),
    "IPv6 with a port": ("[2001:db8::1]:8563", ["looks like an IPv6 address"]),
    "not one host": ("0.0.0.0:1", ["names 0.0.0.0, which stands for all addresses of a host"]),
    "not a name": ("a_b!:1", ["'a_b!:1' names 'a_b!', which is neither an IP address nor a DNS name"]),
}


@pytest.mark.parametrize("text, fragments", REFUSED.values(), ids=list(REFUSED))
def test_refused(text, fragments):
    assert_names(refusal(parse_connection_string, text), fragments)


HIDING = {
    "behind a wrong host": "jdbc:exa:a!:1;password=hidden",
    "behind a wrong port": "exa:a:0;user=sys;password=hidden",
    "of a URL": "exa+websocket://sys:hidden@a:8563/schema",
    "of a URL without a scheme": "sys:hidden@a:8563",
    "of a URL, with a comma": "sys:hid,hidden@a:8563",
    "of a URL, with a semicolon": "exa://sys:hid;hidden@a:8563",
    "of ODBC": "EXAHOST=a:8563;UID=sys;PWD=hidden",
    "separated by a comma": "a:8563,password=hidden",
    "separated by a question mark": "jdbc:exa:a:8563?password=hidden",
    "in a dictionary": {"password": "hidden"},
    "in a list": ["a:8563", "hidden"],
    "instead of a fingerprint": "a:1;fingerprint=hidden",
}


@pytest.mark.parametrize("text", HIDING.values(), ids=list(HIDING))
def test_a_password_is_not_shown(text):
    said = refusal(parse_connection_string, text)
    assert "hid" not in said.replace("hidden because", "")
    assert re.search("expected|write", said)


NOTES = {
    "nothing": ("exasol1..3,192.0.2.1:8563", []),
    "zeros": ("exasol01..03:8563", ["drops the zeros of 'exasol01..03'"]),
    "no port": ("a", ["needs a port"]),
    "a name that goes on": ("exasol1..3.example.com:1", ["'exasol1..3.example.com' as one name"]),
    "several ports": ("a:1,b:2", ["one port, at the end of the string, for all hosts"]),
    "fingerprint": (f"a/{ONE}:1", ["setting certificatefingerprint alone"]),
}


@pytest.mark.parametrize("text, expected", NOTES.values(), ids=list(NOTES))
def test_notes(text, expected):
    notes = parse_connection_string(text).notes
    assert len(notes) == len(expected)
    for note, fragment in zip(notes, expected):
        assert fragment in note
    assert not parse_connection_string(text).is_go
    assert parse_connection_string("exa:" + text).is_go
    assert not parse_connection_string("jdbc:exa:" + text).is_go


def as_go_reads(text):
    """Return the hosts with their port as the Go driver makes them, or None where it refuses.

    C(dsn.extractHostAndPort) and C(utils.ResolveHosts) of exasol-driver-go, line by line.
    """
    host, *port = text.split(":")
    if len(port) != 1 or not re.match(r"[0-9]+\Z", port[0]):
        return None
    hosts = []
    for part in host.split(","):
        found = re.match(r"((.+?)(\d+))\.\.(\d+)\Z", part)
        if found is None:
            hosts.append(part)
            continue
        hosts += [
            found.group(2) + str(number) for number in range(int(found.group(3)), int(found.group(4)) + 1)
        ]
    return [f"{name}:{port[0]}" for name in hosts]


GO = {
    "README": "exasol1..3:8563",
    "several": "exasol1,127.0.0.1,exasol3:8563",
    "addresses": "127.0.0.1..3:8563",
    "addresses across a power of ten": "192.0.2.9..11:1",
    "zeros": "exasol01..03:8563",
    "a range of one with a zero": "exasol01..01:8563",
    "a name that goes on": "exasol1..3.example.com:8563",
    "no port": "exasol1..3",
    "two ports": "exasol1:1,exasol2:2",
    "a port in the middle": "exasol1:1,exasol2",
    "a fingerprint": f"exasol1/{ONE}:1",
}


@pytest.mark.parametrize("text", GO.values(), ids=list(GO))
def test_a_note_says_whether_the_go_driver_reads_something_else(text):
    parsed = parse_connection_string("exa:" + text)
    ours = [written(member) for member in parsed.members]
    assert (as_go_reads(text) == ours and not any("/" in one for one in ours)) == (not parsed.notes)


NODES = {"n11": ["192.0.2.11"], "n12": ["192.0.2.12", "198.51.100.12"], "n13": ["n13.example.com"]}
ALL = "192.0.2.11..12,n13.example.com"
# The connection string and what its names resolve to; missing nodes and stale members.
COMPARED = {
    "all": (ALL, {}, [], []),
    "one is missing": ("192.0.2.11..12", {}, ["n13"], []),
    "one is gone": (ALL + ",192.0.2.14", {}, [], ["192.0.2.14"]),
    "the other network": ("192.0.2.11,198.51.100.12,N13.Example.com", {}, [], []),
    "both networks": (ALL + ",198.51.100.12", {}, [], []),
    "one name for all": ("db", {"db": ["192.0.2.11", "192.0.2.12"]}, ["n13"], []),
    "a name that is stale in part": ("db", {"db": ["192.0.2.11", "192.0.2.99"]}, ["n12", "n13"], ["db"]),
    "a name that does not resolve": (ALL + ",db", {"db": []}, [], ["db"]),
    "a name for what is there": (ALL + ",db", {"db": ["192.0.2.11"]}, [], []),
}


@pytest.mark.parametrize("text, resolved, missing, stale", COMPARED.values(), ids=list(COMPARED))
def test_members_are_compared_with_nodes(text, resolved, missing, stale):
    found = compare_members(parse_connection_string(text).members, resolved, NODES)
    assert list(found.missing) == missing
    assert [member.host for member in found.stale] == stale


names = st.from_regex(r"[a-z][a-z-]{0,5}[a-z]", fullmatch=True)
fingerprints = st.sampled_from(["", ONE, OTHER, "NOCERTCHECK"])
members = st.builds(Member, host=names, port=st.integers(1, 65535), fingerprint=fingerprints)


@given(st.lists(members, min_size=1, max_size=6))
def test_members_that_are_written_are_read(given_members):
    """A fingerprint counts backwards, so only members behind the last one can be without."""
    ordered = tuple(sorted(given_members, key=lambda member: not member.fingerprint))
    text = ",".join(map(written, ordered))
    assert parse_connection_string(text).members == ordered


@given(names, st.integers(0, 99), st.integers(0, 40), st.integers(1, 4), st.sampled_from(["", ".zone", "x"]))
def test_a_range_is_its_hosts_one_by_one(prefix, first, more, width, suffix):
    numbers = [str(number).zfill(width) for number in range(first, first + more + 1)]
    found = parse_connection_string(f"{prefix}{numbers[0]}..{first + more}{suffix}:1").members
    assert [member.host for member in found] == [f"{prefix}{number}{suffix}" for number in numbers]


@given(st.text(st.sampled_from("ab01.,:/[]-; é"), max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        assert parse_connection_string(text).members
    except NetworkError as error:
        assert str(error)  # noqa: PT017  # either way is right, and nothing else may be raised
