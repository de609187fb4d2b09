# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of certificates that OpenSSL's own tool made, and what becomes of broken ones."""

import calendar
import hashlib
import re
import ssl
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._identify._certificate import (
    elements,
    facts,
    first,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.answers import (
    ber,
)

DAY = 86400
NAMES = (
    "subjectAltName = DNS:db.example.com, DNS:*.example.com, DNS:xn--bcher-kva.example, IP:192.0.2.11, "
    "IP:2001:db8::11, email:a@example.com, "
    "URI:https://example.com/"
)


def der_of(certificate):
    """Return the bytes of a certificate in a file."""
    with open(certificate[0], encoding="ascii") as text:
        return ssl.PEM_cert_to_DER_cert(text.read())


def moment(kind, text):
    """Return a time of a certificate."""
    return ber(kind, text.encode("ascii"))


IN_2030 = moment(0x17, "300101000000Z")


def made(not_after=IN_2030, subject=b"", extensions=b""):
    """Return a certificate that is cut down to what is read of it."""
    name = ber(0x30, ber(0x31, ber(0x30, ber(0x06, b"\x55\x04\x03") + ber(0x0C, b"issuer"))))
    body = (
        ber(0xA0, ber(2, b"\x02"))
        + ber(2, b"\x01")
        + ber(0x30, b"")
        + name
        + ber(0x30, moment(0x17, "200101000000Z") + not_after)
        + ber(0x30, subject)
        + ber(0x30, b"")
        + extensions
    )
    return ber(0x30, ber(0x30, body) + ber(0x30, b"") + ber(3, b"\x00"))


def extensions_of(names):
    """Return the extensions of a certificate with alternative names only."""
    return ber(0xA3, ber(0x30, ber(0x30, ber(0x06, b"\x55\x1d\x11") + ber(0x04, ber(0x30, names)))))


def attribute(kind, tag, value):
    """Return a part of a name."""
    return ber(0x31, ber(0x30, ber(0x06, b"\x55\x04" + kind) + ber(tag, value)))


def test_an_ordinary_certificate(certificate):
    der = der_of(certificate)
    found = facts(der, "TLSv1.3")
    assert found.protocol == "TLSv1.3"
    assert (found.subject, found.issuer) == ("O=Example, CN=db.example.com", "O=Example, CN=db.example.com")
    assert found.names == ("db.example.com", "*.example.com", "192.0.2.11")
    assert found.fingerprint == hashlib.sha256(der).hexdigest().upper()
    assert found.days_left in (99, 100)


def test_python_reads_the_same(certificate, tmp_path):
    # An oracle that shares no code: CPython's own reader, which is for its tests.
    decode = getattr(getattr(ssl, "_ssl", None), "_test_decode_cert", None)
    if not decode:
        pytest.skip("this Python shows no certificate that it did not verify")
    told, found = decode(certificate[0]), facts(der_of(certificate), "")
    assert [value for kind, value in told["subjectAltName"]] == list(found.names)
    assert ssl.cert_time_to_seconds(told["notAfter"]) == calendar.timegm(
        time.strptime(found.not_after, "%Y-%m-%dT%H:%M:%SZ")
    )


@pytest.mark.parametrize(
    ("subject", "mask", "expected"),
    [
        ("CN = Bücher 漢字 Ελ.example", "utf8only", "CN=Bücher 漢字 Ελ.example"),
        ("CN = Bücher.example", "MASK:0x800", "CN=Bücher.example"),
        ("CN = plain.example", "pkix", "CN=plain.example"),
        (
            "C = DE\nST = Bayern\nL = Nürnberg\nO = Exasol, AG\nOU = R+D\nCN = db",
            "utf8only",
            "C=DE, ST=Bayern, L=Nürnberg, O=Exasol, AG, OU=R+D, CN=db",
        ),
        ("CN = <script>alert(1)</script>", "utf8only", "CN=<script>alert(1)</script>"),
        ("emailAddress = a@example.com", "utf8only", "2a864886f70d010901=a@example.com"),
        ("CN = a\n0.CN = b", "utf8only", "CN=a, CN=b"),
    ],
    ids=["UTF-8", "BMPString", "PrintableString", "all", "markup", "unknown", "twice"],
)
def test_unusual_names(make_certificate, subject, mask, expected):
    der = der_of(make_certificate(subject, mask=mask))
    # The whole element: two bytes of it alone may well be in a random key or signature.
    assert (ber(0x1E, "Bücher.example".encode("utf-16-be")) in der) == (mask == "MASK:0x800"), (
        "the tool wrote what this test is for"
    )
    found = facts(der, "")
    assert (found.subject, found.issuer) == (expected, expected)
    assert found.names == ()


@pytest.mark.parametrize(
    ("extensions", "names"),
    [
        ("", ()),
        (NAMES, ("db.example.com", "*.example.com", "xn--bcher-kva.example", "192.0.2.11", "2001:db8::11")),
        (
            "basicConstraints = CA:true\nkeyUsage = digitalSignature\nsubjectAltName = critical, DNS:db",
            ("db",),
        ),
        ("basicConstraints = CA:true", ()),
        ("subjectAltName = email:a@example.com", ()),
        ("subjectAltName = " + ", ".join(f"DNS:n{number}.example.com" for number in range(300)), 100),
    ],
    ids=["none", "all kinds", "among others", "others only", "no host", "too many"],
)
def test_alternative_names(make_certificate, extensions, names):
    found = facts(der_of(make_certificate(extensions=extensions)), "")
    assert len(found.names) == names if isinstance(names, int) else found.names == names


@pytest.mark.parametrize("days", [1, 100, 10000, 36500, 200000])
def test_the_end_of_a_certificate(make_certificate, days):
    # From 2050 on its time has another form (RFC 5280, section 4.1.2.5).
    found = facts(der_of(make_certificate(days=days)), "")
    assert found.days_left in (days - 1, days)
    assert calendar.timegm(time.strptime(found.not_after, "%Y-%m-%dT%H:%M:%SZ")) == pytest.approx(
        time.time() + days * DAY, abs=300
    )


@pytest.mark.parametrize(
    ("end", "not_after", "days_left"),
    [
        (moment(0x17, "491231235959Z"), "2049-12-31T23:59:59Z", 21914),
        (moment(0x17, "500101000000Z"), "1950-01-01T00:00:00Z", -14611),
        (moment(0x18, "20500101000000Z"), "2050-01-01T00:00:00Z", 21914),
        (moment(0x18, "99991231235959Z"), "9999-12-31T23:59:59Z", 2925591),
        (moment(0x17, "900102000000Z"), "1990-01-02T00:00:00Z", 0),
        (moment(0x17, "900101115959Z"), "1990-01-01T11:59:59Z", -1),
        (moment(0x18, "00010101000000Z"), "0001-01-01T00:00:00Z", -726468),
    ],
)
def test_times_as_they_are_written(end, not_after, days_left):
    noon = calendar.timegm((1990, 1, 1, 12, 0, 0))
    found = facts(made(end), "", noon)
    assert (found.not_after, found.days_left, found.issuer) == (not_after, days_left, "CN=issuer")


@pytest.mark.parametrize(
    "end",
    [
        moment(0x17, ""),
        moment(0x17, "xx0101000000Z"),
        moment(0x17, "301301000000Z"),
        moment(0x17, "3001010000Z"),
        moment(0x17, "300101000000+0100"),
        moment(0x17, "300101000000Z\n"),
        moment(0x18, "00000101000000Z"),
        ber(0x17, b"\xff" * 13),
        b"",
    ],
)
def test_a_time_that_is_none_leaves_the_fingerprint(end):
    found = facts(made(end), "TLSv1.2")
    assert (found.protocol, len(found.fingerprint), found.not_after, found.days_left) == (
        "TLSv1.2",
        64,
        "",
        None,
    )


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (attribute(b"\x03", 0x1E, "漢".encode("utf-16-be")), "CN=漢"),
        (attribute(b"\x03", 0x1E, b"\x00"), "CN=\ufffd"),
        (attribute(b"\x03", 0x0C, b"\xff\xfe"), "CN=\ufffd\ufffd"),
        (attribute(b"\x03", 0x0C, b"\x1b[2J\x00\r\n"), "CN=\\x1b[2J\\x00"),
        (attribute(b"\x63", 0x0C, b"x"), "550463=x"),
        (attribute(b"\x03", 0x0C, b"y" * 5000), "CN=" + "y" * 197),
        (attribute(b"\x03", 0x0C, "\u202egpj.exe".encode("utf-8")), "CN=\\x202egpj.exe"),
        (b"", ""),
    ],
)
def test_names_that_mean_harm(subject, expected):
    assert facts(made(subject=subject), "").subject == expected


@pytest.mark.parametrize(
    "names", [ber(0x87, b"12345"), ber(0x82, b"a")[:-1] + b"", b"\x82\x80", b"\x82\x85\x01\x01\x01\x01\x01"]
)
def test_alternative_names_that_are_none_leave_the_rest(names):
    found = facts(made(extensions=extensions_of(names)), "")
    assert (found.issuer, found.not_after, found.names) == ("CN=issuer", "2030-01-01T00:00:00Z", ())


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"\x30\x00",
        b"\x30\x80",
        b"\x30\x02\x30\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x85\x01\x01\x01\x01\x01",
        ber(0x30, ber(0x30, ber(0xA0, b""))),
        ber(0x30, ber(0x30, ber(2, b"") * 9)),
        b"\x30\x03\x02\x01",
        b"\x00" * 1000,
    ],
)
def test_what_is_no_certificate_has_a_fingerprint(der):
    found = facts(der, "TLSv1.2")
    assert found.fingerprint == (hashlib.sha256(der).hexdigest().upper() if der else "")
    assert (found.subject, found.issuer, found.names, found.days_left) == ("", "", (), None)


def test_elements_are_read_one_after_the_other():
    assert list(elements(b"")) == []
    assert list(elements(b"\x02\x01\x05\x04\x00")) == [(2, b"\x05"), (4, b"")]
    assert list(elements(ber(4, b"x" * 200) + ber(4, b"y", long=True))) == [(4, b"x" * 200), (4, b"y")]
    assert first(b"\x02\x01\x05\xff") == (2, b"\x05")
    for broken in (b"", b"\x02\x05x"):
        with pytest.raises(ValueError, match="element"):
            first(broken)


def assert_harmless(found):
    """Assert what must hold whatever a certificate says."""
    for text in (found.subject, found.issuer) + found.names:
        assert text.isprintable() and len(text) <= 200
    assert len(found.names) <= 100
    assert re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?$", found.not_after)
    assert (found.days_left is None) == (found.not_after == "")


@given(st.binary(max_size=200))
def test_arbitrary_bytes(der):
    assert_harmless(facts(der, "TLSv1.3"))


@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=6
    )
)
def test_mutations_of_a_certificate(certificate, changes):
    der = der_of(certificate)
    for position, cut, piece in changes:
        start = position % len(der)
        der = der[:start] + piece + der[start + cut :]
    assert_harmless(facts(der, "TLSv1.3"))


@given(
    st.binary(max_size=60),
    st.binary(max_size=60),
    st.one_of(
        st.binary(max_size=40), st.text("0123456789Z", max_size=16).map(lambda text: moment(0x18, text))
    ),
)
def test_arbitrary_parts(subject, names, end):
    assert_harmless(facts(made(end, subject, extensions_of(names)), ""))
