"""The system's Chromium, driven by Playwright. The package brings a browser of its own only if told to; it is not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str:
    """The browser's path. Raises FileNotFoundError; a wrong PODIUM_CHROMIUM is not made up for by another browser."""
    wanted = os.environ.get("PODIUM_CHROMIUM")
    found = shutil.which(wanted) if wanted else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise FileNotFoundError("no Chromium: apt install chromium, or name one in PODIUM_CHROMIUM")
    return found


@contextmanager
def launched(path: str) -> Iterator[Browser]:
    """A headless browser; all of its processes have ended afterwards."""
    args = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.getuid() == 0 else [])]  # its sandbox refuses to run as root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        browser.close()


def ui() -> str:
    """Where Prefect's UI is."""
    return os.environ["PREFECT_API_URL"].removesuffix("/api")


def sign_in(context: BrowserContext, place: str, auth: str) -> None:
    """Give the password to the UI's own form, once for all pages of the context."""
    page = context.new_page()
    page.goto(f"{place}/runs")
    page.get_by_placeholder("admin:pass").fill(auth)
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_text("Date Range")).to_be_visible()
    page.close()


class Contacted:
    """The hosts that the pages of a context ask for anything, web sockets too."""

    def __init__(self, context: BrowserContext) -> None:
        self.hosts: set[str | None] = set()
        context.on("request", lambda request: self._note(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._note(socket.url)))

    def _note(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob"):
            self.hosts.add(urlsplit(url).hostname)
