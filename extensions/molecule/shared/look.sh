# shellcheck shell=sh
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What a firewall and the files of a host look like, without what changes by itself.
exec 2>&1
for command in "nft list ruleset" iptables-save ip6tables-save; do
    # nft warns of tables that iptables made, at a time of its own, in the middle of a line.
    rules=$($command 2>/dev/null) || rules="no $command"
    echo "$rules" | sed -e '/^#/d' -e 's/packets [0-9]* bytes [0-9]*/counter/; s/\[[0-9]*:[0-9]*\]/counter/'
done
find /etc /usr/local /var/lib/exasol_community.network -xdev \( -type f -printf '%m %u ' -exec sha256sum '{}' ';' \) -o -printf '%p %l\n' | sort
systemctl list-units --all --plain --no-legend 'exasol-network*'
