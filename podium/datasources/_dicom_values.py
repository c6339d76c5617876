"""From an attribute's bytes to one value of a column. What does not fit its column's type is missing, and no error."""

from __future__ import annotations

import datetime as dt
import math
import struct
from collections.abc import Callable
from typing import Any

from podium.contracts import ColumnType

NUMERALS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "AT": "I"}
INTEGERS = ("IS", "US", "SS", "UL", "SL", "UV", "SV", "US or SS")
NUMBERS = ("DS", "FL", "FD")
TEXTS = ("CS", "LO", "SH", "LT", "ST", "UT", "UI", "AE", "AS", "DT", "TM", "PN", "UC", "UR", "AT")
WHOLE = ("LT", "ST", "UT", "UR")  # a backslash in them separates nothing
LOCAL = ("LO", "SH", "LT", "ST", "UT", "PN", "UC")  # in the file's own character set
EPOCH = dt.date(1970, 1, 1).toordinal()


def type_of(vr: str, *, many: bool) -> ColumnType | None:
    """The column's type; text where there may be many values. None for what is no plain value."""
    if vr in INTEGERS:
        return "text" if many else "integer"
    if vr in NUMBERS:
        return "text" if many else "number"
    if vr == "DA":
        return "text" if many else "date"
    return "text" if vr in TEXTS else None


def value_of(raw: bytes, vr: str, kind: ColumnType, *, little: bool, characters: bytes) -> Any:
    """As a head keeps it: dates as days since 1970. None where there is no value, or none of that type."""
    parts = _numerals(raw, vr, little=little) if vr in NUMERALS else _texts(raw, vr, characters)
    if kind == "text":
        return "\\".join(parts).strip() or None if any(parts) else None
    return _SINGLE[kind](parts[0]) if len(parts) == 1 and parts[0] else None


def _numerals(raw: bytes, vr: str, *, little: bool) -> list[str]:
    form = NUMERALS[vr]
    size = struct.calcsize(form)
    values = struct.unpack(f"{'<' if little else '>'}{len(raw) // size}{form}", raw[: len(raw) // size * size])
    return [str(value) for value in values]


def _texts(raw: bytes, vr: str, characters: bytes) -> list[str]:
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        text = _decoded(raw, vr, characters)
    parts = [text] if vr in WHOLE else text.split("\\")
    return [part.strip(" \0\r\n\t") for part in parts]


def _decoded(raw: bytes, vr: str, characters: bytes) -> str:
    if vr not in LOCAL:
        return ""
    from pydicom.charset import convert_encodings, decode_bytes

    try:
        names = [part.strip() for part in characters.decode("ascii").rstrip("\0 ").split("\\")]
        return decode_bytes(raw, convert_encodings(names if len(names) > 1 else names[0]), set(b"\\^="))
    except Exception:  # noqa: BLE001 a character set that the library does not know, or that the bytes do not follow
        return ""


def _integer(text: str) -> int | None:
    number = _number(text)
    return int(number) if number is not None and number == int(number) and abs(number) < 2**53 else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _date(text: str) -> int | None:
    digits = text.replace(".", "") if len(text) == 10 else text
    try:
        return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).toordinal() - EPOCH if len(digits) == 8 else None
    except ValueError:
        return None


_SINGLE: dict[ColumnType, Callable[[str], Any]] = {"integer": _integer, "number": _number, "date": _date}
