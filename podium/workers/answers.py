"""What a worker answers about parts, held to its own figures: it is not trusted, and the pod writes down what it says.

Where a check fails the answer is nonsense; whether what it says is true, nobody but the worker can know.
"""

from __future__ import annotations

import array
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from podium.contracts import Outcome, PartReport, Survey
from podium.errors import WorkerError

WIDTH, VALUE = 16, 8
MOST_RULES = 256  # a reason is one byte
MOST_TEXT = 4096  # signs of an id or a rule
BINARY = (
    "keys",
    "fingerprints",
    "outcomes",
    "reasons",
    "unseen",
    "digest",
    "results",
)  # as the answer's parts have them, and then the state


def checked_survey(survey: Survey) -> Survey:
    """The survey as it is. Raises WorkerError `worker_nonsense`."""
    ids = [part.id for part in survey.parts]
    texts = [survey.token, *ids, *(part.token for part in survey.parts)]
    if len(set(ids)) < len(ids) or (survey.same and ids) or not all(0 < len(text) <= MOST_TEXT for text in texts):
        raise nonsense()
    return survey


def checked_report(report: PartReport, parts: Sequence[bytes], *, digests: bool, new_only: bool, results: bool = False) -> PartReport:
    """The report with its binary parts. `results`: each new or changed datapoint has one. Raises WorkerError `worker_nonsense`."""
    if len(parts) != len(BINARY) + 1 or report.keys or report.fingerprints or report.outcomes or report.state is not None:
        raise nonsense()
    try:
        state = json.loads(parts[-1]) if parts[-1] else None
    except (ValueError, RecursionError):
        raise nonsense() from None
    if not isinstance(state, dict | None):
        raise nonsense()
    whole = report.model_copy(update={**dict(zip(BINARY, parts, strict=False)), "state": state})
    if not (
        _adds_up(whole, new_only=new_only) and _fits(whole, digests=digests) and _has_results(whole, results=results) and _is_plain(whole)
    ):
        raise nonsense()
    return whole


def _adds_up(report: PartReport, *, new_only: bool) -> bool:
    good = report.new + report.changed + (0 if new_only else report.unchanged)
    return report.used == good and report.rows == report.new + report.changed + report.unchanged + report.quarantined


def _fits(report: PartReport, *, digests: bool) -> bool:
    """Whether every event has what belongs to it, once, and there are as many as the counts say."""
    events = Counter(report.outcomes)
    bad = events[Outcome.QUARANTINED]
    keys = [report.keys[at : at + WIDTH] for at in range(0, len(report.keys), WIDTH)]
    return (
        len(report.keys) == len(report.fingerprints) == WIDTH * len(report.outcomes)
        and events.keys() <= {Outcome.DONE, Outcome.QUARANTINED, Outcome.MOVED}
        and events[Outcome.DONE] == (report.new + report.changed if digests else 0)
        and events[Outcome.MOVED] <= report.unchanged
        and bad <= report.quarantined
        and len(report.reasons) == bad
        and max(report.reasons, default=-1) < len(report.rules) <= MOST_RULES
        and len(report.unseen) % WIDTH == 0
        and len(report.digest) == WIDTH
        and (digests or not report.unseen)
        and all(one < other for one, other in pairwise(keys))
    )


def _has_results(report: PartReport, *, results: bool) -> bool:
    """Whether there is a number for each new or changed datapoint; none where no state could be made either. NaN is none, not infinity."""
    wanted = report.outcomes.count(Outcome.DONE) if results and report.state is not None else 0
    if len(report.results) != VALUE * wanted:
        return False
    values = array.array("d", report.results)
    if sys.byteorder == "big":
        values.byteswap()
    return not any(map(math.isinf, values))


def _is_plain(report: PartReport) -> bool:
    texts = [*report.rules, *report.failures]
    return all(len(text) <= MOST_TEXT and text.isprintable() for text in texts) and all(rows > 0 for rows in report.failures.values())


def nonsense() -> WorkerError:
    """The error for an answer that nobody can mean."""
    return WorkerError("the worker's answer cannot be understood.", code="worker_nonsense")
