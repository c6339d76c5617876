"""What an analyst may learn from a reply: figures that passed the gate. How many datapoints were new, changed or bad is not among them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from podium.contracts import Released, ReleasedCell, Reply, Status, Suppression
from podium.project import load

COUNTS = ("new", "changed", "unchanged", "quarantined", "gone", "total", "rows_read", "used")


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        (Reply, {"v", "run", "status", "round", "stands", "released", "code", "message"}),
        (Released, {"by", "rows", "cells", "suppressed"}),
        (ReleasedCell, {"key", "values"}),
        (Suppression, {"rule", "scope"}),
    ],
    ids=["reply", "released", "cell", "suppression"],
)
def test_a_reply_has_no_place_for_counts_of_the_history(part: type, fields: set[str]) -> None:
    """Whoever adds a field here decides what leaves a pod: it goes through the gate, rounded, and into this list."""
    assert set(part.model_fields) == fields
    assert not fields & set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_cannot_be_slipped_in(name: str) -> None:
    with pytest.raises(ValidationError):
        Reply(run="ab" * 16, status=Status.RELEASED, **{name: 3})
    with pytest.raises(ValidationError):
        Released(rows=20, **{name: 3})


def test_the_sentences_tell_no_number() -> None:
    words = load("tasks.words")
    assert not [sentence for sentence in words.SENTENCES.values() if any(sign.isdigit() for sign in sentence)]
    assert not [sentence for sentence in words.SENTENCES.values() if "{" in sentence or "%" in sentence]
