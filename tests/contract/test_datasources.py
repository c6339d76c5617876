"""Every kind of datasource keeps the family's contract; kinds that break it are caught."""

import datetime as dt
import time

import pytest

from podium.datasources import Csv, Datasource, Parquet
from podium.testing import check_datasource


@pytest.mark.parametrize("kind", Datasource.kinds())
def test_kind_keeps_the_contract(kind, tmp_path):
    check_datasource(Datasource.of(kind).sample(tmp_path))


def test_known_kinds_are_found_without_a_list():
    assert set(Datasource.kinds()) >= {"csv", "parquet", "frame"}


class _Unregistered:
    """Keeps planted kinds out of the family's register."""

    @pytest.fixture(autouse=True)
    def _restore(self):
        before = dict(Datasource._kinds)
        yield
        Datasource._kinds.clear()
        Datasource._kinds.update(before)


class TestPlanted(_Unregistered):
    def test_over_reading_is_caught(self, tmp_path):
        class Greedy(Csv):
            kind = "greedy"

            def read(self, columns, datapoints=None):
                return super().read([name for name, _ in self.columns()], datapoints)

        with pytest.raises(AssertionError, match="other columns too"):
            check_datasource(Greedy.sample(tmp_path))

    def test_a_changing_token_is_caught(self, tmp_path):
        class Restless(Parquet):
            kind = "restless"

            def token(self):
                return str(time.perf_counter_ns())

        with pytest.raises(AssertionError, match="token"):
            check_datasource(Restless.sample(tmp_path))

    def test_an_ignored_column_that_shows_is_caught(self, tmp_path):
        class Careless(Csv):
            kind = "careless"

            def columns(self):
                return [*super().columns(), ("sex", "text")]

        source = Careless.sample(tmp_path).model_copy(update={"ignore_columns": ("sex",)})
        with pytest.raises(AssertionError, match="ignored column"):
            check_datasource(source)

    def test_another_form_of_a_type_is_caught(self, tmp_path):
        import pyarrow as pa

        class Loose(Csv):
            kind = "loose"

            def read(self, columns, datapoints=None):
                for batch in super().read(columns, datapoints):
                    yield batch.cast(pa.schema([(f.name, pa.float64() if f.name == "age" else f.type) for f in batch.schema]))

        with pytest.raises(AssertionError, match="int64"):
            check_datasource(Loose.sample(tmp_path))

    def test_fingerprints_that_depend_on_the_part_are_caught(self, tmp_path):
        import pyarrow as pa

        class Adrift(Csv):
            """Its fingerprint is taken over a column that nobody may ask for, and which a part has otherwise."""

            kind = "adrift"

            def fingerprinted(self):
                return ("hidden",)

            def read(self, columns, datapoints=None):
                return self._hidden(super().read, columns, 0, datapoints)

            def read_part(self, part, columns):
                return self._hidden(lambda names: super(Adrift, self).read_part(part, names), columns, 1)

            def _hidden(self, read, columns, value, *more):
                if "hidden" not in columns:
                    yield from read(columns, *more)
                    return
                for batch in read(["age"], *more):
                    yield pa.record_batch({"hidden": pa.array([value] * batch.num_rows)})

        with pytest.raises(AssertionError, match="other fingerprints than the whole"):
            check_datasource(Adrift.sample(tmp_path))

    def test_a_fingerprint_over_nothing_is_caught(self, tmp_path):
        class Blank(Csv):
            kind = "blank"

            def fingerprinted(self):
                return ()

        with pytest.raises(AssertionError, match="names no column"):
            check_datasource(Blank.sample(tmp_path))


def test_csv_and_parquet_give_the_same_rows(tmp_path):
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    table = pa.table({"n": [1, None], "x": [0.5, 2.0], "t": ["a", "é"], "d": pa.array([dt.date(2024, 1, 2), None])})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    pa.csv.write_csv(table, tmp_path / "a.csv")
    names = table.column_names
    one, other = Csv(name="a", path=tmp_path / "a.csv"), Parquet(name="a", path=tmp_path / "a.parquet")
    assert one.columns() == other.columns()
    assert [b.to_pylist() for b in one.read(names)] == [b.to_pylist() for b in other.read(names)]
