"""The report of a part: what its rows are to the history, held against what the contract says of them.

Every row is counted once: as quarantined where it was judged now and is bad, else as new, changed or unchanged. One that stood in
quarantine and is good now is new. What is known as it is leaves no event, but where it moved or its standing changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from podium.contracts import Outcome, PartReport
from podium.workers.choosing import BAD, CHANGED, MOVED, NEW
from podium.workers.pairs import order, packed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from podium.workers.pairs import Places
    from podium.workers.picked import Picked

NOTHING = 255  # no outcome
MOST_REASONS = 255  # a reason is a byte, and the last stands for all others
OTHERS = "another rule"


def report(
    picked: Picked,
    codes: npt.NDArray[np.uint16],
    *,
    rules: Sequence[str],
    failures: Mapping[str, int],
    state: dict[str, Any] | None,
    unseen: bytes,
    scores: npt.NDArray[np.float64] | None = None,
) -> PartReport:
    """`codes`: of each judged row 0, or 1 + the place in `rules` of the first rule that it breaks. `scores` are those of good rows."""
    import numpy as np

    flags, keys, prints = picked.judged.joined()
    bad, known_bad = codes > 0, flags == BAD
    new = ~bad & (flags & (NEW | BAD) > 0)
    changed = ~bad & (flags == CHANGED)
    used = len(codes) - int(bad.sum())
    counts = {
        "rows": len(codes) + picked.passed,
        "new": int(new.sum()),
        "changed": int(changed.sum()),
        "unchanged": used - int(new.sum()) - int(changed.sum()) + picked.passed,
        "quarantined": int(bad.sum()),
        "used": used,
    }
    good = ~bad[: len(keys)]
    digest = hashlib.blake2b(keys[good].tobytes() + prints[good].tobytes(), digest_size=16).digest()
    outcomes = np.full(len(codes), NOTHING, dtype=np.uint8)
    outcomes[new | changed] = Outcome.DONE
    outcomes[~bad & (flags == MOVED)] = Outcome.MOVED
    outcomes[bad & ~known_bad] = Outcome.QUARANTINED
    said = np.flatnonzero(outcomes[: len(keys)] != NOTHING)
    _, moved_keys, moved_prints = picked.moved.joined()
    outcomes = np.concatenate((outcomes[said], np.full(len(moved_keys), Outcome.MOVED, dtype=np.uint8)))
    codes = np.concatenate((codes[said], np.zeros(len(moved_keys), dtype=codes.dtype)))
    keys = np.concatenate((keys[said], moved_keys))
    prints = np.concatenate((prints[said], moved_prints))
    by = order(keys)
    results = b"" if scores is None else _results(scores, good=~bad, of=said, by=by[outcomes[by] == Outcome.DONE])
    names, reasons = _reasons(codes[by][outcomes[by] == Outcome.QUARANTINED], rules)
    return PartReport(
        **counts,
        failures=dict(failures),
        rules=names,
        state=state,
        keys=packed(keys[by]),
        fingerprints=packed(prints[by]),
        outcomes=outcomes[by].tobytes(),
        reasons=reasons,
        unseen=unseen,
        digest=digest,
        results=results,
    )


def _results(scores: npt.NDArray[np.float64], *, good: npt.NDArray[np.bool_], of: Places, by: Places) -> bytes:
    """The scores of some datapoints, in their order: those at the places `by` of the events, which are of the judged rows `of`."""
    import numpy as np

    every = np.full(len(good), np.nan)
    every[good] = scores
    return every[of][by].astype("<f8").tobytes()


def _reasons(codes: npt.NDArray[np.uint16], rules: Sequence[str]) -> tuple[tuple[str, ...], bytes]:
    """The rules that are there, and for each row which: a byte."""
    import numpy as np

    there, which = np.unique(codes, return_inverse=True)
    names = [rules[code - 1] for code in there.tolist()]
    if len(names) > MOST_REASONS + 1:
        names[MOST_REASONS:] = [OTHERS]
    return tuple(names), np.minimum(which, MOST_REASONS).astype(np.uint8).tobytes()
