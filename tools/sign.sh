#!/bin/sh
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Write the detached signature of an artefact's MANIFEST.json beside the artefact, as ARTEFACT.asc, with the only
# secret key of gpg's keyring. MANIFEST.json holds the checksum of FILES.json, and that those of all files:
# https://docs.ansible.com/ansible/latest/collections_guide/collections_verifying.html
set -eu
artefact=${1:?usage: tools/sign.sh ARTEFACT}
manifest=$(mktemp)
trap 'rm -f "$manifest"' EXIT
tar --extract --gzip --to-stdout --file="$artefact" MANIFEST.json > "$manifest"
gpg --batch --yes --armor --detach-sign --output "$artefact.asc" "$manifest"
