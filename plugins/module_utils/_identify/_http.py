# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP, and BucketFS, which speaks it."""

import re
from typing import Dict

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._wire import EndedError, Waiting, Wire, looks_like

# From a gateway (RFC 9110, sections 15.6.3 to 15.6.5): the server behind it does not answer.
_BEHIND_A_CDN = "HTTP status {0}: a content delivery network answers, and does not reach the server behind it"
_REFUSALS = {
    b"429": "HTTP status 429: it serves this host nothing, because too many requests come from it",
    b"502": "HTTP status 502: a proxy answers, and the server behind it does not",
    b"503": "HTTP status 503: it is out of service, or a proxy answers that has no server behind it",
    b"504": "HTTP status 504: a proxy answers, and the server behind it does not",
    b"509": "HTTP status 509: it serves nothing, because its bandwidth limit is exceeded",
}
# What Cloudflare says of the server behind it ("Cloudflare 5xx errors" in its documentation).
_REFUSALS.update((str(code).encode("ascii"), _BEHIND_A_CDN.format(code)) for code in (*range(520, 527), 530))
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}")
_MAX_INTERIM = 10
_PORT_OF_HTTPS = "HTTP that rejects an ordinary request (status 400), as a port of HTTPS does"
# In words that some send even to who asks for the head alone: Apache, Go, Tomcat.
_SAYS_HTTPS = re.compile(rb"(?i)https|\bssl|\btls")
_MAX_WORDS = 1024
# nginx sends no words with a head, but their length: the page for a plain request on a port of HTTPS is
# longer than that for any other bad request. Both end with the server's name (error pages 497 and 400,
# ngx_http_special_response.c).
_NGINX_497 = len(
    "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n"
    "<center><h1>400 Bad Request</h1></center>\r\n<center>The plain HTTP request was sent to HTTPS "
    "port</center>\r\n"
    "<hr><center></center>\r\n</body>\r\n</html>\r\n"
)


def talk(wire: Wire) -> Waiting:
    """Ask for the head of a page."""
    return (yield from ask(wire))


def ask(wire: Wire) -> Waiting:
    """Send HEAD and read the status line and the fields."""
    wire.say(
        b"HEAD / HTTP/1.1\r\nHost: "
        + authority(wire.host)
        + b"\r\nConnection: close\r\nUser-Agent: exasol_community.network\r\n\r\n"
    )
    status = yield from _status_line(wire)
    if not re.match(rb"HTTP/1\.[01] [0-9]{3}\b", status):
        return Finding(OTHER, looks_like=looks_like(status))
    fields: Dict[bytes, bytes] = {}
    try:
        yield from headers(wire, fields)
    except (EndedError, ValueError):
        pass  # the status line is proof enough
    if status[9:12] == b"400" and wire.tls is None and (yield from _is_port_of_https(wire, fields)):
        return Finding(OTHER, looks_like=_PORT_OF_HTTPS)
    version = clean(fields.get(b"server", b""))
    if status[9:12] in _REFUSALS:
        return Finding(REFUSING, version=version, detail=_REFUSALS[status[9:12]])
    return Finding(IDENTIFIED, version=version, detail="HTTP status {0}".format(status[9:12].decode("ascii")))


def _status_line(wire: Wire) -> Waiting:
    """Return the status line of the answer, behind what may announce it (RFC 9110, section 15.2)."""
    for unused in range(_MAX_INTERIM):
        status = yield from wire.hear_until(b"\n", 1024)
        if not _INTERIM.match(status):
            return status
        yield from headers(wire, {})
    raise ValueError("it announces an answer again and again")


def _is_port_of_https(wire: Wire, fields: Dict[bytes, bytes]) -> Waiting:
    length = fields.get(b"content-length", b"")
    if length.isdigit() and int(length) == _NGINX_497 + len(fields.get(b"server", b"")):
        return True
    words = b""
    try:
        while len(words) < _MAX_WORDS:
            words += yield from wire.hear(1)
    except EndedError:
        pass
    return bool(_SAYS_HTTPS.search(words))


def headers(wire: Wire, fields: Dict[bytes, bytes]) -> Waiting:
    """Read the fields of a response, names in lower case."""
    for unused in range(100):
        line = (yield from wire.hear_until(b"\n")).strip()
        if not line:
            break
        name, unused_colon, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()


def authority(host: str) -> bytes:
    """Return a host as it stands in a request (RFC 3986, section 3.2.2)."""
    return (host if ":" not in host else "[" + host + "]").encode("ascii", "replace")
