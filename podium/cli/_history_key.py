"""From what a person writes of a datapoint to its keyed digests, made as a worker makes them: same types, same secret.

A source with one key column takes its value as it is; one with several `column=value,column=value`; one without a key a whole row as JSON.
JSON is taken for every source, and is the way to write a comma or a missing value.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podium.contracts import ColumnType, DatasourceSchema
    from podium.datasources import Datasource

FIELD = "--datapoint"


def keys_of(text: str, *, source: Datasource, schemas: Sequence[DatasourceSchema], secret: bytes) -> list[bytes]:
    """One digest for the types of the newest schema, and one more for each set of types that the same columns had before.

    Raises ConfigError where the text does not name a datapoint of the source as it is now.
    """
    from podium.errors import ConfigError

    if not schemas:
        raise ConfigError(
            f"{source.name} has no schema yet, so the types of its columns are not known.", field=FIELD, remedy="Start the pod once."
        )
    names = source.key or schemas[0].names
    given = _given(text, names, keyed=bool(source.key))
    found = [_digest(given, _types(schemas[0], names), secret)]
    for older in schemas[1:]:
        if set(older.names) == set(schemas[0].names) or (source.key and set(source.key) <= set(older.names)):
            try:
                found.append(_digest(given, _types(older, names), secret))
            except ConfigError:  # what is a number now need not be a date then
                continue
    return list(dict.fromkeys(found))


def copies_of(key: bytes, *, secret: bytes, known: Callable[[bytes], bool]) -> Iterator[bytes]:
    """The key of a row's content, then those of its further copies, as long as the history knows them."""
    from podium.history.fingerprints import copy_key

    yield key
    copy = 1
    while known(again := copy_key(key, copy, secret=secret)):
        yield again
        copy += 1


def _types(schema: DatasourceSchema, names: Sequence[str]) -> dict[str, ColumnType]:
    return {name: schema.column(name).type for name in names}


def _given(text: str, names: Sequence[str], *, keyed: bool) -> dict[str, Any]:
    from podium.errors import ConfigError

    row = _json(text)
    if row is None and keyed:
        pairs = [pair.partition("=")[::2] for pair in text.split(",")]
        row = {names[0]: text} if len(names) == 1 else {name.strip(): value for name, value in pairs}
    if row is None:
        raise ConfigError("this datasource has no key columns.", field=FIELD, remedy=f"Write a whole row as JSON: {_example(names)}")
    if set(row) != set(names):
        wanted = ",".join(f"{name}=…" for name in names) if keyed else _example(names)
        raise ConfigError(f"a datapoint here is named by {', '.join(names)}.", field=FIELD, remedy=f"Write: {wanted}")
    return row


def _json(text: str) -> dict[str, Any] | None:
    """What stands there as a JSON object, if it is one: a path may begin with a brace too."""
    try:
        row = json.loads(text)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _example(names: Sequence[str]) -> str:
    return json.dumps(dict.fromkeys(names, "…"), ensure_ascii=False)


def _digest(given: dict[str, Any], types: dict[str, ColumnType], secret: bytes) -> bytes:
    import pyarrow as pa

    from podium.datasources import ARROW
    from podium.errors import ConfigError
    from podium.history.fingerprints import digests

    arrays = []
    for name, kind in types.items():
        try:
            arrays.append(pa.array([_value(given[name], kind)], pa.type_for_alias(ARROW[kind])))
        except (ValueError, TypeError, KeyError, OverflowError):
            remedy = "Dates and times as in 2026-01-31 and 2026-01-31T08:30:00, binary as hex."
            raise ConfigError(f"column {name!r} holds {kind}; this is none.", field=FIELD, remedy=remedy) from None
    batch = pa.RecordBatch.from_arrays(arrays, list(types))
    return digests(batch, secret=secret, purpose="key", columns=list(types))


def _value(given: Any, kind: ColumnType) -> Any:
    """The value as the column holds it. Raises ValueError, TypeError, KeyError or OverflowError."""
    if given is None:
        return None
    text = json.dumps(given) if isinstance(given, bool | int | float) else given
    if not isinstance(text, str):
        raise TypeError
    return _READ[kind](text)


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment.astimezone(dt.UTC).replace(tzinfo=None)


def _truth(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        if (number := float(text)).is_integer():
            return int(number)
        raise


_READ: dict[str, Callable[[str], Any]] = {
    "integer": _whole,
    "number": float,
    "boolean": _truth,
    "date": dt.date.fromisoformat,
    "timestamp": _moment,
    "binary": bytes.fromhex,
    "text": str,
    "other": str,
}
