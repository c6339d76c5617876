"""JSON lines: types over all files, nothing rounded on the way, and the line of every error."""

import gzip
import json
import traceback

import pytest

from podium.datasources import Json, _slices
from podium.datasources._json_faults import bad_line
from podium.errors import DataSourceError


def lines(tmp_path, *rows, name="t.jsonl"):
    path = tmp_path / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def rows_of(source):
    return [tuple(row.values()) for batch in source.read([name for name, _ in source.columns()]) for row in batch.to_pylist()]


def test_types_and_values(tmp_path):
    first = {
        "i": 2**53 + 1,
        "n": 1,
        "t": "x",
        "b": True,
        "d": "2024-01-02",
        "at": "2024-01-02T03:04:05Z",
        "o": {"k": [1]},
        "l": [1],
        "m": 1,
    }
    source = Json(name="t", path=lines(tmp_path, first | {"m": 1}, "", {"n": 2.5, "m": "y", "z": None}))
    types = {"i": "integer", "n": "number", "t": "text", "b": "boolean", "d": "date", "at": "timestamp", "o": "other", "l": "other"}
    assert dict(source.columns()) == types | {"m": "text", "z": "text"}
    one, two = rows_of(source)
    assert one[:4] == (2**53 + 1, 1.0, "x", True)
    assert (str(one[4]), str(one[5]), one[6:]) == ("2024-01-02", "2024-01-02 03:04:05", ('{"k":[1]}', "[1]", "1", None))
    assert two == (None, 2.5, None, None, None, None, None, None, "y", None)


def test_whole_numbers_that_no_float_keeps_are_text(tmp_path):
    first, second = 123456789012345678901, 123456789012345678902
    rows = [{"id": first, "u": 2**63 + 1, "x": 1.5, "far": 1e300}, {"id": second, "u": 2**64 - 1, "x": 2, "far": 2}]
    source = Json(name="t", path=lines(tmp_path, *rows))
    assert source.columns() == [("id", "text"), ("u", "text"), ("x", "number"), ("far", "number")]
    assert rows_of(source) == [(str(first), str(2**63 + 1), 1.5, 1e300), (str(second), str(2**64 - 1), 2.0, 2.0)]


def test_whole_numbers_of_both_signs(tmp_path):
    source = Json(name="t", path=lines(tmp_path, {"a": 5, "b": 2**62}, {"a": -5, "b": -(2**62)}, {"a": None}))
    assert source.columns() == [("a", "integer"), ("b", "integer")]
    assert rows_of(source) == [(5, 2**62), (-5, -(2**62)), (None, None)]


def test_many_files_packed_or_not_in_slices(tmp_path, monkeypatch):
    real = _slices.slices
    monkeypatch.setattr(_slices, "BLOCK", 100)
    monkeypatch.setattr("podium.datasources.json.slices", lambda path, **fields: real(path, size=500, **fields))
    lines(tmp_path, *({"a": n, "b": "x\ny"} for n in range(200)), name="a.jsonl")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"a": 0.5}\n'))
    source = Json(name="t", path=tmp_path)
    assert source.columns() == [("a", "number"), ("b", "text")]
    parts = source.partitions()
    assert len(parts) > 5
    assert parts[-1].id == "b.jsonl.gz"
    read = [tuple(row.values()) for part in parts for batch in source.read_part(part, ["a", "b"]) for row in batch.to_pylist()]
    assert read == rows_of(source) == [*((float(n), "x\ny") for n in range(200)), (0.5, None)]


@pytest.mark.parametrize(
    ("late", "code", "says"),
    [
        ('{"a": 1, "b": true, "t": "SECRET"', "json_line", "no complete JSON object"),
        ('["SECRET"]', "json_line", "and no object"),
        ('{"a": "SECRET"}', "value_does_not_fit", "column 'a' was read as bigint"),
        ('{"a": 1.7}', "value_does_not_fit", "column 'a' was read as bigint"),
        ('{"b": 5}', "value_does_not_fit", "column 'b' was read as boolean"),
        ('{"a": 1, "a": 2}', "json_line", "'a' is there twice"),
    ],
    ids=["cut", "array", "text", "fraction", "number-for-boolean", "twice"],
)
@pytest.mark.parametrize("early", [True, False], ids=["early", "late"])
def test_a_bad_line_is_named(tmp_path, late, code, says, early):
    good = ['{"a": 1, "b": true, "t": "SECRET"}'] * (40 if early else 100_500)
    good[37 if early else -3] = late
    source = Json(name="t", path=lines(tmp_path, *good), types={"a": "integer", "b": "boolean"})
    with pytest.raises(DataSourceError) as caught:
        rows_of(source)
    error = caught.value
    assert error.code == code
    assert f"line {38 if early else 100_498}:" in error.message
    assert says in error.message
    assert "SECRET" not in str(error)
    assert error.remedy


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b'[{"a": "SECRET"}]', "json_line"),
        (b'\xef\xbb\xbf{"a": "SECRET"}\n', "encoding"),
        (b'{"a": "SECRET\xe9"}\n', "encoding"),
        (b'{"a": 1, "A": "SECRET"}\n', "column_names"),
        (b'{"a\\u0000b": "SECRET"}\n', "column_names"),
        (b"{}\n{}\n", "no_columns"),
        (b'{"a": "' + b"S" * (40 << 20) + b'"}\n', "long_line"),
    ],
    ids=["empty", "array", "mark", "latin-1", "case", "zero-byte", "no-keys", "long"],
)
def test_refused(tmp_path, data, code):
    path = tmp_path / "t.jsonl"
    path.write_bytes(data)
    with pytest.raises(DataSourceError) as caught:
        rows_of(Json(name="t", path=path))
    assert caught.value.code == code
    assert str(path) in caught.value.message
    assert "SECRET" not in str(caught.value)
    assert caught.value.remedy


def test_keys_that_come_later_can_be_declared(tmp_path):
    path = lines(tmp_path, {"a": 1}, {"a": 2})
    assert Json(name="t", path=path, types={"late": "integer"}).columns() == [("a", "integer"), ("late", "integer")]


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b'{"a": 1}\n[1, "SECRET"]\n{"a": 2}\n', 2, "and no object"),
        (b'{"a": 1}\n"SECRET"\n', 2, "and no object"),
        (b'{"a": 1}\n5\n', 2, "and no object"),
        (b'{"a": 1}\n5', 2, "and no object"),
        (b'5\n{"a": 1}\n', 1, "and no object"),
        (b'{"a": 1}\n{"a": "SECRET\\ud800"}\n', 2, "the line cannot be read"),
        (b'{"a": 1}\n{"a": 1, "a": "SECRET"}\n', 2, "'a' is there twice"),
        (b'{"a": 1}\n{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}\n", 2, "too deep in one another"),
        (b'{"a":' * 1_000_000 + b"1" + b"}" * 1_000_000 + b"\n", 1, "too deep in one another"),
    ],
    ids=["array", "text", "number", "no-line-end", "first", "half-a-sign", "twice", "deep", "deeper-than-memory"],
)
def test_a_line_of_another_kind_among_objects_of_one_key(tmp_path, data, line, says):
    """Where all objects have one key, the engine would take them whole for that key's values."""
    (tmp_path / "t.jsonl").write_bytes(data)
    with pytest.raises(DataSourceError) as caught:
        rows_of(Json(name="t", path=tmp_path / "t.jsonl"))
    assert caught.value.code == "json_line"
    assert f"line {line}:" in caught.value.message
    assert says in caught.value.message
    assert "SECRET" not in str(caught.value)


def test_a_log_never_holds_what_the_engine_says_of_a_line(tmp_path):
    good = ['{"a": 1, "b": 2}'] * 20
    source = Json(name="t", path=lines(tmp_path, *good, '{"a": 1, "a": 2, "b": "SECRET"}'), types={"a": "integer", "b": "text"})
    with pytest.raises(DataSourceError) as caught:
        rows_of(source)
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


def test_keys_that_are_values_are_not_taken_for_columns(tmp_path, monkeypatch):
    monkeypatch.setattr("podium.datasources.json.MOST_KEYS", 3)
    rows = [{f"SECRET{n}": 1} for n in range(4)]
    assert len(Json(name="t", path=lines(tmp_path, *rows[:3])).columns()) == 3
    with pytest.raises(DataSourceError, match="its objects have 4 keys") as caught:
        Json(name="t", path=lines(tmp_path, *rows)).columns()
    assert caught.value.code == "too_many_keys"
    assert "SECRET" not in str(caught.value)


def test_what_is_no_fault_of_a_line_is_not_put_on_it(tmp_path):
    def reads(_place):
        def read(_lines, _column):
            raise RuntimeError

        return read

    with pytest.raises(RuntimeError):
        bad_line(lines(tmp_path, {"a": 1}), {}, reads)


def test_a_bad_line_of_a_packed_file_is_named(tmp_path):
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n' * 5 + b'{"a": "SECRET\n'))
    with pytest.raises(DataSourceError, match=r"t\.jsonl\.gz, line 6: this is no complete JSON object") as caught:
        rows_of(Json(name="t", path=tmp_path / "t.jsonl.gz"))
    assert "SECRET" not in str(caught.value)
