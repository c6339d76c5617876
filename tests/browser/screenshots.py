"""`make screenshots`: the pictures of Prefect's UI in docs/images, taken of a demo that is set up for them and removed again."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from chromium import find, launched, sign_in
from playwright.sync_api import Page, expect
from town import Town

from podium.algorithms.count import Count
from podium.algorithms.mean import Mean
from podium.demo.data import tumours, write_halves

IMAGES = Path(__file__).parents[2] / "docs" / "images"
POD = "clinic-a"
COLUMNS = ("diagnosis", "radius_band", "mean_radius")
MOST_BYTES = 150_000


def main() -> None:
    """Set the stage, take every picture, clear the stage."""
    path = find()
    with tempfile.TemporaryDirectory(prefix="podium-screenshots-") as folder:
        os.environ.update(PODIUM_HOME=f"{folder}/home", PODIUM_PREFECT_PORT="4200")
        town = Town(Path(folder))
        try:
            session = staged(town)
            prefect = json.loads(town.podium("prefect", "env", "--json").stdout)
            ui = prefect["PREFECT_API_URL"].removesuffix("/api")
            with launched(path) as browser:
                context = browser.new_context(viewport={"width": 1280, "height": 760}, timezone_id="UTC")
                sign_in(context, ui, prefect["PREFECT_API_AUTH_STRING"])
                take(context.new_page(), town, session, ui)
        finally:
            town.close()


def staged(town: Town) -> Any:
    """A clinic with its half of the tumours, which has answered three questions; the analyst's session."""
    write_halves(town.folder, tumours())
    town.start_hub()
    town.start_pod("clinic-a", {"name": "tumours", "kind": "csv", "path": str(town.folder / "clinic-a.csv"), "key": ["case"]})
    session = town.session()
    columns = [part for column in COLUMNS for part in ("--column", column)]
    kinds = ["--algorithm", "count", "--algorithm", "mean"]
    grant = ["grant", "create", "--pod", f"demo/{POD}", "--analyst", session.fingerprint, "--alias", "Ana", "--datasource", "tumours"]
    town.podium(*grant, *columns, *kinds)
    for algorithm in (Count(), Count(by="radius_band"), Mean(column="mean_radius", by="diagnosis")):
        session.ask(algorithm, pods=[f"demo/{POD}"], datasource="tumours", timeout=60)
    return session


def take(page: Page, town: Town, session: Any, ui: str) -> None:
    """One picture after the other, in the order of the page that shows them."""
    ((flow_run, run),) = town.rows(POD, "SELECT flow_run, id FROM run ORDER BY no DESC LIMIT 1")
    page.goto(f"{ui}/runs")
    expect(page.get_by_text(f"compute-{run[:8]}").first).to_be_visible()
    keep(page, "prefect-runs", height=1100)

    page.goto(f"{ui}/runs/flow-run/{flow_run}")
    expect(page.get_by_text("through the gate").first).to_be_visible()
    keep(page, "prefect-run", height=900)

    page.get_by_text("Artifacts", exact=True).last.click()
    page.get_by_role("link", name=f"run-{run[:8]}").first.click()
    expect(page.get_by_text("Kept back by rule")).to_be_visible()
    keep(page, "prefect-artifact")

    page.goto(f"{ui}/deployments")
    expect(page.get_by_text("upkeep").first).to_be_visible()
    keep(page, "prefect-deployments", height=560)

    page.locator("tr", has_text="schema-generation").get_by_role("link").first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    expect(page.get_by_text("Which datasources")).to_be_visible()
    keep(page, "prefect-form", height=860)

    answer = session.ask(Mean(column="mean_radius"), pods=[f"demo/{POD}"], datasource="tumours", wait=False)
    worker = town.worker(POD)
    worker.suspend()
    ((flow_run,),) = town.rows(POD, "SELECT flow_run FROM run ORDER BY no DESC LIMIT 1")
    page.goto(f"{ui}/runs/flow-run/{flow_run}")
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("button", name="Confirm")).to_be_visible()
    keep(page, "prefect-cancel")
    worker.resume()
    answer.wait(60)


def keep(page: Page, name: str, *, height: int = 760) -> None:
    """The picture as it looks once nothing moves any more."""
    page.set_viewport_size({"width": 1280, "height": height})
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(2500)  # charts and dialogs slide in
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    if path.stat().st_size > MOST_BYTES:
        sys.exit(f"error: {path} is larger than {MOST_BYTES} bytes.")
    print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
