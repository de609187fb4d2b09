# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A headless Chromium without a network, driven by Selenium."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import typing as t
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.common.print_page_options import PrintOptions
from selenium.webdriver.support.wait import WebDriverWait

PROGRAMS = ("chromium", "chromedriver")
_SECONDS = 20
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
KEYS = {
    "Enter": Keys.ENTER,
    "Escape": Keys.ESCAPE,
    "Tab": Keys.TAB,
    "End": Keys.END,
    "Home": Keys.HOME,
    "Left": Keys.LEFT,
    "Up": Keys.UP,
    "Right": Keys.RIGHT,
    "Down": Keys.DOWN,
}


def missing() -> str:
    """Return which program there is not, or nothing."""
    return ", ".join(program for program in PROGRAMS if not shutil.which(program))


class Browser:
    """One window."""

    def __init__(self, profile: Path):
        options = webdriver.ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        # With the driver's path, Selenium looks for none and downloads none.
        service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
        with mock.patch.dict(os.environ, no_proxy="*"):  # the driver is on this machine
            self._driver = webdriver.Chrome(options=options, service=service)

    def close(self) -> None:
        """End browser and driver."""
        self._driver.quit()

    def command(self, name: str, **parameters: t.Any) -> t.Any:
        """Run a command of the DevTools protocol."""
        return self._driver.execute_cdp_cmd(name, parameters)

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a page anew and wait until it is complete."""
        self._driver.get("about:blank")
        self._driver.get(page.as_uri() + fragment)

    def run(self, script: str, *arguments: t.Any) -> t.Any:
        """Run a function's body in the page."""
        return self._driver.execute_script(script, *arguments)

    @contextlib.contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Open pages as a browser that does not have a global object."""
        script = {"source": f"delete window.{name}"}
        added = self._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
        try:
            yield
        finally:
            self._driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)

    def until(self, script: str, wanted: t.Any) -> None:
        """Wait until a script returns what is wanted."""
        found: t.Any = None

        def is_as_wanted(_driver: webdriver.Chrome) -> bool:
            nonlocal found
            found = self.run(script)
            return bool(found == wanted)

        try:
            WebDriverWait(self._driver, _SECONDS, poll_frequency=0.05).until(is_as_wanted)
        except TimeoutException:
            raise AssertionError(f"{script}: {found!r}, and not {wanted!r}") from None

    def type(self, selector: str, text: str) -> None:
        """Type into an element."""
        self._driver.find_element(By.CSS_SELECTOR, selector).send_keys(text)

    def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        self._driver.find_element(By.CSS_SELECTOR, selector).click()

    def press(self, *names: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        actions = ActionChains(self._driver, duration=0)
        for name in names:
            actions.send_keys(KEYS[name])
        actions.perform()

    def said(self) -> list[str]:
        """Return what the browser logged: errors of scripts, refused loads."""
        driver: t.Any = self._driver  # this method has no types
        return [entry["message"] for entry in driver.get_log("browser")]

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
        file.write_bytes(self._driver.get_screenshot_as_png())

    def pages(self) -> int:
        """Return on how many pages of paper it is printed."""
        paper = PrintOptions()
        paper.page_width, paper.page_height = 21.0, 29.7
        paper.orientation = "landscape"
        paper.background = True
        return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(self._driver.print_page(paper))))
