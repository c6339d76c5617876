"""`05.01.2024 10:11` is a time, by both readers of a CSV."""

from datetime import datetime as at

import pytest

from podium.datasources import Csv


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (
            ["05.01.2024 10:11", "6.2.2024 8:05", ""],
            [at.fromisoformat("2024-01-05 10:11:00"), at.fromisoformat("2024-02-06 08:05:00"), None],
        ),
        (
            ["05.01.2024 10:11:12", "31.12.2024 23:59:59"],
            [at.fromisoformat("2024-01-05 10:11:12"), at.fromisoformat("2024-12-31 23:59:59")],
        ),
        (["05.01.2024 10:11", "31.13.2024 23:59"], ["05.01.2024 10:11", "31.13.2024 23:59"]),
        (["05.01.2024 10:11", "05.01.2024 10:11:12"], ["05.01.2024 10:11", "05.01.2024 10:11:12"]),
        (["05.01.2024 10:11", "soon"], ["05.01.2024 10:11", "soon"]),
    ],
    ids=["minutes", "seconds", "no such month", "both forms", "a word"],
)
def test_a_time_with_dots(tmp_path, cells, found):
    (tmp_path / "t.csv").write_text("id;at;ward\n" + "".join(f"{n};{cell};a.b.c d:e\n" for n, cell in enumerate(cells)))
    source = Csv(name="t", path=tmp_path / "t.csv")
    kind = "timestamp" if isinstance(found[0], at) else "text"
    assert source.columns() == [("id", "integer"), ("at", kind), ("ward", "text")]
    assert [value for batch in source.read(["at"]) for value in batch["at"].to_pylist()] == found
    assert [
        value for part in source.partitions() for batch in source.read_part(part, ["id", "at"]) for value in batch["at"].to_pylist()
    ] == found


def test_a_file_with_times_of_another_form_keeps_its_dotted_ones_as_text(tmp_path):
    (tmp_path / "t.csv").write_text("a;b\n2024-01-05 10:11:12;05.01.2024 10:11\n")
    assert Csv(name="t", path=tmp_path / "t.csv").columns() == [("a", "timestamp"), ("b", "text")]
