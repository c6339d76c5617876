"""A regression whose first round has left, and whose analyst then says nothing more: the history names whom that round rests on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any


def test_a_round_that_left_is_in_the_history_of_its_datapoints(lone: Any, tmp_path: Path):
    draw, path = random.Random(1), tmp_path / "people.csv"
    people = [(n, draw.randrange(30, 60), draw.randrange(100)) for n in range(200)]
    path.write_text("patient,age,score\n" + "".join(f"p{n},{age},{score}\n" for n, age, score in people))
    forced = {"age": "continuous", "score": "continuous"}
    source = {"name": "people", "kind": "csv", "path": str(path), "key": ["patient"], "force_types": forced}
    pod = lone([source], limits={"wait_seconds": 1})
    algorithm = {"kind": "linear", "target": "score", "features": ["age"]}
    run = pod.do("ask", task={**pod.task(algorithm), "protocol": {"kind": "many_rounds"}})
    assert pod.rows("SELECT count(*) FROM round WHERE answered_at IS NOT NULL") == [(1,)]
    assert (run["status"], run["code"], run["counted"], run["new"]) == ("expired", "expired", True, 200)
    assert pod.rows("SELECT count(*), count(DISTINCT key) FROM datapoint") == [(200, 200)]
