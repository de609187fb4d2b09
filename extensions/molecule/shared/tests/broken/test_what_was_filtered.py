# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the faults have stopped something; a fault that met no packet proves nothing.

The last file of its folder.
"""

import json


def test_the_filter_has_stopped_packets(lab, filter_of_fault):
    table = filter_of_fault.table or "fault"
    listing = json.loads(lab[filter_of_fault.at].check_output("nft -j list table inet %s", table))
    counters = [counter["packets"] for counter in find("counter", listing)]
    assert counters, f"table {table} of {filter_of_fault.at} has no filter"
    assert min(counters) >= filter_of_fault.packets, (
        f"a filter on {filter_of_fault.at} stopped too little: {counters} packets"
    )


def find(key, value):
    """Yield everything that stands under a key, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from find(key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from find(key, inner)
