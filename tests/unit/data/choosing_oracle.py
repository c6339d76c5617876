"""What choosing must come to, in plain Python: one row after the other, one dictionary."""

import pyarrow as pa

from podium.contracts import Outcome
from podium.history.fingerprints import copy_key, digests

SECRET = bytes(range(32))
COLUMNS = ("id", "v")


def batch_of(rows):
    return pa.record_batch({"id": pa.array([row[0] for row in rows], pa.int64()), "v": pa.array([row[1] for row in rows], pa.int64())})


_KNOWN = {}


def digest(row, purpose, columns=COLUMNS):
    at = (row, purpose, columns)
    if at not in _KNOWN:
        _KNOWN[at] = digests(batch_of([row]), secret=SECRET, purpose=purpose, columns=columns)
    return _KNOWN[at]


class Twice(Exception):
    """A key is there twice."""


def run(history, source, touched, *, keyed, new_only, good):
    """What a run of `touched` parts of `source` (rows by part) makes of `history` (key → fingerprint, part, in quarantine).

    Returns the new history, the used rows, and for each part its counts.
    """
    known = dict(history)
    after, met, used, counts = dict(history), {}, [], {}
    place = {part: number for number, part in enumerate(touched)}

    def elsewhere(part):
        return part in source and part not in place

    for part in touched:
        new = changed = unchanged = bad = 0
        for row in source[part]:
            if keyed:
                key, mark = digest(row, "key", ("id",)), digest(row, "row")
                if key in met or (key in known and elsewhere(known[key][1])):
                    raise Twice
            else:
                mark = digest(row, "key")
                free = [
                    (0 if where == part else 2 if where in place and place[where] > place[part] else 1, key)
                    for key, (its, where, _) in known.items()
                    if its == mark and key not in met and not elsewhere(where)
                ]
                number = 0
                while not free:
                    key = copy_key(mark, number, secret=SECRET) if number else mark
                    if key not in known and key not in met:
                        break
                    number += 1
                key = min(free)[1] if free else key
            met[key] = part
            was = known.get(key)
            same = was is not None and was[0] == mark
            judged = not new_only or not same or (was[2] and was[1] != part)
            if judged and not good(row):
                bad += 1
                after[key] = (mark, part, True)
                continue
            if not judged:
                unchanged += 1
                after[key] = (mark, part, was[2])
                continue
            used.append(row)
            after[key] = (mark, part, False)
            if same and not was[2]:
                unchanged += 1
            elif was is None or same:
                new += 1
            else:
                changed += 1
        counts[part] = {"rows": len(source[part]), "new": new, "changed": changed, "unchanged": unchanged, "quarantined": bad}
    gone = {key for key, (_, where, _) in known.items() if key not in met and not elsewhere(where)}
    return {key: what for key, what in after.items() if key not in gone}, used, counts


def applied(history, part, report):
    """The history after a part's events."""
    reasons = iter(report.reasons)
    for number, outcome in enumerate(report.outcomes):
        key, mark = (packed[16 * number : 16 * number + 16] for packed in (report.keys, report.fingerprints))
        if outcome == Outcome.QUARANTINED:
            assert report.rules[next(reasons)] in report.failures
        history[key] = (mark, part, outcome == Outcome.QUARANTINED)
    assert next(reasons, None) is None
