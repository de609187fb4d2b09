# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accept queues, as this kernel has them."""

import contextlib
import socket

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.accept_queues import (
    full_queues,
)
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports


def is_full(port):
    """Tell whether the queue of a port of loopback is full."""
    return any(
        entry["address"] == "127.0.0.1" and port in Ports.parse(entry["ports"]) for entry in full_queues()
    )


def test_a_queue_is_full_until_its_service_accepts():
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(contextlib.closing(socket.socket()))
        service.bind(("127.0.0.1", 0))
        service.listen(1)
        port = service.getsockname()[1]
        assert not is_full(port)
        for unused in range(2):
            sock = stack.enter_context(contextlib.closing(socket.socket()))
            sock.settimeout(5)
            sock.connect(("127.0.0.1", port))
        assert is_full(port), "a backlog of 1 holds two connections"
        stack.enter_context(contextlib.closing(service.accept()[0]))
        assert not is_full(port)
