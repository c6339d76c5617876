"""A datapoint as a person names it, and its key as a worker makes it from the rows it reads."""

from __future__ import annotations

import datetime as dt
import time
import unicodedata
from pathlib import Path

import pyarrow as pa
import pytest

from podium.cli._history_key import copies_of, keys_of
from podium.contracts import Column, DatasourceSchema
from podium.datasources import ARROW, Csv, load_source
from podium.errors import ConfigError
from podium.history.fingerprints import copy_key, digests
from podium.workers.reading import Order, Reading
from podium.workers.records import Records

SECRET = bytes(range(32))
CAFE = "café"


def schema(**types: str) -> DatasourceSchema:
    columns = tuple(Column(name=name, type=kind, semantic="identifier") for name, kind in types.items())
    return DatasourceSchema(datasource="p", stage="full", columns=columns)


def keyed(*key: str) -> Csv:
    return load_source({"name": "p", "kind": "csv", "path": "/p.csv", "key": key})


def worked_out(**values: tuple[str, object]) -> bytes:
    """The key as a worker makes it, from a batch with those types."""
    arrays = [pa.array([value], pa.type_for_alias(ARROW[kind])) for kind, value in values.values()]
    return digests(pa.RecordBatch.from_arrays(arrays, list(values)), secret=SECRET, purpose="key", columns=list(values))


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("integer", "7", 7),
        ("integer", "7.0", 7),
        ("integer", "-9223372036854775808", -(2**63)),
        ("number", "7", 7.0),
        ("number", "0.1", 0.1),
        ("text", "007", "007"),
        ("text", "a=b,c", "a=b,c"),
        ("text", '"quoted"', '"quoted"'),
        ("text", "{no json", "{no json"),
        ("text", unicodedata.normalize("NFD", CAFE), unicodedata.normalize("NFC", CAFE)),
        ("other", "1 day", "1 day"),
        ("date", "2026-01-31", dt.date(2026, 1, 31)),
        ("timestamp", "2026-01-31T08:30:00", dt.datetime(2026, 1, 31, 8, 30)),  # noqa: DTZ001
        ("timestamp", "2026-01-31T09:30:00+01:00", dt.datetime(2026, 1, 31, 8, 30)),  # noqa: DTZ001
        ("boolean", "True", True),
        ("binary", "00ff", b"\x00\xff"),
        ("text", '{"id": null}', None),
    ],
)
def test_the_types_of_the_schema_hold(kind: str, written: str, value: object) -> None:
    assert keys_of(written, source=keyed("id"), schemas=[schema(id=kind)], secret=SECRET) == [worked_out(id=(kind, value))]


def test_a_moment_is_meant_in_utc_wherever_the_pod_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        found = keys_of("2026-01-31T09:30:00+01:00", source=keyed("id"), schemas=[schema(id="timestamp")], secret=SECRET)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found == [worked_out(id=("timestamp", dt.datetime(2026, 1, 31, 8, 30)))]  # noqa: DTZ001


def test_leading_zeros_tell_apart_what_is_text_and_not_what_is_a_number() -> None:
    def named(kind: str, *written: str) -> int:
        return len({keys_of(each, source=keyed("id"), schemas=[schema(id=kind)], secret=SECRET)[0] for each in written})

    assert (named("text", "7", "007"), named("integer", "7", "007")) == (2, 1)


def test_several_columns() -> None:
    types = schema(site="text", no="integer", age="integer")
    wanted = [worked_out(site=("text", "north, 2"), no=("integer", 7))]
    assert keys_of('{"no": 7, "site": "north, 2"}', source=keyed("site", "no"), schemas=[types], secret=SECRET) == wanted
    wanted = [worked_out(site=("text", "north"), no=("integer", 7))]
    assert keys_of("site=north, no=7", source=keyed("site", "no"), schemas=[types], secret=SECRET) == wanted


def test_types_that_the_column_had_before() -> None:
    older = [schema(id="text", sex="text"), schema(id="integer"), schema(other="text"), schema(id="date")]
    found = keys_of("7", source=keyed("id"), schemas=[schema(id="integer"), *older], secret=SECRET)
    assert found == [worked_out(id=("integer", 7)), worked_out(id=("text", "7"))]


@pytest.mark.parametrize(
    ("source", "written", "told"),
    [
        (keyed("id"), "7.5", "column 'id' holds integer; this is none."),
        (keyed("id"), "99999999999999999999", "column 'id' holds integer; this is none."),
        (keyed("id"), '{"no": 7}', "a datapoint here is named by id."),
        (keyed("id", "name"), "7", "a datapoint here is named by id, name."),
        (keyed(), "7", "this datasource has no key columns."),
        (keyed(), '{"id": 7}', "a datapoint here is named by id, name."),
        (keyed(), '{"id": 7, "name": [1]}', "column 'name' holds text; this is none."),
    ],
    ids=["no-integer", "too-large", "other-column", "one-of-two", "keyless", "part-of-a-row", "no-value"],
)
def test_what_is_wrong_is_said_without_the_value(source: Csv, written: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        keys_of(written, source=source, schemas=[schema(id="integer", name="text")], secret=SECRET)
    assert (refused.value.message, refused.value.field) == (told, "--datapoint")
    assert refused.value.remedy


def test_no_schema_yet() -> None:
    with pytest.raises(ConfigError, match="has no schema yet"):
        keys_of("7", source=keyed("id"), schemas=[], secret=SECRET)


@pytest.mark.parametrize("key", [("id",), ("day", "name"), ()], ids=["one", "two", "none"])
def test_as_a_worker_makes_it_from_a_file(key: tuple[str, ...], tmp_path: Path) -> None:
    """Three rows with the same content are three datapoints where there is no key."""
    again = "8,2026-02-01,José,1.5\n" * (1 if key else 3)
    (tmp_path / "p.csv").write_text(f"id,day,name,dose\n7,2026-01-31,{CAFE},\n{again}")
    source = Csv(name="p", path=tmp_path / "p.csv", key=key)
    types = schema(**dict(source.columns()))
    assert [column.type for column in types.columns] == ["integer", "date", "text", "number"]
    (tmp_path / "c.yaml").write_text("schema_type: polars_dataframe\ncolumns:\n  nowhere:\n    dtype: Int64\n    required: false\n")
    order = Order(parts=[None], secret=SECRET, new_only=False, contract=tmp_path / "c.yaml", algorithm=None)
    report = Reading(source, order, Records(), progress=lambda _: None).part(0)
    written = {
        ("id",): ["7", "8"],
        ("day", "name"): [f"day=2026-01-31,name={CAFE}", "day=2026-02-01,name=José"],
        (): [
            f'{{"id": 7, "day": "2026-01-31", "name": "{CAFE}", "dose": null}}',
            '{"dose": 1.5, "id": 8, "day": "2026-02-01", "name": "José"}',
        ],
    }[key]
    made = [each for text in written for each in keys_of(text, source=source, schemas=[types], secret=SECRET)]
    if not key:
        known = {report.keys[at : at + 16] for at in range(0, len(report.keys), 16)}
        made = [each for one in made for each in copies_of(one, secret=SECRET, known=known.__contains__)]
        assert made[-2:] == [copy_key(made[1], copy, secret=SECRET) for copy in (1, 2)]
    assert b"".join(sorted(made)) == report.keys
