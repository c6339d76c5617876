"""The line of a JSON lines file at which an engine fails.

The engine's own line numbers are off by some, so it is asked about ever fewer lines.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from podium.datasources._faults import exhausted, fault, from_engine, long_line
from podium.datasources._packed import blocks
from podium.errors import DataSourceError

LONGEST = 16 << 20

Reads = Callable[[Path, str | None], None]  # read these lines with one column, or with all; raises what the engine raises


def bad_line(path: Path, natives: dict[str, str], reads: Callable[[Path], Reads]) -> DataSourceError | None:
    """What is wrong with the first line that cannot be read; None where all can. `reads(file)` prepares to read it again and again."""
    before = 0
    with tempfile.NamedTemporaryFile(prefix="lines-", suffix=".jsonl") as room:
        place = Path(room.name)
        read = reads(place)

        def fails(lines: list[bytes], column: str | None = None) -> bool:
            place.write_bytes(b"".join([*lines, b"\n"]))  # a last line of one sign without an end would be passed over
            try:
                read(place, column)
            except Exception as error:
                if not (from_engine(error) or exhausted(error)):
                    raise
                return True
            return False

        for lines in _lines(path):
            if fails(lines):
                low, high = 0, len(lines)  # the first `low` lines can be read, the first `high` cannot
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (low, middle) if fails(lines[:middle]) else (middle, high)
                column = next((name for name in natives if fails([lines[low]], name)), None)
                return _explained(path, before + high, lines[low], column, natives)
            before += len(lines)
    return None


class _Object(list[tuple[str, object]]):
    """The keys and values of an object; a key that is there twice, twice."""


def _explained(path: Path, line: int, text: bytes, column: str | None, natives: dict[str, str]) -> DataSourceError:
    try:
        found = json.loads(text, object_pairs_hook=_Object)
    except UnicodeDecodeError:
        return fault(path, "the text is not UTF-8.", line=line, remedy="Save it as UTF-8.", code="encoding")
    except RecursionError:
        return fault(path, "its objects lie too deep in one another.", line=line, remedy="Write what is nested as text.", code="json_line")
    except ValueError:
        return fault(path, "this is no complete JSON object.", line=line, remedy="Write one object on each line.", code="json_line")
    if not isinstance(found, _Object):
        return fault(path, "this is JSON, and no object.", line=line, remedy="Write one object on each line.", code="json_line")
    keys = [name for name, _ in found]
    twice = next((name for name in keys if keys.count(name) > 1), None) if column is None else column
    if twice is not None and keys.count(twice) > 1:
        return fault(path, f"the key {twice!r} is there twice.", line=line, remedy="Leave one out.", code="json_line")
    if column is None:
        return fault(path, "the line cannot be read.", line=line, remedy="Check what wrote it.", code="json_line")
    message = f"column {column!r} was read as {natives[column].lower()}, and a value here does not fit."
    remedy = f"Correct the value, or set `types: {{{column}: text}}` for this datasource."
    return fault(path, message, line=line, remedy=remedy, code="value_does_not_fit")


def _lines(path: Path) -> Iterator[list[bytes]]:
    """Whole lines, a block at a time."""
    rest = b""
    for block in blocks(path):
        rest += block
        end = rest.rfind(b"\n") + 1
        if not end and len(rest) > LONGEST:
            raise long_line(path)
        if end:
            yield rest[:end].splitlines(keepends=True)
            rest = rest[end:]
    if rest:
        yield [rest]
