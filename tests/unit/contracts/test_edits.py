"""What people may write into a contract: wrong edits are named before a row is read, right ones judge rows."""

import datetime as dt

import pytest
from contract_scene import at, day, edited, table

from podium.errors import ConfigError
from schemas import contract_file
from schemas.datasource import only, read, validate

WHOLE = """schema_type: polars_dataframe
columns:
  iage:
    dtype: Int64
    {age}
  tsite:
    dtype: String
    {site}
  dfrom:
    dtype: Date
    {begin}
  braw:
    dtype: Binary
    {raw}
{rest}
"""
WRONG = {
    "unknown check": ({"age": "in_rage: {min_value: 1, max_value: 2}"}, "column 'iage', check 'in_rage': there is no check", "in_range"),
    "unknown argument": (
        {"age": "in_range: {min_value: 1, most: 2}"},
        "column 'iage', check 'in_range': it has no argument 'most'",
        "max_value",
    ),
    "missing argument": ({"age": "in_range: {min_value: 1}"}, "argument max_value is missing", "min_value"),
    "no arguments": ({"age": "in_range: 4"}, "must be named", "min_value"),
    "not its type": ({"age": "ge: '17'"}, "check 'ge': its argument must be a whole number", "Without quotes"),
    "a boolean for a number": ({"age": "ge: yes"}, "must be a whole number", ""),
    "a fraction": ({"age": "isin: [1, 1.5]"}, "must be a whole number", ""),
    "yes for a text": ({"site": "isin: [yes, 'no']"}, "column 'tsite', check 'isin': its argument must be a text", "quotes"),
    "null among values": ({"site": "isin: [a, null]"}, "must be a text", ""),
    "no list": ({"site": "isin: north"}, "must be a list", "nullable"),
    "no value": ({"site": "notin: []"}, "must be a list", ""),
    "a range upside down": ({"age": "in_range: {min_value: 9, max_value: 1}"}, "min_value is above max_value", ""),
    "an empty range": ({"age": "in_range: {min_value: 1, max_value: 1, include_min: false}"}, "no value is within it", ""),
    "a bad pattern": (
        {"site": "str_matches: '(a'"},
        "column 'tsite', check 'str_matches': its pattern is no regular expression",
        "Look-around",
    ),
    "a bomb": ({"site": "str_contains: '(?:a{1000}){1000}'"}, "no regular expression", ""),
    "back reference": ({"site": r"str_matches: '(a)\1'"}, "no regular expression", ""),
    "a very long pattern": ({"site": f"str_matches: {'a' * 1001}"}, "longer than 1000", ""),
    "alternatives that escape": ({"site": "str_matches: ^north|south$"}, "not in brackets", "^(a|b)$"),
    "lengths below 0": ({"site": "str_length: -1"}, "no text has such a length", ""),
    "a check of texts": ({"age": "str_matches: a"}, "str_matches is no check of a column of type integer", "text"),
    "a check of bytes": ({"raw": "eq: a"}, "no check of a column of type binary", ""),
    "no date": ({"begin": "ge: 2024-13-45"}, "no such date", "quotes"),
    "no date in quotes": ({"begin": "ge: '2024-13-45'"}, "must be a date", ""),
    "twice by two names": ({"age": "ge: 1\n    greater_than_or_equal_to: 2"}, "stands twice", ""),
    "the same key twice": ({"age": "ge: 1\n    ge: 2"}, "stands twice, first at line", ""),
    "a flag": ({"age": "nullable: 1"}, "column 'iage': nullable must be true or false", ""),
    "coerce": ({"age": "coerce: true"}, "coerce would change rows", "take it out"),
    "another type": ({"age": "nullable: true\n  x:\n    dtype: Int32"}, "column 'x': its dtype", "Int64"),
    "no type": ({"age": "nullable: true\n  x:\n    nullable: true"}, "column 'x': its dtype", ""),
    "a key of the whole": ({"rest": "colums: {}"}, "there is no key 'colums'", "columns"),
    "a column's check on the whole": ({"rest": "ge: 1"}, "there is no key 'ge'", "under its column"),
    "unique over nothing": ({"rest": "unique: [iage, sitee]"}, "unique names 'sitee'", "tsite"),
    "unique twice": ({"rest": "unique: [iage, iage]"}, "one twice", ""),
    "unknown check over columns": (
        {"rest": "checks: [{compare: {left: a}}]"},
        "checks, number 1, 'compare': there is no check",
        "columns_compare",
    ),
    "no list of checks": ({"rest": "checks: columns_compare"}, "must be a list", ""),
    "a column's check over columns": ({"rest": "checks: [{isin: [1]}]"}, "isin is a check of one column", "under that column"),
    "an unknown column": (
        {"rest": "checks: [{columns_compare: {left: iage, op: '<', right: tsitee}}]"},
        "'columns_compare': the contract has no column 'tsitee'",
        "tsite",
    ),
    "an unknown operator": ({"rest": "checks: [{columns_compare: {left: iage, op: '=', right: iage}}]"}, "op must be", "<="),
    "unlike columns": ({"rest": "checks: [{columns_compare: {left: iage, op: <, right: tsite}}]"}, "type integer and one of type text", ""),
    "a condition without a check": ({"rest": "checks: [{implies: {when: {column: iage}, then: {}}}]"}, "when must name", ""),
    "a wrong condition": (
        {"rest": "checks: [{implies: {when: {column: iage, eq: a}, then: {column: tsite, missing: false}}}]"},
        "must be a whole number",
        "",
    ),
    "no mapping": ({"age": "nullable: true\n  x: Int64"}, "column 'x'", ""),
    "a tag": ({"age": "ge: !!python/name:os.system x"}, "tags", ""),
    "an alias": ({"age": "ge: &a 1"}, "aliases", ""),
    "no columns": ({"rest": "columns: {}"}, "stands twice", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_edit_is_named(name, tmp_path):
    parts, said, remedy = WRONG[name]
    path = tmp_path / "patients.yaml"
    path.write_text(WHOLE.format(**{"age": "", "site": "", "begin": "", "raw": "", "rest": "", **parts}))
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert caught.value.code == "contract"
    assert caught.value.field == "patients.yaml"
    assert said in caught.value.message
    assert remedy in caught.value.remedy


def test_the_same_file_without_an_edit_is_a_contract(tmp_path):
    path = tmp_path / "patients.yaml"
    path.write_text(WHOLE.format(age="", site="", begin="", raw="", rest=""))
    assert list(read(path).columns) == ["iage", "tsite", "dfrom", "braw"]


CHECKS = {  # a check, rows that pass, rows that do not; a missing cell passes
    "eq": ("i", 3, [3, 3], [2, 4]),
    "ne": ("t", "x", ["y", ""], ["x"]),
    "gt": ("n", 0, [0.5], [0.0, -1.0]),
    "ge": ("d", "2024-01-02", [day(1), day(2)], [day(0)]),
    "lt": ("s", dt.date(2024, 1, 2), [at(1, 23)], [at(2)]),
    "le": ("i", 3, [3], [4]),
    "between": ("n", {"min_value": 0, "max_value": 1, "include_max": False}, [0.0, 0.9], [1.0, float("nan")]),
    "isin": ("d", ["2024-01-01"], [day(0)], [day(1)]),
    "notin": ("t", ["x", "y"], ["z"], ["x", "y"]),
    "str_matches": ("t", "p[0-9]+$", ["p1", "p22"], ["xp1", "p"]),
    "str_contains": ("t", "b|c", ["abc"], ["a"]),
    "str_startswith": ("t", "p.", ["p.1"], ["p1", "xp."]),
    "str_endswith": ("t", "z", ["az"], ["za"]),
    "str_length": ("t", 2, ["ab", "日本"], ["a", "abc"]),
}


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_judges_rows(check, tmp_path):
    name, argument, good, bad = CHECKS[check]
    contract = edited(tmp_path / "t.yaml", {name: {check: argument}})
    assert validate([table(**{name: [*good, None]})], contract).ok
    report = validate([table(**{name: [*bad, None]}), table(**{name: good})], contract)
    full = contract_file.SHORT.get(check, check)
    assert report.failures == {f"{full}: {name}": len(bad)}


@pytest.mark.parametrize("check", ["isin", "notin"])
def test_whole_numbers_are_looked_for_in_a_column_of_numbers(check, tmp_path):
    contract = edited(tmp_path / "t.yaml", {"n": {check: [0, 1]}})
    assert validate([table(n=[0.0, 1.0, 1.5, 2.5, 3.5, None])], contract).failures == {f"{check}: n": 3 if check == "isin" else 2}


def test_true_and_false(tmp_path):
    contract = edited(tmp_path / "t.yaml", {"b": {"eq": True}})
    assert validate([table(b=[True, False, None])], contract).failures == {"equal_to: b": 1}


COMPARED = [
    ({"left": "dfrom", "op": "<=", "right": "dto"}, {"dfrom": [day(1), day(1), None], "dto": [day(1), day(0), day(0)]}, 1),
    ({"left": "i", "op": "!=", "right": "n"}, {"i": [1, 2], "n": [1.0, 3.0]}, 1),
    ({"left": "d", "op": "<", "right": "s"}, {"d": [day(0), day(1)], "s": [at(1, 1), at(1)]}, 1),
    ({"left": "n", "op": ">", "right": "nlow"}, {"n": [float("nan"), 1.0], "nlow": [0.0, 2.0]}, 1),
    ({"left": "t", "op": "==", "right": "tagain"}, {"t": ["a", "b", "c"], "tagain": ["a", "a", None]}, 1),
]


@pytest.mark.parametrize("number", range(len(COMPARED)))
def test_columns_are_compared(number, tmp_path):
    arguments, columns, broken = COMPARED[number]
    contract = edited(tmp_path / "t.yaml", {name: {} for name in columns}, checks=[{"columns_compare": arguments}])
    report = validate([table(**columns)], contract)
    assert report.failures == {f"columns_compare: {arguments['left']}, {arguments['right']}": broken}


IMPLIED = [
    ({"when": {"column": "b", "eq": True}, "then": {"column": "d", "missing": False}}, 2),
    ({"when": {"column": "b", "eq": False}, "then": {"column": "d", "missing": True}}, 1),
    ({"when": {"column": "d", "missing": False}, "then": {"column": "n", "missing": False}}, 1),
    ({"when": {"column": "t", "isin": ["m"]}, "then": {"column": "i", "in_range": {"min_value": 0, "max_value": 1}}}, 1),
    ({"when": {"column": "t", "str_matches": "m$"}, "then": {"column": "t", "str_length": 1}}, 0),
]


@pytest.mark.parametrize("number", range(len(IMPLIED)))
def test_one_thing_implies_another(number, tmp_path):
    arguments, broken = IMPLIED[number]
    rows = table(
        b=[True, True, True, False, False, None],
        d=[day(0), None, None, day(0), None, None],
        n=[1.0, 2.0, 3.0, float("nan"), None, None],
        t=["m", "m", "f", "f", None, "m"],
        i=[0, 9, 9, 9, 9, None],
    )
    contract = edited(tmp_path / "t.yaml", {name: {} for name in rows.schema.names}, checks=[{"implies": arguments}])
    names = list(dict.fromkeys([arguments["when"]["column"], arguments["then"]["column"]]))
    assert validate([rows], contract).failures == ({f"implies: {', '.join(names)}": broken} if broken else {})


def test_a_run_is_judged_by_the_rules_whose_columns_it_reads(tmp_path):
    checks = [
        {"columns_compare": {"left": "dfrom", "op": "<=", "right": "dto"}},
        {"implies": {"when": {"column": "b", "eq": True}, "then": {"column": "dto", "missing": False}}},
    ]
    columns = {"dfrom": {}, "dto": {}, "b": {}, "i": {"unique": True}}
    contract = edited(tmp_path / "t.yaml", columns, checks=checks, unique=[["b", "dto"], ["i", "b"]])
    wrong = table(dfrom=[day(1), day(1)], dto=[day(0), None], b=[True, True], i=[1, 1])

    def found(*names):
        return set(validate([wrong.select(list(names))], only(contract, names)).failures)

    assert found("dfrom", "dto", "b", "i") == {"columns_compare: dfrom, dto", "implies: b, dto", "unique: i, b", "unique: i"}
    assert found("dfrom", "dto") == {"columns_compare: dfrom, dto"}
    assert found("dfrom", "b") == set()
    assert found("i") == {"unique: i"}
    assert found("dto", "b") == {"implies: b, dto"}
    part = only(contract, ["dfrom", "b"])
    assert (list(part.columns), part.checks, part.unique) == (["dfrom", "b"], [], None)
