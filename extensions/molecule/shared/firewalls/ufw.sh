# shellcheck shell=sh
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A ufw of somebody else that lets nothing in but SSH, and nothing out.
set -eu
ufw default deny incoming
ufw default deny outgoing
ufw allow 22/tcp
ufw --force enable
