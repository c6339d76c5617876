"""The queries that the reference page offers, run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

from history_world import NOTHING, Question, done, key, mark, report
from sqlalchemy import text

from podium.contracts import Outcome
from schemas.stores import PodDatabase

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "history-tables.md"


def test_the_queries_of_the_reference_page(database: PodDatabase) -> None:
    question, other = Question(database), Question(database)
    first, second, open_, third = question.begin(), question.begin(), question.begin(), other.begin()
    question.commit(first, 0, done(*range(10)))
    question.commit(first, 1, report([(key(20), mark(1), Outcome.QUARANTINED)]), part="b")
    question.release(first, None, total=11, new=10)
    gone = [(key(1), NOTHING, Outcome.GONE), (key(2), mark(2), Outcome.DONE), (key(3), mark(1), Outcome.QUARANTINED)]
    question.commit(second, 0, report(gone))
    question.commit(second, 1, report([]), part="b", token="")
    question.release(second, question.number(first), total=10, changed=2, gone=1)
    question.commit(open_, 0, done(1, 99, version=9))  # not counted: it is in no answer
    other.commit(third, 0, done(1, version=5))
    other.release(third, None, total=1)
    for tick, run in enumerate((first, second, third)):
        question.runs.note(run, finished_at=tick)

    queries = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    with database.engine.connect() as connection:
        found = [
            [tuple(row) for row in connection.execute(text(query), {"key": key(1)} if ":key" in query else {}).all()] for query in queries
        ]
    assert found == [
        [("p", "mean", 1, 1, 2), ("p", "mean", 10, 2, 1)],
        [(first, "", 10, 0, 0, 0, 0), (second, "", 0, 2, 0, 1, 0), (third, "", 0, 0, 0, 0, 0)],
        [("mean", first, 0, 0), ("mean", second, 1, 2), ("mean", third, 2, 0)],
        [(question.no, 0, 8), (question.no, 1, 2), (question.no, 2, 1), (other.no, 0, 1)],
        [("min_age: age", 2)],
        [(question.no, "a", second, 3), (other.no, "a", third, 1)],
    ]


def test_one_datapoint_is_found_by_the_key_of_its_table(database: PodDatabase) -> None:
    pages = (PAGE, PAGE.parents[1] / "explanation" / "run-history.md")
    queries = [query for page in pages for query in re.findall(r"```sql\n(.*?)```", page.read_text(), re.DOTALL) if ":key" in query]
    assert len(queries) == 2
    with database.engine.connect() as connection:
        for query in queries:
            assert connection.execute(text(query), {"key": key(1)}).all() == []
            if connection.dialect.name == "sqlite":
                plan = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}"), {"key": key(1)})]
                assert [step for step in plan if "datapoint" in step] == [
                    "SEARCH datapoint USING PRIMARY KEY (run_no=? AND batch=? AND key=?)"
                ]


def test_every_table_of_the_history_is_on_the_page() -> None:
    page = PAGE.read_text()
    for table in ("history_task", "run", "batch", "datapoint", "quarantine"):
        assert f"| `{table}` |" in page
    for outcome in Outcome:
        assert re.search(rf"\b{int(outcome)} [a-z]", page)
