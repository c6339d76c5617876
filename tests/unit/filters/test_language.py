"""The language: what is read, what is refused, where and with which hint."""

import pytest

from podium.contracts import Card, CardColumn
from podium.errors import ConfigError
from podium.filters import Filter, parse
from podium.filters.nodes import Among, Both, Compare, Either, IsNull, Not
from podium.testing import sample_card

A = Compare(column="a", sign="==", value=1)
B = Compare(column="b", sign=">", value=-2.5)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("", None),
        ("  \n", None),
        ("a == 1", A),
        ("a==1 and b>-2.5", Both(parts=(A, B))),
        ("a == 1 or a == 1 and b > -2.5", Either(parts=(A, Both(parts=(A, B))))),
        ("(a == 1 or b > -2.5) AND a == 1", Both(parts=(Either(parts=(A, B)), A))),
        ("not a == 1 and b > -2.5", Both(parts=(Not(part=A), B))),
        ("not not (a == 1)", Not(part=Not(part=A))),
        ("a is null", IsNull(column="a")),
        ("a Is Not NULL", Not(part=IsNull(column="a"))),
        ("a in (1, 'x', true)", Among(column="a", values=(1, "x", True))),
        ("a not in ('it''s')", Not(part=Among(column="a", values=("it's",)))),
        ('`mean radius` != "say ""hi"""', Compare(column="mean radius", sign="!=", value='say "hi"')),
        ("`in` <= .5e1", Compare(column="in", sign="<=", value=5.0)),
        ("größe >= 3.", Compare(column="größe", sign=">=", value=3.0)),
        ("a == '\n\\'", Compare(column="a", sign="==", value="\n\\")),
    ],
)
def test_reading(text, root):
    assert parse(text).root == root


def test_a_number_keeps_its_kind():
    for text, value in (("1", 1), ("1.0", 1.0), ("true", True), ("9007199254740993", 2**53 + 1)):
        found = parse(f"a == {text}").root.value
        assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "at", "hint"),
    [
        ("age = 40", 5, "Use == "),
        ("age <> 40", 5, "Use !="),
        ("age > 40 && sex == 'F'", 10, "`and`"),
        ("age > 40 & sex == 'F'", 10, "`and`"),
        ("age > 40 | sex == 'F'", 10, "`or`"),
        ("!(age > 40)", 1, "`not`"),
        ("sex == F", 8, "quotes: sex == 'F'"),
        ("sex == 'F", 8, "Close the text"),
        ("`sex == 'F'", 1, "backquote"),
        ("40 < age", 1, "Write `age > 40`"),
        ("18 <= age <= 40", 1, "begins with a column"),
        ("age > 18 <= 40", 10, "age >= 18 and age <= 40"),
        ("age == null", 8, "is null"),
        ("age is 4", 8, "Use =="),
        ("smoker and age > 4", 8, "smoker == true"),
        ("age > 4 and", 12, "Write `age > 40`"),
        ("age >", 6, "A number"),
        ("(age > 4", 9, "Brackets"),
        ("age > 4)", 8, "never opened"),
        ("age > 4 sex == 'F'", 9, "Join them"),
        ("age in 4", 8, "stage in"),
        ("age in ()", 9, "A number"),
        ("age in (1 2)", 11, "commas"),
        ("age in (1, null)", 12, "is null"),
        ("age not > 4", 9, "age not in"),
        ("age + 1 > 4", 5, "Compare columns with numbers"),
        ("age > 4; drop", 8, "One filter"),
        ("age > 4 -- x", 9, "Compare columns"),
        ("f(age) > 4", 2, "Write `age > 40`"),
        ("age > 0x1f", 7, "Compare columns"),
        ("age > 1e999", 7, "1.7e308"),
        ("age > " + "9" * 400, 7, "1.7e308"),
        ("and == 1", 1, "backquotes"),
        ("a.b == 1", 2, "backquotes"),
        ("__import__('os')", 11, "Write `age > 40`"),
    ],
)
def test_refusals_say_where_and_what_to_do(text, at, hint):
    with pytest.raises(ConfigError) as caught:
        parse(text, field="algorithm.mean.where")
    assert caught.value.code == "bad_filter"
    assert caught.value.field == "algorithm.mean.where"
    assert f"at character {at}:" in caught.value.message, caught.value
    assert hint in str(caught.value), caught.value


@pytest.mark.parametrize(
    "text", ["a == 'SECRET' x", "a == 'SECRET", "a == SECRET", "'SECRET' == a", "a in ('SECRET' 'SECRET')", "a > SECRET7"]
)
def test_no_message_repeats_a_literal(text):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert "SECRET" not in str(caught.value)


def test_sizes():
    assert parse("a == '" + "x" * 4089 + "'").root is not None
    for text in ("a == '" + "x" * 4090 + "'", "a == '" + "é" * 2045 + "'", "(" * 5000, " " * 4097):
        with pytest.raises(ConfigError, match="at most 4096 bytes"):
            parse(text)
    parse("(" * 50 + "a == 1" + ")" * 50)
    parse("not " * 50 + "a == 1")
    parse(" and ".join(["((not a == 1))"] * 40))  # side by side is not deep
    for text in ("(" * 51 + "a == 1" + ")" * 51, "not " * 51 + "a == 1", "(not " * 26 + "a == 1" + ")" * 26):
        with pytest.raises(ConfigError, match="at most 50 deep"):
            parse(text)
    parse(" and ".join(["(a == 1)"] * 50))
    with pytest.raises(ConfigError, match="at most 50 conditions"):
        parse(" and ".join(["a == 1"] * 51))


def test_half_a_character_is_refused():
    with pytest.raises(ConfigError, match="surrogate"):
        parse("a == '\ud800'")


def test_columns_in_the_order_of_the_text():
    assert parse("b == 1 and (a is null or not b in (2)) and `c d` > 1").columns() == ("b", "a", "c d")
    assert Filter().columns() == ()


CARD = Card(
    datasource="t",
    stage="full",
    columns=(
        *sample_card().columns,
        CardColumn(name="id", type="text", semantic="identifier"),
        CardColumn(name="number", type="integer", semantic="identifier"),
        CardColumn(name="note", type="text", semantic="text"),
        CardColumn(name="scan", type="binary", semantic="image"),
        CardColumn(name="raw", type="binary", semantic="categorical"),
        CardColumn(name="at", type="timestamp", semantic="date"),
        CardColumn(name="grade", type="integer", semantic="categorical"),
        CardColumn(name="flag", type="integer", semantic="boolean"),
    ),
)


@pytest.mark.parametrize(
    "text",
    [
        "age > 40 and sex == 'f' and smoker == true and seen >= '2024-01-02' and score < 1e3 and at < '2024-01-02T10:00:00'",
        "grade in (1, 2) or flag == 1 or at == '2024-01-02' or age == 1.5 or sex in ('f', 'm') or smoker is null",
    ],
)
def test_fitting_the_card(text):
    parse(text).check(CARD)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("agee > 4", "unknown_column", "Did you mean 'age'"),
        ("id == 'P7'", "filter_column", "single people out"),
        ("id != 'P7'", "filter_column", "single people out"),
        ("id is null", "filter_column", "single people out"),
        ("number in (7)", "filter_column", "Filter by: age, score, sex, smoker, seen, at, grade, flag"),
        ("age > 4 or not (note == 'x')", "filter_column", "is text"),
        ("scan is not null", "filter_column", "is image"),
        ("raw is null", "filter_column", "single people out"),
        ("age == '4'", "filter_type", "compared with a number"),
        ("age == true", "filter_type", "compared with a number"),
        ("age in (1, 'x')", "filter_type", "compared with a number"),
        ("sex == 1", "filter_type", "text in quotes"),
        ("sex > 'f'", "filter_type", "no order"),
        ("smoker == 1", "filter_type", "true or false"),
        ("smoker < true", "filter_type", "no order"),
        ("flag == true", "filter_type", "compared with a number"),
        ("seen == 20240102", "filter_type", "'2024-01-31'"),
        ("seen == '2024-1-2'", "filter_type", "'2024-01-31'"),
        ("seen == '2024-02-30'", "filter_type", "'2024-01-31'"),
        ("seen == '2024-01-02T00:00:00'", "filter_type", "'2024-01-31'"),
        ("at == '2024-01-02 25:00'", "filter_type", "midnight"),
        ("at == '2024-01-02T00:00:00+02:00'", "filter_type", "midnight"),
    ],
)
def test_not_fitting_the_card(text, code, words):
    with pytest.raises(ConfigError) as caught:
        parse(text, field="f").check(CARD)
    assert (caught.value.code, caught.value.field) == (code, "f")
    assert words in str(caught.value)


def test_a_type_error_repeats_no_literal_either():
    with pytest.raises(ConfigError) as caught:
        parse("age == 'SECRET'").check(CARD)
    assert "SECRET" not in str(caught.value)
