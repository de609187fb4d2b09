# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real clients: each speaks its service's own protocol with a host, from the standard library alone.

  clients.py SECONDS ADDRESS...      let every client talk to every address, and print what is wrong

Printed is JSON: C([[CLIENT, ADDRESS, COMPLAINT], ...]); the complaint of a client that got its answer is
empty.
"""

import ftplib
import http.client
import json
import socket
import ssl
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

SECONDS = float(sys.argv[1]) if __name__ == "__main__" else 0
LDAP_BIND = bytes.fromhex("300c020101600702010304008000")  # anonymous, RFC 4511
POSTGRESQL_SSL = bytes.fromhex("0000000804d2162f")  # SSLRequest
DNS_QUERY = (
    struct.pack(">6H", 4711, 0x0100, 1, 0, 0, 0) + b"\x07partner\x04test\x00" + struct.pack(">2H", 1, 1)
)
NTP_QUERY = bytes([0x23]) + bytes(47)
UNTRUSTED = ssl.create_default_context()
UNTRUSTED.check_hostname, UNTRUSTED.verify_mode = (
    False,
    ssl.CERT_NONE,
)  # the lab signs its certificates itself


class ImplicitTLS(ftplib.FTP_TLS):
    """FTP whose control connection begins with TLS."""

    def connect(self, host="", port=0, timeout=SECONDS, source_address=None):
        """Connect and begin TLS at once."""
        self.host, self.port, self.timeout = host, port, timeout
        self.sock = self.context.wrap_socket(socket.create_connection((host, port), timeout))
        self.af, self.file = self.sock.family, self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


def exchange(address, port, question=b"", tls=False, size=4096):
    """Ask over TCP and return the answer."""
    with socket.create_connection((address, port), SECONDS) as plain:
        end = UNTRUSTED.wrap_socket(plain) if tls else plain
        end.sendall(question)
        return end.recv(size)


def datagram(address, port, question):
    """Ask over UDP and return the answer."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.settimeout(SECONDS)
        end.connect((address, port))
        end.send(question)
        return end.recv(4096)


def listing(client, address, port=21):
    """Log in and list a directory over a data connection; its mode was chosen before."""
    client.connect(address, port, timeout=SECONDS)
    client.login("ordinary", "ordinary")
    if isinstance(client, ftplib.FTP_TLS):
        client.prot_p()
    client.nlst()
    client.quit()
    return True


def active(client):
    """Let the server open the data connections."""
    client.set_pasv(False)
    return client


def page(kind, address, port, **options):
    """Return whether a page comes."""
    connection = kind(address, port, timeout=SECONDS, **options)
    connection.request("GET", "/")
    return connection.getresponse().read() == b"partner\n"


CLIENTS = {
    "ftp passive": lambda address: listing(ftplib.FTP(), address),
    "ftp active": lambda address: listing(active(ftplib.FTP()), address),
    "ftp with TLS passive": lambda address: listing(ftplib.FTP_TLS(context=UNTRUSTED), address),
    "ftp with TLS active": lambda address: listing(active(ftplib.FTP_TLS(context=UNTRUSTED)), address),
    "ftps passive": lambda address: listing(ImplicitTLS(context=UNTRUSTED), address, 990),
    "ftps active": lambda address: listing(active(ImplicitTLS(context=UNTRUSTED)), address, 990),
    "ssh": lambda address: exchange(address, 22, b"SSH-2.0-lab\r\n").startswith(b"SSH-2.0-OpenSSH"),
    "http": lambda address: page(http.client.HTTPConnection, address, 80),
    "https": lambda address: page(http.client.HTTPSConnection, address, 443, context=UNTRUSTED),
    "ldap": lambda address: exchange(address, 389, LDAP_BIND)[5] == 0x61,
    "ldaps": lambda address: exchange(address, 636, LDAP_BIND, tls=True)[5] == 0x61,
    "mariadb": lambda address: exchange(address, 3306)[4] == 0x0A,  # a greeting; 0xFF refuses this host
    "postgresql": lambda address: exchange(address, 5432, POSTGRESQL_SSL, size=1) in (b"S", b"N"),
    "dns": lambda address: socket.inet_aton("192.0.2.1") in datagram(address, 53, DNS_QUERY),
    "dns over tcp": lambda address: (
        socket.inet_aton("192.0.2.1") in exchange(address, 53, struct.pack(">H", len(DNS_QUERY)) + DNS_QUERY)
    ),
    "ntp": lambda address: datagram(address, 123, NTP_QUERY)[0] & 7 == 4,
}


def attempt(work):
    """Return what is wrong with the answer to one client, nothing if it got its answer."""
    name, address = work
    try:
        return "" if CLIENTS[name](address) else "an unexpected answer"
    except (OSError, ftplib.Error, EOFError, http.client.HTTPException, IndexError) as error:
        return repr(error)


def main(_seconds, *addresses):
    """Let all clients speak at the same time."""
    works = [(name, address) for name in CLIENTS for address in addresses]
    with ThreadPoolExecutor(len(works)) as pool:
        complaints = list(pool.map(attempt, works))
    print(json.dumps([[name, address, complaint] for (name, address), complaint in zip(works, complaints)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
