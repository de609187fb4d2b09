# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of connections on a path.

They stand apart, because who reads results needs them without the code that measures.
"""

BY_CONNECTION = "by_connection"
PATTERNS = (BY_CONNECTION,)
# What became of connections that did not come to the listener of the destination.
TO_OTHER_HOST = "other_host"  # the listener of another host proved itself
TO_STRANGER = "stranger"  # something answered that is no listener of this run
REFUSED_ONE = "refused"  # by RST or ICMP, of the other end or a device in between
REFUSED_HERE = "refused_here"  # by a rule or a route of the probing host itself
NO_NEIGHBOUR = "no_neighbour"  # nothing replied to ARP or NDP of the probing host
CUT_OFF = "cut_off"  # it came about, and the other end ended it without an answer
UNANSWERED = "unanswered"  # it came about, and nothing came back
NOT_SERVED = "not_served"  # the expected service of others says that it does not serve this host
TO_OTHER_SERVICE = "other_service"  # another service than the expected one of others answered
STRAYS = (TO_OTHER_HOST, TO_STRANGER, REFUSED_ONE, REFUSED_HERE, NO_NEIGHBOUR, CUT_OFF, UNANSWERED)
STRAYS_OF_SAMPLES = (*STRAYS, NOT_SERVED, TO_OTHER_SERVICE)
