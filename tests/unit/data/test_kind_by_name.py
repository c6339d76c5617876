"""The kind of a path, by its name or by the files that it means."""

from pathlib import Path

import pytest

from podium.datasources._by_name import kind_by_name, name_by_path
from podium.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.csv", "csv"), ("A.TSV.GZ", "csv"), ("a.csv.zst", "csv"), ("a.pq", "parquet"), ("a.jsonl.gz", "json"), ("a.xlsx", "excel")],
)
def test_files(name, kind):
    assert kind_by_name(Path(name)) == kind


def test_folders_and_patterns(tmp_path):
    (tmp_path / "year=2024").mkdir()
    (tmp_path / "year=2024" / "a.parquet").write_bytes(b"")
    (tmp_path / "README.txt").write_text("x")
    assert kind_by_name(tmp_path) == "parquet"
    (tmp_path / "b.csv").write_text("x")
    with pytest.raises(ConfigError, match="several kinds: csv, parquet"):
        kind_by_name(tmp_path)
    assert kind_by_name(tmp_path / "*.csv") == "csv"
    assert kind_by_name(tmp_path / "*" / "*.parquet") == "parquet"
    (tmp_path / "x.csv").mkdir()
    (tmp_path / "x.csv" / "part.jsonl").write_text("{}")
    assert kind_by_name(tmp_path / "x.csv") == "json"
    for path in (tmp_path / "*.docx", tmp_path / "README.txt"):
        with pytest.raises(ConfigError, match="Known endings"):
            kind_by_name(path)


def test_names():
    assert name_by_path(Path("/data/Visits 2024.csv.gz")) == "visits-2024"
    assert name_by_path(Path("/data/visits/*/*.csv")) == "visits"
