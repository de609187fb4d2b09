# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of listeners ask of the machine."""

import hashlib
import socket

from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import family_of

NOBODY = 65534


def listens(address, port):
    """Tell whether somebody listens at a port."""
    with socket.socket(family_of(address)) as sock:
        return sock.connect_ex((address, port)) == 0


def runs(host):
    """Tell whether a host's listener can be asked."""
    with open("/proc/net/unix") as table:
        return hashlib.sha256(host.name.encode("utf-8")).hexdigest()[:24] in table.read()


def entry(address, *ports):
    """Return where a listener listens."""
    return {"address": address, "protocol": "tcp", "ports": ",".join(str(port) for port in ports)}


def unprivileged_from():
    """Return the first port that needs no privilege."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as setting:
        return int(setting.read())
