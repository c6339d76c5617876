"""Only what is new: real runs of one question over data that change, each count beside the one made by hand."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

COUNT: dict[str, Any] = {"kind": "count", "by": "sex"}
COUNTS = ("new", "changed", "unchanged", "gone")


def table(numbers: Any, **ages: int) -> str:
    return "patient,age,sex\n" + "".join(f"p{n},{ages.get(f'p{n}', n % 80)},{'fm'[n % 2]}\n" for n in numbers)


def told(run: dict[str, Any]) -> tuple[Any, ...]:
    return (run["status"], run["code"], *(run[name] for name in COUNTS))


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder of three files, each a part of one table."""
    folder = tmp_path / "parts"
    folder.mkdir()
    for place in range(3):
        (folder / f"{place}.csv").write_text(table(range(100 * place, 100 * place + 100)))
    return folder


def source(folder: Path, **fields: Any) -> list[dict[str, Any]]:
    return [{"name": "patients", "kind": "csv", "path": str(folder), "key": ["patient"], **fields}]


def read(pod: Any) -> list[str]:
    """The parts that the last run read."""
    last = "SELECT part FROM batch WHERE part != '' AND token != '' AND run_no = (SELECT max(no) FROM run) ORDER BY no"
    return [Path(part).name.partition("#")[0] for (part,) in pod.rows(last)]


def test_a_repeat_reads_what_changed_and_uses_what_is_new(lone: Any, parts: Path):
    pod = lone(source(parts))
    assert told(pod.ask(COUNT, new=True)) == ("released", "", 300, 0, 0, 0)
    assert len(read(pod)) == 3
    assert told(pod.ask(COUNT, new=True))[:2] == ("suppressed", "nothing_new")
    assert read(pod) == []

    # twenty new, one changed, one gone, one moved to another part
    (parts / "1.csv").write_text(table([*range(101, 200), *range(1000, 1020)], p150=7))
    (parts / "2.csv").write_text(table([*range(200, 300), 100]))
    (parts / "0.csv").write_text(table(range(99)))
    run = pod.ask(COUNT, new=True)
    assert told(run) == ("released", "", 20, 1, 298, 1)
    assert sum(cell["values"]["count"] for cell in run["result"]["cells"]) == 20  # 21, rounded at ten and eleven
    assert told(pod.ask(COUNT, new=True))[:2] == ("suppressed", "nothing_new")

    # who comes back was forgotten, and is new
    (parts / "0.csv").write_text(table([*range(99), 99, *range(2000, 2030)]))
    assert told(pod.ask(COUNT, new=True)) == ("released", "", 31, 0, 319, 0)

    # another question, another column list: everything is new
    assert told(pod.ask({"kind": "count"}, new=True)) == ("released", "", 350, 0, 0, 0)


def test_a_file_that_goes_takes_its_datapoints_with_it_and_one_that_comes_back_is_new(lone: Any, parts: Path):
    pod = lone(source(parts))
    pod.ask(COUNT, new=True)
    kept = (parts / "2.csv").read_bytes()
    (parts / "2.csv").unlink()
    assert told(pod.ask(COUNT, new=True)) == ("suppressed", "nothing_new", 0, 0, 200, 100)
    (parts / "2.csv").write_bytes(kept)
    assert told(pod.ask(COUNT, new=True)) == ("released", "", 100, 0, 200, 0)


def test_a_cumulative_answer_costs_the_parts_that_changed_and_is_that_from_scratch(lone: Any, parts: Path):
    algorithms = [COUNT, {"kind": "mean", "column": "age", "by": "sex"}, {"kind": "variance", "column": "age"}]
    pod = lone(source(parts))
    for algorithm in algorithms:
        assert told(pod.ask(algorithm)) == ("released", "", 300, 0, 0, 0)
    (parts / "1.csv").write_text(table([*range(110, 200), *range(1000, 1040)], p150=71, p151=3))
    scratch = lone(source(parts), name="scratch")
    for algorithm in algorithms:
        again = pod.ask(algorithm)
        assert told(again) == ("released", "", 40, 2, 288, 10)
        assert read(pod) == ["1.csv"]
        assert scratch.ask(algorithm)["result"] == again["result"]
        same = pod.ask(algorithm)
        assert told(same) == ("released", "", 0, 0, 330, 0)
        assert (read(pod), same["result"]) == ([], again["result"])


def test_several_questions_at_once_on_one_source(lone: Any, parts: Path):
    pod = lone(source(parts))
    questions = [COUNT, {"kind": "count"}, {"kind": "mean", "column": "age"}]
    runs = pod.do("together", tasks=[pod.task(question, new=True) for question in questions])
    assert [told(run) for run in runs] == [("released", "", 300, 0, 0, 0)] * 3


def test_the_same_question_twice_at_once_uses_each_datapoint_once(lone: Any, parts: Path):
    pod = lone(source(parts))
    runs = pod.do("together", tasks=[pod.task(COUNT, new=True)] * 2)
    assert sorted(run["status"] for run in runs) == ["released", "suppressed"]
    assert pod.rows("SELECT count(*), count(DISTINCT key) FROM datapoint") == [(300, 300)]
    (parts / "0.csv").write_text(table(range(10, 120)))
    (parts / "1.csv").write_text(table(range(120, 220)))
    (parts / "2.csv").write_text(table(range(220, 320)))
    found = sorted((run["counted"], run["new"], run["gone"]) for run in pod.do("together", tasks=[pod.task(COUNT, new=True)] * 2))
    assert found == [(False, None, None), (True, 20, 10)]  # the one that came too late has found nothing, nor what it saw go before


def test_a_bad_datapoint_goes_to_quarantine_and_the_others_finish(lone: Any, parts: Path):
    pod = lone(source(parts))
    contract = pod.database.parent / "contracts" / "patients.yaml"
    contract.write_text(contract.read_text().replace("  age:\n", "  age:\n    less_than: 79\n"))
    run = pod.ask({"kind": "count"}, new=True)
    assert (run["status"], run["quarantined"], run["new"]) == ("released", 3, 297)
    assert pod.rows("SELECT count(*), count(DISTINCT rule) FROM quarantine") == [(3, 1)]
    assert told(pod.ask({"kind": "count"}, new=True))[:2] == ("suppressed", "nothing_new")
    (parts / "0.csv").write_text(table([*range(100), *range(3000, 3020)], p79=5))
    again = pod.ask({"kind": "count"}, new=True)
    assert (again["status"], again["new"], again["changed"]) == ("released", 20, 1)


def test_too_many_bad_datapoints_are_no_answer(lone: Any, parts: Path):
    pod = lone(source(parts))
    contract = pod.database.parent / "contracts" / "patients.yaml"
    text = contract.read_text()
    # of three rules the second and third are about no single row: nothing is in quarantine for them
    for rule in ("less_than: 40", "unique: true", "dtype: String"):
        mended = text.replace("    dtype: Int64\n", "", 1) if "dtype" in rule else text
        contract.write_text(mended.replace("  age:\n", f"  age:\n    {rule}\n"))
        run = pod.ask({"kind": "mean", "column": "age"})
        assert (run["status"], run["code"], run["counted"]) == ("failed", "contract", False), rule
    assert pod.rows("SELECT (SELECT count(*) FROM batch), (SELECT count(*) FROM datapoint)") == [(0, 0)]


def test_the_share_of_bad_datapoints_is_that_of_the_source(lone: Any, parts: Path):
    pod = lone(source(parts, max_bad_share=0.02))
    contract = pod.database.parent / "contracts" / "patients.yaml"
    contract.write_text(contract.read_text().replace("  age:\n", "  age:\n    less_than: 500\n"))
    assert pod.ask({"kind": "count"})["status"] == "released"
    (parts / "3.csv").write_text(table(range(4000, 4020), p4001=501, p4002=502))
    run = pod.ask({"kind": "count"})
    assert (run["status"], run["quarantined"], read(pod)) == ("released", 2, ["3.csv"])
    (parts / "4.csv").write_text(table(range(5000, 5020), p5001=501, p5002=502, p5003=503, p5004=504, p5005=505))
    again = pod.ask({"kind": "count"})
    assert (again["status"], again["code"], read(pod)) == ("failed", "contract", [])  # five in the last part, and two before


def test_states_that_cannot_be_used_are_made_again(lone: Any, parts: Path):
    pod = lone(source(parts))
    first = pod.ask(COUNT)
    (parts / "3.csv").write_text(table(range(4000, 4040)))
    with sqlite3.connect(pod.database) as database:
        database.execute("""UPDATE batch SET state = '{"v": 0}' WHERE state IS NOT NULL""")
    again = pod.ask(COUNT)
    assert (first["status"], again["status"], again["tries"]) == ("released", "released", 2)
    assert sum(cell["values"]["count"] for cell in again["result"]["cells"]) == 340
    assert sorted(read(pod)) == ["0.csv", "1.csv", "2.csv", "3.csv"]
