"""Two pods on one PostgreSQL server: each has a schema of its own, and neither sees the other's tables."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from history_world import Question, done, key, mark
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

from podium import project
from podium.errors import ConfigError

project.activate()

from schemas.opening import LONGEST, quoted, schema_name  # noqa: E402
from schemas.reading import RunReader  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402

NAMES = st.text("ab1._-", min_size=1, max_size=63)
PODS = st.builds("{}/{}".format, NAMES, NAMES)
LONG = "university-hospital-of-somewhere-rather-far-away/cardiology-ward-"


@given(PODS, PODS)
def test_no_two_pods_have_a_schema_alike(one: str, other: str) -> None:
    assert (schema_name(one) == schema_name(other)) == (one == other)
    assert 0 < len(schema_name(one).encode()) <= LONGEST


def test_names_that_are_alike_but_for_their_end() -> None:
    names = {schema_name(f"{LONG}{ward}") for ward in range(50)}
    assert len(names) == 50
    assert all(len(name) <= LONGEST and "#" in name for name in names)
    assert schema_name("clinic/north") == "clinic/north"
    assert quoted('a"b') == '"a""b"'


@pytest.fixture
def pods(postgres: str) -> Iterator[dict[str, PodDatabase]]:
    opened = {pod: PodDatabase(postgres, pod=pod) for pod in ("clinic/north", f"{LONG}1", f"{LONG}2")}
    yield opened
    for database in opened.values():
        SQLModel.metadata.drop_all(database.engine)
        database.close()


def test_pods_commit_beside_each_other(pods: dict[str, PodDatabase], postgres: str, tmp_path: Path) -> None:
    together, questions = threading.Barrier(len(pods)), [Question(database) for database in pods.values()]
    assert {question.no for question in questions} == {1}
    runs = [question.begin() for question in questions]

    def work(at: int) -> None:
        together.wait()
        for no in range(4):
            questions[at].commit(runs[at], no, done(*range(no * 500, no * 500 + 500), version=at + 1), part=f"p{no}")
        questions[at].release(runs[at], None)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(len(runs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for at, (pod, question) in enumerate(zip(pods, questions, strict=True)):
        assert {one: said[0] for one, said in question.known().items()} == {key(n): mark(at + 1) for n in range(2000)}
        reader = RunReader(folder=tmp_path, pod=pod, url=postgres)
        assert [run["id"] for run in reader.runs(10)] == [runs[at]]
        reader.close()
    again = PodDatabase(postgres, pod="clinic/north")
    assert len(Question(again).runs.recent()) == 1
    again.close()
    with pytest.raises(ConfigError, match="cannot be read"):
        RunReader(folder=tmp_path, pod="clinic/south", url=postgres)


def test_tables_in_public_are_used_by_the_pod_that_they_belong_to(postgres: str, tmp_path: Path) -> None:
    first = PodDatabase(postgres)  # as it was before pods had schemas of their own
    with first.transaction() as session:
        session.execute(text("INSERT INTO pod VALUES (1, 'clinic/old', 3)"))
    run = Question(first).begin()
    mine, other = PodDatabase(postgres, pod="clinic/old"), PodDatabase(postgres, pod="clinic/new")
    try:
        assert [found.id for found in Question(mine).runs.recent()] == [run]
        assert Question(other).runs.recent() == []
        reader = RunReader(folder=tmp_path, pod="clinic/old", url=postgres)
        assert reader.like("") == [run]
        reader.close()
    finally:
        for database in (mine, other):
            SQLModel.metadata.drop_all(database.engine)
            database.close()
        first.close()


def test_who_may_make_no_schema_is_told(postgres: str) -> None:
    engine = create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(text("CREATE ROLE visitor LOGIN"))
    try:
        with pytest.raises(ConfigError, match="permission denied") as caught:
            PodDatabase(postgres.replace("postgres:@", "visitor:@"), pod="clinic/east")
        assert "schema" in caught.value.remedy
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP ROLE visitor"))
        engine.dispose()
