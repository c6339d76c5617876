"""`make screenshots`: the pictures of Prefect's UI in docs/images, taken of a demo that is set up for them and removed again."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "e2e")]

from chromium import find, launched, sign_in
from playwright.sync_api import Page, expect
from town import Town

import podium
from podium.demo.data import tumours, write_halves

IMAGES = Path(__file__).parents[2] / "docs" / "images"
COLUMNS = ("diagnosis", "radius_band", "mean_radius")
MOST_BYTES = 150_000


def main() -> None:
    """Set the stage, take every picture, clear the stage."""
    path = find()
    if path is None:
        sys.exit("error: no Chromium. apt install chromium, or name one in PODIUM_CHROMIUM.")
    with tempfile.TemporaryDirectory(prefix="podium-screenshots-") as folder:
        os.environ.update(PODIUM_HOME=f"{folder}/home", PODIUM_PREFECT_PORT="4200", TZ="UTC")
        town = Town(Path(folder))
        try:
            stage(town)
            with launched(path) as browser:
                context = browser.new_context(viewport={"width": 1280, "height": 760}, color_scheme="light", reduced_motion="reduce")
                context.add_init_script("localStorage.setItem('prefect-color-mode', JSON.stringify('default'))")
                take(context, town)
        finally:
            town.close()


def stage(town: Town) -> None:
    """Clinic a with its half of the tumours, three questions answered."""
    frame = tumours()
    write_halves(town.folder, frame)
    town.start_hub()
    source = {"name": "tumours", "kind": "csv", "path": str(town.folder / "clinic-a.csv"), "key": ["case"]}
    town.start_pod("clinic-a", source)
