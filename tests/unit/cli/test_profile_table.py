"""The table of a profile on a narrow terminal, and the figures in it."""

from __future__ import annotations

import pytest

from podium.cli._profile import discreet, exact, show
from podium.contracts import Category, Column, DatasourceSchema
from podium.privacy.disclosure import Rules
from podium.privacy.told import missing

LONG = "q17_pain_in_the_last_four_weeks"
COLUMNS = (
    Column(name=LONG, type="number", semantic="continuous", nulls=2223, distinct=330, unit="points", description="How much pain"),
    Column(name="smoker", type="boolean", semantic="boolean", nulls=0, distinct=1, categories=(Category(value=True, rows=20_000),)),
)
SCHEMA = DatasourceSchema(datasource="a", stage="full", rows=20_000, columns=COLUMNS)


def table(capsys: pytest.CaptureFixture[str], *, full: bool = False) -> str:
    show({"path": "a.csv", "kind": "csv", **(exact(SCHEMA) if full else discreet(SCHEMA, Rules()))}, Rules())
    return capsys.readouterr().out


def test_on_80_characters_names_have_room(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = table(capsys)
    assert "description\n" not in shown
    assert "11 %" in shown
    assert "2,225" not in shown
    assert LONG[:20] in shown
    assert "100 characters wide" in shown


def test_on_140_characters_all_is_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    shown = table(capsys)
    assert "How much pain [points]" in shown
    assert "2,225 (11 %)" in shown
    assert "characters wide" not in shown
    assert "true (20,000)" in table(capsys, full=True)


def test_all_but_a_few_missing_is_not_all() -> None:
    assert [missing(nulls, 20_000, Rules()) for nulls in (19_995, 20_000, 19_800, 5, 0)] == ["> 99 %", "100 %", "99 %", "< 1 %", "0 %"]
