import pandas as pd
import pytest
from scripted_pod import nothing, table

from podium.client.combining import combine, consistent, label_partial
from podium.contracts import Released, Reply, Status


def reply(released: Released | None = None, status: Status | None = None) -> Reply:
    return Reply(run="0" * 32, status=status or (released.status if released else Status.FAILED), released=released)


def levels(*tables: Released) -> list[list[object]]:
    return [[cell.key[0] for cell in released.cells] for released in tables]


def test_all_released() -> None:
    found = combine({"a": reply(table({"F": 20, "M": 10})), "b": reply(table({"F": 5}))})
    assert found.status == Status.RELEASED
    assert levels(*found.released) == [["F", "M"], ["F"]]
    assert not found.incomplete


def test_a_level_that_one_pod_may_have_kept_back_is_suppressed() -> None:
    replies = {"a": reply(table({"F": 20, "M": 10})), "b": reply(table({"F": 10}, rules=["min_cell"]))}
    found = combine(replies)
    assert found.status == Status.RELEASED
    assert levels(*found.released) == [["F"], ["F"]]
    assert found.incomplete == {("M",)}


def test_partial_on_request_keeps_it_and_says_so() -> None:
    replies = {"a": reply(table({"F": 20, "M": 10})), "b": reply(table({"F": 10}, rules=["min_cell"]))}
    found = combine(replies, allow_partial=True)
    assert found.status == Status.PARTIAL
    assert levels(*found.released) == [["F", "M"], ["F"]]
    assert found.incomplete == {("M",)}
    labelled = label_partial(pd.DataFrame({"sex": ["F", "M"], "count": [30, 10], "suppressed": ["", ""]}), ("sex",), found.incomplete)
    assert labelled["partial"].tolist() == [False, True]


def test_a_pod_that_kept_everything_back_makes_even_an_empty_level_partial() -> None:
    """A histogram shows a bin that no pod has rows in as 0: here one pod did not say."""
    found = combine({"a": reply(table({"F": 20})), "b": reply(nothing())}, allow_partial=True)
    shown = pd.DataFrame({"sex": pd.Series(["F", "M", None]), "count": pd.Series([20, 0, 0]), "suppressed": [""] * 3})
    assert label_partial(shown, ("sex",), found.incomplete, closed=found.closed)["partial"].tolist() == [True, True, True]
    assert label_partial(shown, ("sex",), found.incomplete)["partial"].tolist() == [True, False, False]
    bins = pd.DataFrame({"bin": pd.Series([1, None], dtype="Int64"), "suppressed": ["", "min_cell"]})
    assert label_partial(bins, ("bin",), frozenset())["partial"].tolist() == [False, True]


def test_nothing_is_left() -> None:
    crossed = {"a": reply(table({"F": 20}, rules=["min_cell"])), "b": reply(table({"M": 10}, rules=["min_cell"]))}
    assert combine(crossed).status == Status.SUPPRESSED
    assert combine(crossed).released == ()
    assert combine(crossed, allow_partial=True).status == Status.PARTIAL


def test_a_pod_whose_whole_result_was_suppressed() -> None:
    replies = {"a": reply(table({"F": 20})), "b": reply(nothing())}
    assert combine(replies).status == Status.SUPPRESSED
    assert combine(replies).released == ()
    partial = combine(replies, allow_partial=True)
    assert (partial.status, partial.incomplete) == (Status.PARTIAL, {("F",)})
    assert combine({"a": reply(nothing()), "b": reply(nothing())}, allow_partial=True).status == Status.SUPPRESSED


@pytest.mark.parametrize("silent", [Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED])
def test_a_pod_without_a_result_makes_it_partial(silent: Status) -> None:
    assert combine({"a": reply(table({"F": 20})), "b": reply(status=silent)}).status == Status.PARTIAL
    assert combine({"a": reply(status=silent), "b": reply(status=silent)}).status == silent


def test_mixed_ends_and_unfinished_runs() -> None:
    assert combine({"a": reply(status=Status.REJECTED), "b": reply(status=Status.FAILED)}).status == Status.FAILED
    for waiting in (Status.QUEUED, Status.RUNNING, Status.PENDING_APPROVAL, Status.HELD_FOR_RELEASE):
        assert combine({"a": reply(table({"F": 20})), "b": reply(status=waiting)}).status == waiting
    both = {"a": reply(status=Status.RUNNING), "b": reply(status=Status.PENDING_APPROVAL)}
    assert combine(both).status == Status.PENDING_APPROVAL


def test_missing_levels_match_in_the_label() -> None:
    frame = pd.DataFrame({"sex": ["F", None], "smoker": [True, False], "suppressed": ["", ""]})
    assert label_partial(frame, ("sex", "smoker"), frozenset({(None, False)}))["partial"].tolist() == [False, True]


def test_shapes_must_fit() -> None:
    good = {"a": reply(table({"F": 20})), "b": reply(table({"M": 2}))}
    assert consistent(good)
    assert not consistent(good | {"c": reply(table({"N": 2}, by=["region"]))})
    doubled = table({"F": 20}).model_copy(update={"cells": table({"F": 20}).cells * 2})
    assert not consistent({"a": reply(doubled)})
    long = table({"F": 20}).model_copy(update={"by": ("sex", "region")})
    assert not consistent({"a": reply(long)})


def test_a_cancelled_pod_is_named_and_never_a_smaller_whole() -> None:
    cancelled = reply(status=Status.CANCELLED)
    assert combine({"a": reply(table({"F": 20})), "b": cancelled}).status == Status.PARTIAL
    assert combine({"a": cancelled, "b": reply(status=Status.REJECTED)}).status == Status.CANCELLED
    assert combine({"a": reply(status=Status.FAILED), "b": reply(status=Status.REJECTED)}).status == Status.FAILED
    assert combine({"a": cancelled, "b": reply(status=Status.WAITING)}).status == Status.WAITING
