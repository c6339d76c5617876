"""What a pod's database keeps of changed schemas: versions, changes from one to the next, and what is open; on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlmodel import select

from podium import project
from podium.contracts import Category, Column, DatasourceSchema

project.activate()

from schemas.changes import ChangeStore  # noqa: E402
from schemas.records import SchemaRecord  # noqa: E402
from schemas.stores import PodDatabase, SchemaStore  # noqa: E402

AGE = Column(name="age", type="integer", semantic="continuous", nulls=0)
LEVELS = (Category(value="f", rows=300), Category(value="m", rows=100))
SEX = Column(name="sex", type="text", semantic="categorical", nulls=0, categories=LEVELS)
NEW = Column(name="new", type="date", semantic="date", nulls=0)


def taken(database, *columns, at=1, stage="full"):
    schema = DatasourceSchema(
        datasource="p", stage=stage, rows=400 if stage == "full" else None, columns=columns, token=str(at), generated_at=at
    )
    SchemaStore(database).add(schema)


def versions(database):
    with database.transaction() as session:
        return [(one.no, one.at) for one in session.exec(select(SchemaRecord).order_by(SchemaRecord.no)).all()]


def settled(database):
    return [(one.level, one.settled_by) for one in reversed(ChangeStore(database).every("p"))]


def test_a_schema_that_says_the_same_is_no_new_version_but_is_known_to_be_of_these_data(database):
    taken(database, AGE, SEX, at=1)
    taken(database, AGE, SEX, at=2, stage="partial")
    taken(database, AGE, SEX, at=3)
    ((first, at),) = versions(database)
    assert at == 3
    assert SchemaStore(database).latest("p").token == "3"
    taken(database, AGE, at=4)
    assert [one[1] for one in versions(database)] == [3, 4]
    assert versions(database)[0][0] == first


def test_a_change_is_kept_once_with_the_versions_it_lies_between(database):
    changes = ChangeStore(database)
    assert (changes.note("p"), changes.standing("p")) == (None, None)
    taken(database, AGE, SEX, at=1)
    assert (changes.note("p"), changes.standing("p")) == (None, None)
    taken(database, AGE, SEX, NEW, at=2)
    assert changes.note("p").level == "note"
    assert changes.note("p") is None
    (kept,) = changes.every("p")
    assert [kept.before, kept.after] == [no for no, _ in versions(database)]
    assert not changes.is_open("p")
    assert not changes.standing("p").open


def test_drift_stays_open_against_the_last_schema_that_was_accepted_until_it_is_accepted(database):
    changes = ChangeStore(database)
    for at, columns in enumerate([(AGE, SEX), (AGE, SEX, NEW), (SEX, NEW), (SEX,)], start=1):
        taken(database, *columns, at=at)
        changes.note("p")
    assert settled(database) == [("note", ""), ("break", ""), ("break", "")]
    standing = changes.standing("p")
    assert (standing.open, standing.since, standing.at) == (True, 2, 4)
    assert {change.column for change in standing.drift.changes} == {"age", "new"}
    assert changes.accept("p", now=9) == 2
    assert changes.accept("p", now=9) == 0
    assert settled(database) == [("note", ""), ("break", "custodian"), ("break", "custodian")]
    assert not changes.is_open("p")
    taken(database, SEX, NEW, at=5)  # from now on the accepted schema is what later ones are compared with
    assert changes.note("p").level == "note"
    assert not changes.standing("p").open


def test_data_that_are_back_as_they_were_settle_it(database):
    changes = ChangeStore(database)
    for at, columns in enumerate([(AGE, SEX), (SEX,), (AGE, SEX)], start=1):
        taken(database, *columns, at=at)
        changes.note("p")
    assert settled(database) == [("break", "data"), ("note", "")]
    assert not changes.is_open("p")


def test_what_the_policy_ignores_is_kept_and_never_open(database):
    taken(database, AGE, SEX)
    taken(database, SEX)
    assert ChangeStore(database).note("p", settled_by="policy").level == "break"
    assert settled(database) == [("break", "policy")]
    assert not ChangeStore(database).is_open("p")


def test_columns_that_the_custodian_has_spoken_of_are_no_news(database):
    taken(database, AGE, SEX)
    taken(database, SEX)
    assert ChangeStore(database).note("p", decided=["age"]).level == "none"


def test_other_datasources_are_left_alone(database):
    changes = ChangeStore(database)
    taken(database, AGE, SEX)
    SchemaStore(database).add(DatasourceSchema(datasource="q", stage="full", rows=1, columns=(AGE,)))
    assert changes.note("q") is None
    taken(database, SEX)
    changes.note("p")
    assert (changes.is_open("p"), changes.is_open("q"), changes.accept("q", now=1)) == (True, False, 0)


def test_a_schema_of_another_version_says_nothing_and_harms_nothing(database):
    taken(database, AGE, SEX)
    with database.transaction() as session:
        session.exec(select(SchemaRecord)).one().body = '{"v": 9}'
    taken(database, SEX, at=2)
    assert ChangeStore(database).note("p") is None
    assert ChangeStore(database).standing("p") is None


def test_a_database_of_the_version_before_opens_with_all_that_is_in_it(tmp_path):
    """One from before there was a table for changes, too: it gets one."""
    before = (Path(__file__).parent / "layout_2.sqlite.sql").read_text().splitlines()
    with sqlite3.connect(tmp_path / "pod.db") as old:
        old.executescript("".join(line for line in before if "schema_change" not in line))
        old.execute("INSERT INTO pod VALUES (1, 'demo/a', 2)")
        for at, columns in ((1, (AGE, SEX)), (2, (SEX,))):
            body = DatasourceSchema(datasource="p", stage="full", rows=400, columns=columns, generated_at=at).model_dump_json()
            old.execute("INSERT INTO datasource_schema (datasource, stage, token, body, at) VALUES ('p', 'full', '', ?, ?)", (body, at))
    old.close()
    database = PodDatabase.of(folder=tmp_path, pod="demo/a")
    assert ChangeStore(database).note("p").level == "break"
    assert ChangeStore(database).accept("p", now=3) == 1
    database.close()
    with pytest.raises(Exception, match="belongs to demo/a"):
        PodDatabase.of(folder=tmp_path, pod="demo/b")
