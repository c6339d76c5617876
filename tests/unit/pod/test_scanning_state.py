"""How far a full schema is, as `podium pod status` says it."""

import pytest

from podium.cli.pod import _described
from podium.state import StateFile, alone, read_state
from podium.workers.progress import Scanned


@pytest.mark.parametrize(("scanned", "text"), [((3_000_000, 2, 5), "40 %"), ((1_250_000, 0, 1), "1,250,000 rows")], ids=["parts", "rows"])
def test_it_is_said_while_it_lasts(tmp_path, scanned, text):
    state = StateFile(tmp_path)
    with alone(tmp_path):
        state.begin()
        state.datasource("patients", "partial")
        state.scanning("patients", str(Scanned(*scanned)))
        assert f"  patients: partial, full schema {text}" in _described("demo/a", read_state(tmp_path).model_dump()).splitlines()
        state.datasource("patients", "full")
        state.scanning("patients", "")
        assert read_state(tmp_path).scanning == {}
        assert "  patients: full" in _described("demo/a", read_state(tmp_path).model_dump()).splitlines()
