"""The kinds that the how-to pages teach, written to files and loaded as the pages say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from pages import blocks

from podium.algorithms import Algorithm
from podium.datasources import Datasource


@pytest.fixture
def taught(tmp_path):
    """kind → class, registered for one test."""
    before = {
        family: {kind: family.of(kind) for kind in family.kinds()} for family in (Algorithm, Datasource)
    }  # loaded now, not in between
    for block in blocks("python"):
        first = block.text.splitlines()[0]
        if block.page.startswith("docs/how-to/add-") and first.startswith("# podium/"):
            path = tmp_path / Path(first.removeprefix("# ")).name
            path.write_text(block.text)
            spec = importlib.util.spec_from_file_location(f"taught_{path.stem}", path)
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
    new = {kind: cls for family, known in before.items() for kind, cls in family._kinds.items() if kind not in known}
    yield new
    for family, known in before.items():
        family._kinds.clear()
        family._kinds.update(known)
