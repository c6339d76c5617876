"""Levels, messages and names that a pod chose, on the analyst's terminal: shown as they are, obeyed never."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from podium.cli import _answers
from podium.client import Run
from podium.contracts import Status, Task

TEXTS = ["[under 10]", "[/b]", "[bold red]x", "[link=http://evil.example]click[/link]", "a\x1b[2Jb", "a\nb", "\u202eabc"]


class Answer:
    """As much of an answer as the command line shows."""

    id, rows, suppressed, status = "0" * 32, 40, (), Status.RELEASED
    question = Task(protocol={}, algorithm={}, datasource="patients")

    def __init__(self, level: str, message: str) -> None:
        self.result = pd.DataFrame({"band": [level], "count": [40]})
        self.runs = {"demo/a": Run(Status.RELEASED, 40, message=message)}


@pytest.mark.parametrize("text", TEXTS)
def test_a_level_is_shown_as_it_is_written(text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = show(Answer(text, ""), capsys, monkeypatch)
    plain = "".join(sign for sign in text if sign.isprintable())
    assert plain in shown or text in TEXTS[4:], shown
    harmless(shown)


@pytest.mark.parametrize("text", TEXTS)
def test_a_pods_message_likewise(text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = show(Answer("f", text), capsys, monkeypatch)
    assert text in shown or text in TEXTS[4:], shown
    harmless(shown)


def show(answer: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    _answers.show(answer)
    return capsys.readouterr().out


def harmless(shown: str) -> None:
    assert "\x1b" not in shown
    assert "\u202e" not in shown
