"""The few attributes that are asked for, out of a DICOM file's head, without making objects of all the others.

pydicom makes an object of every element, which takes some ten times as long as reading the bytes. Here an element that nobody asked for
costs one look at its length. What is not plain little endian, or not as the standard has it, is left to pydicom: `elements` gives the same
for both, and a test holds the two together over all of pydicom's own files.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from podium.datasources._headers import OTHER
from podium.datasources._one_each import Unfit

FIRST_READ = 16 << 10
LONGEST = 64 << 20  # bytes of a file that are looked through for its head
UNPACKED = 256 << 20  # bytes of a deflated data set, which is held in memory
UNDEFINED = 0xFFFFFFFF
ITEM, SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
STORAGE, SYNTAX, CHARACTERS = 0x00020002, 0x00020010, 0x00080005
IMPLICIT, BIG, DEFLATED, DIRECTORY = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.3.10"
LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
SHORT = frozenset({b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS"})
SHORT |= frozenset({b"ST", b"TM", b"UI", b"UL", b"US"})
DEEPEST = 32
_TAG, _LENGTH, _SHORT_LENGTH = struct.Struct("<HH"), struct.Struct("<I"), struct.Struct("<H")


class Elements(NamedTuple):
    """Raw values by tag, each with its value representation ("" where the file does not say), and how numbers are stored."""

    values: dict[int, tuple[str, bytes]]
    little: bool = True


class _More(Exception):
    """The scan needs the file's bytes up to `args[0]`."""


class _Odd(Exception):
    """Not for this scan. `args`: where a deflated data set begins."""


def elements(file: BinaryIO, wanted: Mapping[int, str], *, name: str = "") -> Elements:
    """The wanted attributes (tag → value representation) that the file has. Raises Unfit."""
    head = file.read(FIRST_READ)
    if head[128:132] != b"DICM":
        raise Unfit("no_dicom" if name.lower().endswith((".dcm", ".dicom")) else OTHER)
    whole = False
    try:
        while True:
            try:
                return _scanned(head, wanted, whole=whole)
            except _More as more:
                if whole:
                    raise Unfit("cut_short") from None
                if more.args[0] > LONGEST:
                    raise Unfit("head_too_long") from None
                head += file.read(max(more.args[0] - len(head), 7 * len(head)))
                whole = len(head) < more.args[0]
    except _Odd as odd:
        if odd.args and odd.args[0]:
            _check_deflated(file, odd.args[0])
        file.seek(0)
        return by_pydicom(file, wanted)


def _check_deflated(file: BinaryIO, start: int) -> None:
    """The library unpacks such a file as a whole: not one that is a bomb. What is damaged in it, the library tells."""
    file.seek(start)
    unpacking, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with suppress(zlib.error):
        while packed := unpacking.unconsumed_tail or file.read(FIRST_READ):
            size += len(unpacking.decompress(packed, 1 << 20))
            if size > UNPACKED:
                raise Unfit("too_large")


def by_pydicom(file: BinaryIO, wanted: Mapping[int, str]) -> Elements:
    """The same, read by the library."""
    import pydicom

    try:
        found = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(wanted))
        raw = {tag: found.get_item(tag) for tag in wanted if tag in found}
        raw |= {tag: found.file_meta.get_item(tag) for tag in wanted if tag in found.file_meta}
        if str(found.file_meta.get("MediaStorageSOPClassUID", "")) == DIRECTORY:
            raise Unfit(OTHER)
        little = found.original_encoding[1] is not False
    except (Unfit, MemoryError):
        raise
    except Exception:  # noqa: BLE001 what a broken file makes a parser raise
        raise Unfit("damaged") from None
    return Elements({tag: (str(one.VR or ""), _bytes(one.value)) for tag, one in raw.items() if one is not None}, little)


def _scanned(buffer: bytes, wanted: Mapping[int, str], *, whole: bool) -> Elements:
    values: dict[int, tuple[str, bytes]] = {}
    meta, position = _meta(buffer)
    syntax = meta.get(SYNTAX, b"").rstrip(b"\0 ").decode("ascii", "replace")
    if meta.get(STORAGE, b"").rstrip(b"\0 ") == DIRECTORY.encode():
        raise Unfit(OTHER)
    if syntax in ("", BIG, DEFLATED):
        raise _Odd(position if syntax == DEFLATED else 0)
    if SYNTAX in wanted:
        values[SYNTAX] = ("UI", meta[SYNTAX])
    read, last, end = (_implicit if syntax == IMPLICIT else _explicit), max(*wanted, CHARACTERS), len(buffer)
    while not (whole and position == end):
        if position + 12 > end and not (whole and position + 8 <= end):
            raise _More(position + 12)
        tag, vr, start, length = read(buffer, position)
        if tag > last:
            break
        if length == UNDEFINED:
            position = _after_items(buffer, start, implicit=read is _implicit or vr == b"UN", depth=0)
            continue
        if tag in wanted or tag == CHARACTERS:
            if start + length > end:
                raise _More(start + length)
            values[tag] = (vr.decode(), buffer[start : start + length])
        position = start + length
    return Elements(values)


def _meta(buffer: bytes) -> tuple[dict[int, bytes], int]:
    """The file's group 0002, always explicit, and where it ends."""
    found, position = dict[int, bytes](), 132
    while buffer[position : position + 2] == b"\x02\x00":
        if position + 12 > len(buffer):
            raise _More(position + 12)
        tag, _, start, length = _explicit(buffer, position)
        if length == UNDEFINED:
            raise _Odd
        position = start + length
        if position > len(buffer):
            raise _More(position)
        found[tag] = buffer[start:position]
    return found, position


def _explicit(buffer: bytes, position: int) -> tuple[int, bytes, int, int]:
    """Tag, value representation, where the value starts, and its length."""
    group, element = _TAG.unpack_from(buffer, position)
    vr = buffer[position + 4 : position + 6]
    if vr in SHORT:
        return (group << 16) | element, vr, position + 8, _SHORT_LENGTH.unpack_from(buffer, position + 6)[0]
    if vr not in LONG or position + 12 > len(buffer):
        raise _Odd
    return (group << 16) | element, vr, position + 12, _LENGTH.unpack_from(buffer, position + 8)[0]


def _implicit(buffer: bytes, position: int) -> tuple[int, bytes, int, int]:
    group, element = _TAG.unpack_from(buffer, position)
    return (group << 16) | element, b"", position + 8, _LENGTH.unpack_from(buffer, position + 4)[0]


def _after_items(buffer: bytes, position: int, *, implicit: bool, depth: int) -> int:
    """Where a sequence without a length ends."""
    if depth > DEEPEST:
        raise _Odd
    while True:
        if position + 8 > len(buffer):
            raise _More(position + 8)
        tag, _, start, length = _implicit(buffer, position)
        if tag == SEQUENCE_END:
            return start
        if tag != ITEM:
            raise _Odd
        position = _after_item(buffer, start, implicit=implicit, depth=depth) if length == UNDEFINED else start + length


def _after_item(buffer: bytes, position: int, *, implicit: bool, depth: int) -> int:
    while True:
        if position + 12 > len(buffer):
            raise _More(position + 12)
        if buffer[position : position + 4] == b"\xfe\xff\x0d\xe0":
            return position + 8
        _, vr, start, length = _implicit(buffer, position) if implicit else _explicit(buffer, position)
        position = start + length
        if length == UNDEFINED:
            position = _after_items(buffer, start, implicit=implicit or vr == b"UN", depth=depth + 1)


def _bytes(value: object) -> bytes:
    """Of an element that the library has made a value of already."""
    if isinstance(value, bytes):
        return value
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value or ""]
    return "\\".join(map(str, parts)).encode()
