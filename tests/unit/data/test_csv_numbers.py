"""Numbers as people of other countries write them, and digits that are no number."""

import pytest

from podium.datasources import Csv
from podium.workers.profile import profile

N = range(40)


def schema_of(tmp_path, *texts):
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.csv").write_text(text)
    return profile(Csv(name="t", path=tmp_path), "full")


def lines(head, line):
    return "".join([f"{head}\n", *(f"{line(n)}\n" for n in N)])


def test_a_decimal_comma_between_semicolons(tmp_path):
    schema = schema_of(tmp_path, lines("id;kg;born;ward", lambda n: f"{n};{n},5;{n % 28 + 1:02d}.03.2020;A") + "99;NA;;\n")
    kg = schema.column("kg")
    assert (kg.type, kg.semantic, kg.nulls, kg.min, kg.max, kg.mean) == ("number", "continuous", 1, 0.5, 39.5, 20.0)
    assert [column.type for column in schema.columns] == ["integer", "number", "date", "text"]


@pytest.mark.parametrize(
    ("head", "line", "kind"),
    [
        ("id;a;b", lambda n: f"{n};{n},5;{n}.5", "text"),  # this file's numbers have a point
        ("id;a", lambda n: f"{n};1,2,{n}", "text"),  # a list
        ("id\ta", lambda n: f"{n}\t1,{100 + n}", "text"),  # thousands, or not
        ("id\ta", lambda n: f"{n}\t0,{100 + n}", "number"),
        ("id;a", lambda n: f"{n};1,{100 + n}", "number"),
        ("id;a", lambda n: f"{n};-1,{n}e-0{n % 9}", "number"),
        ("id,a", lambda n: f'{n},"{n},5"', "text"),  # between commas it may be anything
    ],
    ids=["point too", "list", "thousands", "no thousands", "semicolons", "exponents", "commas"],
)
def test_other_commas(tmp_path, head, line, kind):
    assert schema_of(tmp_path, lines(head, line)).column("a").type == kind


def test_files_that_write_numbers_differently_are_text_together(tmp_path):
    assert schema_of(tmp_path, "id;a\n1;2,5\n2;3,5\n", "id,a\n1,2.5\n").column("a").type == "text"
    assert schema_of(tmp_path, "id;a\n1;2,5\n2;3,5\n", "id;a\n1;2\n").column("a").type == "number"


def test_codes_stay_as_they_are_written(tmp_path):
    long = lines("zip,code,big", lambda n: f"{n * 1711:05d},1234567890123456789{n:02d},{9007199254740993 + n}")
    zips, code, big = schema_of(tmp_path, long).columns
    assert (zips.type, zips.semantic, zips.reason) == ("text", "identifier", "they look like postcodes")
    assert (code.type, code.semantic, code.distinct) == ("text", "identifier", 40)  # as floats they would be one
    assert (big.type, big.distinct) == ("integer", 40)


def test_row_names_as_r_and_pandas_write_them(tmp_path):
    schema = schema_of(tmp_path, lines(",age", lambda n: f"{n},{20 + n % 7}"))
    assert schema.names == ("rownames", "age")
    assert schema.column("rownames").semantic == "identifier"


def test_minus_zero_is_zero(tmp_path):
    assert str(schema_of(tmp_path, "id,a\n1,-0.0\n2,1.5\n").column("a").min) == "0.0"
