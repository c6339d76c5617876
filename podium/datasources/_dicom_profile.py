"""What the standard takes to be about a person: DICOM PS3.15, table E.1-1, Basic Application Level Confidentiality Profile (edition 2026c).

`_dicom_profile.csv` holds the table: tag, keyword, action (X: remove, Z: empty, D: replace by a dummy, U: replace the UID). Whatever the
action, Podium does not read the attribute unless the custodian names it. Beyond the table the same goes for all private attributes, for
the group of the patient, and for names of persons.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

PATIENT = 0x0010


@cache
def table() -> dict[str, str]:
    """Keyword, and tag as `GGGGEEEE`, → action."""
    found = {}
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["keyword"]] = found[row["tag"].upper()] = row["action"]
    return found


def listed(keyword: str) -> bool:
    """Whether the attribute of that keyword, or tag as `GGGGEEEE`, stands in the table."""
    return keyword in table()


def personal(tag: int, keyword: str, vr: str) -> bool:
    """Whether the attribute is withheld unless it is named."""
    group = tag >> 16
    repeating = group & 0xFF01 in (0x5000, 0x6000)  # curves and overlays
    return group % 2 == 1 or group == PATIENT or repeating or vr == "PN" or listed(keyword) or listed(f"{tag:08X}")
