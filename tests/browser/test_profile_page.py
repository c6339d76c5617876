"""The page of a profile in a real Chromium: it runs nothing, asks nobody, and fits a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from podium.cli._look import Looked
from podium.cli._page import page as written
from podium.contracts import Category, Column, DatasourceSchema
from podium.privacy.disclosure import Rules

HOSTILE = """<script>document.title="taken"</script><img src=x onerror="alert(1)">"'>&\u202egnp.exe\x1b[31m"""
LEVELS = (Category(value="f", rows=600), Category(value=HOSTILE, rows=390), Category(value="canary", rows=7))
COLUMNS = (
    Column(
        name=HOSTILE,
        type="text",
        semantic="categorical",
        description=HOSTILE,
        unit=HOSTILE,
        labels={"f": HOSTILE},
        nulls=3,
        categories=LEVELS,
    ),
    Column(name="x" * 500, type="number", semantic="continuous", unit="µg", nulls=0, quantiles=tuple(float(i) for i in range(101))),
    Column(name="code", type="text", semantic="text", labels={"1": HOSTILE * 9}),
)
SCHEMA = DatasourceSchema(datasource="a", stage="full", rows=1000, columns=COLUMNS)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(written(Looked(HOSTILE, "csv", SCHEMA, Rules(), HOSTILE)), "utf-8")
    return path


@pytest.fixture
def page(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 360, "height": 800})
    yield context.new_page()
    context.close()


def test_somebodys_words_are_shown_and_never_obeyed(page: Page, document: Path) -> None:
    happened: list[str] = []
    page.on("request", lambda request: happened.append(request.url))
    page.on("dialog", lambda dialog: (happened.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: happened.append(message.text))
    page.goto(document.as_uri())
    assert happened == [document.as_uri()]
    assert page.title() != "taken"
    assert page.locator("script, img, iframe, link, a, form").count() == 0
    shown = page.locator("h2").first.inner_text()
    assert "<script>" in shown
    assert "\\u202e" in shown
    assert not {"\u202e", "\x1b"} & set(page.content())
    assert "canary" not in page.content()


def test_the_browser_would_run_nothing_even_so(page: Page, document: Path) -> None:
    page.goto(document.as_uri())
    script = page.evaluate_handle("document.createElement('script')")
    page.evaluate("script => { script.textContent = 'document.title = 1'; document.body.append(script) }", script)
    assert page.title() != "1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_by_day_and_by_night(page: Page, document: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(document.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ink, paper = page.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    assert (light(ink) < light(paper)) == (scheme == "light")
    assert page.locator("figure rect").count() >= 5
    assert page.locator("figure rect").first.bounding_box()["height"] > 1


def light(colour: str) -> int:
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
