# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for the tests, made by OpenSSL's own tool."""

import shutil
import subprocess

import pytest


def openssl(folder, *words):
    """Run the tool."""
    subprocess.run(
        ("openssl",) + words,
        cwd=str(folder),
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=60,
    )


@pytest.fixture(scope="session")
def make_certificate(tmp_path_factory):
    """Return a maker of certificates and keys: from a subject, extensions and a lifetime."""
    if not shutil.which("openssl"):
        pytest.skip("needs the command openssl, which makes the certificates (Debian: openssl)")

    def make(subject="CN = db.example.com", extensions="", days=100, mask="utf8only", version=3):
        folder = tmp_path_factory.mktemp("certificate")
        head = "[req]\nprompt = no\nutf8 = yes\nstring_mask = {0}\ndistinguished_name = name\n{1}\n"
        head = (head + "[name]\n{2}\n").format(
            mask, "x509_extensions = extensions" if extensions else "", subject
        )
        text = head + ("[extensions]\n" + extensions + "\n" if extensions else "")
        (folder / "conf").write_bytes(text.encode("utf-8"))
        openssl(
            folder,
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-config",
            "conf",
            "-days",
            str(days),
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
        )
        return str(folder / "certificate.pem"), str(folder / "key.pem")

    return make


@pytest.fixture(scope="session")
def certificate(make_certificate):
    """An ordinary certificate and its key."""
    return make_certificate(
        "O = Example\nCN = db.example.com",
        "subjectAltName = DNS:db.example.com, DNS:*.example.com, IP:192.0.2.11",
    )
