# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of an X.509 certificate (RFC 5280), read without verifying anything.

Python's ssl tells them of verified ones only.
"""

import calendar
import hashlib
import ipaddress
import re
import time
from typing import Iterator, List, NamedTuple, Optional, Tuple

from .._values.text import clean
from ._finding import TlsFacts

# Tags of DER (ITU-T X.690)
_SEQUENCE, _SET, _OID, _UTC_TIME, _GENERALIZED_TIME, _OCTETS = 0x30, 0x31, 0x06, 0x17, 0x18, 0x04
_VERSION, _EXTENSIONS, _DNS_NAME, _IP_ADDRESS = 0xA0, 0xA3, 0x82, 0x87
_UTF16 = 0x1E
_ATTRIBUTES = {
    b"\x55\x04\x03": "CN",
    b"\x55\x04\x06": "C",
    b"\x55\x04\x07": "L",
    b"\x55\x04\x08": "ST",
    b"\x55\x04\x0a": "O",
    b"\x55\x04\x0b": "OU",
}
_ALTERNATIVE_NAMES = b"\x55\x1d\x11"
_MAX_NAMES = 100


class Element(NamedTuple):
    """One element of DER."""

    tag: int
    content: bytes


def facts(der: bytes, protocol: str, now: Optional[float] = None) -> TlsFacts:
    """Return what a certificate says; what cannot be read is left out."""
    found = TlsFacts(protocol, fingerprint=hashlib.sha256(der).hexdigest().upper() if der else "")
    try:
        body = _body(der)
        found = _read(body, found, time.time() if now is None else now)
        found = found._replace(names=tuple(_alternative_names(body[5:])))
    except (ValueError, LookupError, OverflowError):
        pass
    return found


def _body(der: bytes) -> List[Element]:
    body = list(elements(first(first(der).content).content))
    return body[1:] if body and body[0].tag == _VERSION else body


def _read(body: List[Element], found: TlsFacts, now: float) -> TlsFacts:
    issuer, validity, subject = body[2], body[3], body[4]
    ends = _seconds(list(elements(validity.content))[1])
    return found._replace(
        subject=_name(subject),
        issuer=_name(issuer),
        days_left=int((ends - now) // 86400),
        not_after="{0:04}-{1:02}-{2:02}T{3:02}:{4:02}:{5:02}Z".format(*time.gmtime(ends)),
    )


def elements(data: bytes) -> Iterator[Element]:
    """Yield the elements of DER; raises ValueError where it is none."""
    position = 0
    while position < len(data):
        tag, length, start = _header(data, position)
        if start + length > len(data):
            raise ValueError(f"an element of {length} bytes in {len(data) - start}")
        yield Element(tag, data[start : start + length])
        position = start + length


def first(data: bytes) -> Element:
    """Return the first element of DER; raises ValueError where there is none."""
    for element in elements(data):
        return element
    raise ValueError("nothing where an element of DER must be")


def _header(data: bytes, position: int) -> Tuple[int, int, int]:
    tag, length, start = data[position], data[position + 1], position + 2
    if length < 0x80:
        return tag, length, start
    count = length & 0x7F
    if not 1 <= count <= 4:
        raise ValueError(f"a length of {count} bytes")
    return tag, int.from_bytes(data[start : start + count], "big"), start + count


def _name(name: Element) -> str:
    parts: List[str] = []
    for group in elements(name.content):
        for attribute in elements(group.content):
            kind, value = list(elements(attribute.content))[:2]
            text = (
                value.content.decode("utf-16-be", "replace")
                if value.tag == _UTF16
                else value.content.decode("utf-8", "replace")
            )
            parts.append(f"{_ATTRIBUTES.get(kind.content, kind.content.hex())}={clean(text)}")
    return clean(", ".join(parts))


def _seconds(moment: Element) -> int:
    text = moment.content.decode("ascii")
    if moment.tag == _UTC_TIME:
        text = ("20" if int(text[:2]) < 50 else "19") + text  # RFC 5280, section 4.1.2.5.1
    if not re.match(r"[0-9]{14}Z$", text):
        raise ValueError(f"a time of {text!r}")
    return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ"))


def _alternative_names(rest: List[Element]) -> Iterator[str]:
    for wrapper in rest:
        if wrapper.tag != _EXTENSIONS:
            continue
        for extension in elements(first(wrapper.content).content):
            parts = list(elements(extension.content))
            if parts[0].content == _ALTERNATIVE_NAMES:
                names = list(elements(first(parts[-1].content).content))
                yield from (
                    _alternative_name(name)
                    for name in names[:_MAX_NAMES]
                    if name.tag in (_DNS_NAME, _IP_ADDRESS)
                )


def _alternative_name(name: Element) -> str:
    return str(ipaddress.ip_address(name.content)) if name.tag == _IP_ADDRESS else clean(name.content)
