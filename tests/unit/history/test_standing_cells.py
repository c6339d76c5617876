"""An attack: two answers of a standing task, set against each other, tell what a single newcomer's value is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

MEAN: dict[str, Any] = {"kind": "mean", "column": "age", "by": "sex"}
FILTERED: dict[str, Any] = {"kind": "mean", "column": "age", "where": "sex == 'f'"}


def write(path: Path, *, women: int, men: int) -> None:
    people = [(f"w{n}", 30 + n, "f") for n in range(women)] + [(f"m{n}", 40 + n, "m") for n in range(men)]
    path.write_text("patient,age,sex\n" + "".join(f"{who},{age},{sex}\n" for who, age, sex in people))


def cells(run: dict[str, Any]) -> dict[Any, tuple[Any, Any]]:
    return {cell["key"][0] if cell["key"] else None: (cell["values"]["n"], cell["values"]["sum"]) for cell in run["result"]["cells"]}


def kept_back(run: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["rule"], one["scope"]) for one in run["result"]["suppressed"]]


def test_one_newcomer_among_eight_is_not_told(lone: Any, tmp_path: Path):
    path = tmp_path / "people.csv"
    write(path, women=20, men=20)
    pod = lone([{"name": "people", "kind": "csv", "path": str(path), "key": ["patient"], "force_types": {"age": "continuous"}}])
    repeat = {"cron": "0 6 * * *", "until": int(time.time()) + 86_400, "cumulative": True}

    def stand(algorithm: dict[str, Any]) -> dict[str, Any]:
        first: dict[str, Any] = pod.do("ask", task={**pod.task(algorithm), "repeat": repeat})
        assert first["status"] == "released"
        return first

    def again(first: dict[str, Any]) -> dict[str, Any]:
        run: dict[str, Any] = pod.do("again", run=first["id"])["run"]
        return run

    by_sex, of_women = stand(MEAN), stand(FILTERED)
    assert cells(by_sex)["f"] == cells(of_women)[None]

    write(path, women=21, men=28)  # nine in all, and one of them a woman, who is 50
    run = again(by_sex)
    assert (run["status"], set(cells(run)), kept_back(run)) == ("released", {"m"}, [("too_few_new", "cells")])
    run = again(of_women)
    assert (run["status"], kept_back(run), run["counted"]) == ("suppressed", [("too_few_new", "result")], False)

    write(path, women=29, men=28)  # eight more, beside the one who is used and was not told of
    run = again(by_sex)
    assert (run["status"], kept_back(run)) == ("released", [])
    assert cells(run) == {"f": (29, sum(range(30, 59))), "m": (28, sum(range(40, 68)))}
    assert cells(again(of_women)) == {None: cells(run)["f"]}
