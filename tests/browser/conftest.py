"""A real Chromium, signed in to Prefect's UI of a real town.

PODIUM_CHROMIUM names the browser where it is not on the PATH; PODIUM_BROWSER=required makes a missing one a failure, as CI does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))  # towns are built as there

from chromium import Contacted, find, launched, sign_in, ui
from playwright.sync_api import Browser, BrowserContext, Page
from town import Town, opened, patients

import podium
from podium.contracts import Status


@pytest.fixture(scope="module")
def town(tmp_path_factory, prefect_server: object) -> Iterator[Town]:
    """A pod that has answered one question, and an analyst with a grant."""
    with opened(tmp_path_factory.mktemp("town")) as made:
        made.start_hub()
        made.start_pod("north", made.csv("north", patients(200)))
        session = made.session()
        made.grant("north", session)
        answer = session.ask(podium.algorithms.Count(by="sex"), pods=["demo/north"], datasource="patients", timeout=60)
        assert answer.status is Status.RELEASED
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the module, and no longer: while it is open, no other test of this process may run an event loop."""
    with launched(find()) as browser:
        yield browser


@pytest.fixture(scope="module")
def signed_in(browser: Browser, town: Town) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    sign_in(context, ui(), os.environ["PREFECT_API_AUTH_STRING"])
    yield context
    context.close()


@pytest.fixture(scope="module")
def contacted(signed_in: BrowserContext) -> Contacted:
    """Every host that a page of this module has asked for anything."""
    return Contacted(signed_in)


@pytest.fixture
def page(signed_in: BrowserContext, contacted: Contacted) -> Iterator[Page]:
    page = signed_in.new_page()
    yield page
    page.close()
