"""Pod and ask files that are hostile or merely broken: each is refused in one sentence, quickly, and never by a traceback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from podium.config import read_ask_file, read_pod_file
from podium.errors import ConfigError
from podium.plain_yaml import MAX_BYTES

GOOD = "pod: {name: a, owner: demo}\ndatasources: [{name: x, kind: csv, path: x.csv}]\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8))

HOSTILE = {
    "alias bomb": BOMB,
    "merge key": "pod: &p {name: a}\nhub: {<<: *p}\n",
    "python object": "pod: !!python/object/apply:os.system ['true']\n",
    "unknown tag": "pod: !secret x\n",
    "deep lists": "pod: " + "[" * 2_000,
    "deep mappings": "pod: " + "{a: " * 2_000,
    "deep blocks": "".join(" " * i + "a:\n" for i in range(600)),
    "huge number": GOOD + f"disclosure: {{min_cell: {'9' * 5000}}}\n",
    "no such day": "pod: {name: 2024-13-45, owner: demo}\n",
    "nul in a path": 'pod: {name: a, owner: demo}\ndatasources: [{name: x, kind: csv, path: "a\\0b"}]\n',
    "no such home": "pod: {name: a, owner: demo}\ndatasources: [{name: x, kind: csv, path: ~nosuchuser/x.csv}]\n",
    "datasources is a number": "pod: {name: a, owner: demo}\ndatasources: 5\n",
    "datasources is a word": "pod: {name: a, owner: demo}\ndatasources: csv\n",
    "datasources holds numbers": "pod: {name: a, owner: demo}\ndatasources: [1, 2]\n",
    "list as a key": "? [a, b]\n: c\n",
    "number as a key": GOOD + "5: x\n",
    "only a list": "- a\n",
    "nothing": "",
    "not UTF-8": b"pod: \xff\xfe",
    "nul bytes": b"pod: \0\0\0",
    "too large": "# " + "x" * MAX_BYTES,
    "infinite": GOOD + "limits: {run_seconds: .inf}\n",
    "not a number": GOOD + "disclosure: {min_cell: .nan}\n",
    "name with a path": "pod: {name: ../../etc, owner: demo}\ndatasources: [{name: x, kind: csv, path: x.csv}]\n",
    "owner with a path": "pod: {name: a, owner: ../demo}\ndatasources: [{name: x, kind: csv, path: x.csv}]\n",
    "datasource with a path": "pod: {name: a, owner: demo}\ndatasources: [{name: ../x, kind: csv, path: x.csv}]\n",
    "name in other letters": "pod: {name: \u0430, owner: demo}\ndatasources: [{name: x, kind: csv, path: x.csv}]\n",
    "a line break in a name": 'pod: {name: "a\\n", owner: demo}\ndatasources: [{name: x, kind: csv, path: x.csv}]\n',
    "hub without http": GOOD + "hub: {url: file:///etc/passwd}\n",
    "a key twice": GOOD + "disclosure: {min_cell: 20}\ndisclosure: {}\n",
    "a nested key twice": GOOD + "disclosure: {min_cell: 20, min_cell: 1}\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_it_is_refused_in_one_sentence(text: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        read_pod_file(path)
    assert len(str(caught.value)) < 600
    assert time.process_time() - began < 20


def test_the_good_one_passes(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(GOOD)
    assert read_pod_file(path).identifier == "demo/a"


def test_a_key_that_stands_twice_is_named_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(GOOD + "disclosure:\n  min_cell: 20\n  round_to: 5\n  min_cell: 1\n")
    with pytest.raises(ConfigError, match="'min_cell' stands twice, first at line 4 and again, at line 6") as caught:
        read_pod_file(path)
    assert (caught.value.field, caught.value.remedy) == ("pod.yaml", "Keep the one that you mean.")


@pytest.mark.parametrize(
    "text", ["pod: &p {name: a}\n", "a: !!bool maybe\n", "a: !!int ''\n", "a: {yes: 1}\n", "a: 190:20:30.5:1\nb: 0b_\n"]
)
def test_what_yaml_reads_in_its_own_way_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="at line"):
        read_pod_file(path)


@pytest.mark.parametrize("name", ["deep lists", "huge number", "no such day", "a key twice", "alias bomb", "nul bytes"])
def test_an_ask_file_likewise(name: str, tmp_path: Path) -> None:
    path = tmp_path / "ask.yaml"
    text = HOSTILE[name]
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError):
        read_ask_file(path)


def test_a_device_or_a_folder_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(ConfigError):
            read_pod_file(path)
