"""The page that a custodian reads: what changed, since when, what to do; and nothing in it that data could have written."""

from __future__ import annotations

from dataclasses import replace

from podium.config import DisclosureSection
from podium.contracts import Column, DatasourceSchema
from podium.drift.diff import compare
from podium.drift.page import Facts, page, plain

FACTS = Facts(pod="demo/a", datasource="patients", since="1 May", at="2 May", before=3, after=4, open=True, policy="stop")
RULES = DisclosureSection()


def schema(*names, rows=403):
    columns = tuple(Column(name=name, type="integer", semantic="continuous", nulls=0) for name in names)
    return DatasourceSchema(datasource="patients", stage="full", rows=rows, columns=columns)


def test_what_changed_since_when_and_what_to_do():
    text = page(compare(schema("a", "b"), schema("b", "c")), FACTS, RULES)
    assert text.startswith("# patients has changed\n\nCompared: schema 3, taken 1 May, and schema 4, taken 2 May. Rows: 405 then, 405 now.")
    assert "### Break: questions are refused, or mean something else\n\n- **a**: column gone" in text
    assert "### Note: good to know\n\n- **c**: new column" in text
    assert "### Drift" not in text
    assert "**Tasks on it are refused**" in text
    assert "`podium pod drift demo/a --accept patients`" in text
    assert "'schema-generation/a@demo'" in text


def test_by_policy_and_by_whether_it_is_open():
    drift = compare(schema("a"), schema("b"))
    assert "refused**" not in page(drift, replace(FACTS, policy="warn"), RULES)
    assert "--accept patients" in page(drift, replace(FACTS, policy="warn"), RULES)
    assert "Nothing: tasks go on." in page(drift, replace(FACTS, open=False), RULES)
    assert page(compare(schema("a"), schema("a")), FACTS, RULES).startswith("# patients: nothing has changed\n")


def test_a_column_called_like_markup_is_shown_and_does_nothing():
    hostile = "[x](http://e) <img src=x> `c` | **b**\n# h\x1b\u202e"
    text = page(compare(schema("a"), schema("a", hostile)), FACTS, RULES)
    assert "\n# h" not in text
    assert not {"\x1b", "\u202e", "<"} & set(text)
    assert "\\[x\\]\\(http" in text
    assert plain("a_b*") == "a\\_b\\*"
