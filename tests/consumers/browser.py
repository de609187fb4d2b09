# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A headless Chromium without a network, driven by chromedriver (https://www.w3.org/TR/webdriver2/)."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

PROGRAMS = ("chromium", "chromedriver")
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1280,900",
    "--proxy-server=http://127.0.0.1:9",
)  # nobody: what would leave this machine does not
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Tab": "\ue004",
    "End": "\ue010",
    "Home": "\ue011",
    "Left": "\ue012",
    "Up": "\ue013",
    "Right": "\ue014",
    "Down": "\ue015",
}


def missing() -> str:
    """Return which program there is not, or nothing."""
    return ", ".join(program for program in PROGRAMS if not shutil.which(program))


class Browser:
    """One window."""

    def __init__(self, profile: Path):
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._driver.stdout
        port = next(
            found[1]
            for found in (re.search(r"successfully on port (\d+)", line) for line in self._driver.stdout)
            if found
        )
        self._base = f"http://127.0.0.1:{port}/session"
        options = {"binary": shutil.which("chromium"), "args": [*_ARGUMENTS, f"--user-data-dir={profile}"]}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        self._base += "/" + self._post("", capabilities={"alwaysMatch": wanted})["sessionId"]

    def close(self) -> None:
        """End browser and driver."""
        try:
            self._request("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait(20)

    def _post(self, path: str, **body: t.Any) -> t.Any:
        return self._request("POST", path, body)

    def _request(self, method: str, path: str, body: t.Any = None) -> t.Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._base + path, data, {"Content-Type": "application/json"}, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from error

    def command(self, name: str, **parameters: t.Any) -> t.Any:
        """Run a command of the DevTools protocol."""
        return self._post("/goog/cdp/execute", cmd=name, params=parameters)

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a page anew and wait until it is complete."""
        self._post("/url", url="about:blank")
        self._post("/url", url=page.as_uri() + fragment)

    def run(self, script: str, *arguments: t.Any) -> t.Any:
        """Run a function's body in the page."""
        return self._post("/execute/sync", script=script, args=list(arguments))

    def until(self, script: str, wanted: t.Any) -> None:
        """Wait until a script returns what is wanted."""
        deadline = time.monotonic() + 20
        while (found := self.run(script)) != wanted:
            assert time.monotonic() < deadline, f"{script}: {found!r}, and not {wanted!r}"
            time.sleep(0.05)

    def type(self, selector: str, text: str) -> None:
        """Type into an element."""
        self._post(f"/element/{self._find(selector)}/value", text=text)

    def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        self._post(f"/element/{self._find(selector)}/click")

    def press(self, *names: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        actions = [{"type": kind, "value": KEYS[name]} for name in names for kind in ("keyDown", "keyUp")]
        self._post("/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def _find(self, selector: str) -> str:
        element: str = self._post("/element", using="css selector", value=selector)[_ELEMENT]
        return element

    def said(self) -> list[str]:
        """Return what the browser logged: errors of scripts, refused loads."""
        return [entry["message"] for entry in self._post("/se/log", type="browser")]

    def emulate(self, media: str = "", scheme: str = "light", width: int = 1280, height: int = 900) -> None:
        """Show the page as on another screen, or as on paper."""
        self.command(
            "Emulation.setEmulatedMedia",
            media=media,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def picture(self, file: Path) -> None:
        """Save a screenshot."""
        file.write_bytes(base64.b64decode(self._request("GET", "/screenshot")))

    def pages(self) -> int:
        """Return on how many pages of paper it is printed."""
        pdf = base64.b64decode(
            self._post(
                "/print", page={"width": 21.0, "height": 29.7}, orientation="landscape", background=True
            )
        )
        return len(re.findall(rb"/Type\s*/Page\b", pdf))
