# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Galaxy server with one collection, as much of its API (v3) as ansible-galaxy asks for."""

from __future__ import annotations

import hashlib
import http.server
import json
import tarfile
import threading
import typing as t
from pathlib import Path

from ..waiting import SECONDS
from .namespaces import Machine


def _manifest(artefact: Path) -> dict[str, t.Any]:
    with tarfile.open(artefact) as tar:
        member = tar.extractfile("MANIFEST.json")
        assert member
        info: dict[str, t.Any] = json.load(member)["collection_info"]
        return info


class Galaxy:
    """Serves an artefact at an address of a network, until its context is left."""

    def __init__(self, machine: Machine, artefact: Path, port: int = 8080):
        self.url = f"http://127.0.0.1:{port}/api/"
        self.asked: list[str] = []
        self._answers = self._all_answers(artefact)
        with machine.inside():
            self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def _all_answers(self, artefact: Path) -> dict[str, bytes]:
        info, content = _manifest(artefact), artefact.read_bytes()
        version = info["version"]
        collection = f"/api/v3/collections/{info['namespace']}/{info['name']}/"
        versions = f"{collection}versions/"
        when = "2026-11-27T00:00:00Z"
        data = {
            "/api/": {"available_versions": {"v3": "v3/"}},
            collection: {
                "namespace": info["namespace"],
                "name": info["name"],
                "created_at": when,
                "updated_at": when,
            },
            versions: {"meta": {"count": 1}, "links": {"next": None}, "data": [{"version": version}]},
            f"{versions}{version}/": {
                "version": version,
                "namespace": {"name": info["namespace"]},
                "collection": {"name": info["name"]},
                "href": f"{versions}{version}/",
                "download_url": f"{self.url}{artefact.name}",
                "artifact": {"sha256": hashlib.sha256(content).hexdigest()},
                "signatures": [],
                "metadata": {"dependencies": info["dependencies"]},
            },
        }
        return {f"/api/{artefact.name}": content} | {
            path: json.dumps(value).encode() for path, value in data.items()
        }

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        answers, asked = self._answers, self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name that http.server calls
                asked.append(self.path)
                body = answers.get(self.path.partition("?")[0])
                self.send_response(404 if body is None else 200)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *unused: object) -> None:
                """Keep silent."""

        return Handler

    def __enter__(self) -> Galaxy:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.shutdown()
        self._thread.join(SECONDS)
        self._server.server_close()
