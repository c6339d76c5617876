"""`formed`: what a datasource of one's own gets for its one line of `read`."""

import pandas as pd
import pyarrow as pa
import pytest

import podium.datasources._formed as module
from podium.datasources import Datasource
from podium.errors import DataSourceError
from podium.sources import explained, formed


class Given:
    """As much of a datasource as `formed` looks at."""

    name = "visits"

    def columns(self):
        return [("n", "integer"), ("x", "number"), ("t", "text"), ("seen", "timestamp")]


SEEN = pd.to_datetime(["2024-01-01", None, "2024-01-03"])
FRAME = pd.DataFrame({"n": [1.0, None, 3.0], "x": [1, 2, 3], "t": ["a", None, "c"], "seen": SEEN})


def test_pandas_and_arrow_give_the_same_batches():
    names = ["seen", "n", "t", "x"]
    (one,) = formed(Given(), [FRAME], names)
    (other,) = formed(Given(), [pa.Table.from_pandas(FRAME)], names)
    (third,) = formed(Given(), pa.Table.from_pandas(FRAME).to_batches(), names)
    assert one.schema.names == names
    assert [str(field.type) for field in one.schema] == ["timestamp[us]", "int64", "string", "double"]
    assert one == other == third
    assert one.column("n").to_pylist() == [1, None, 3]


def test_rows_are_picked_over_tables_and_batches(monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 2)
    tables = [FRAME, FRAME.iloc[:0], FRAME]
    found = [batch.column("t").to_pylist() for batch in formed(Given(), tables, ["t"], [5, 0, 2])]
    assert found == [["a"], ["c"], [], ["c"]]
    assert sum(batch.num_rows for batch in formed(Given(), tables, [])) == 6
    assert sum(batch.num_rows for batch in formed(Given(), tables, [], [5, 0])) == 2


def test_what_does_not_fit_is_named_and_not_quoted():
    with pytest.raises(DataSourceError, match="no column 'm'") as none:
        list(formed(Given(), [FRAME], ["m"]))
    assert none.value.code == "unknown_column"
    others = (["secret", "1", "2"], [1.5, 2, 3], [[1], "secret", None])
    for bad in (FRAME.drop(columns="n"), *(FRAME.assign(n=values) for values in others)):
        with pytest.raises(DataSourceError, match="column 'n' of datasource 'visits' does not hold") as wrong:
            list(formed(Given(), [bad], ["n"]))
        assert "secret" not in str(wrong.value)


def test_a_librarys_own_error_is_explained(tmp_path):
    class TheirError(Exception):
        pass

    told = r"a\.sav: the file cannot be read\. Check its format, or copy it again\."
    with pytest.raises(DataSourceError, match=told), explained(tmp_path / "a.sav", TheirError):
        raise TheirError("secret")
    with pytest.raises(TheirError), explained(tmp_path / "a.sav"):
        raise TheirError


def test_all_that_a_kind_needs_is_public():
    import podium.sources

    assert podium.sources.Datasource is Datasource
    assert all(hasattr(podium.sources, name) for name in podium.sources.__all__)
