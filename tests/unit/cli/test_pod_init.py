"""A new pod file: it holds what was given, shows what holds anyhow, and replaces nothing."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from podium.config import PodConfig, read_pod_file

ROWS = "patient,age,sex\n" + "".join(f"p{i},{20 + i % 50},{'fm'[i % 2]}\n" for i in range(40))


def test_the_first_five_minutes(podium) -> None:
    Path("patients.csv").write_text(ROWS)
    said = podium("pod", "init", "--data", "patients.csv", "--name", "north", "--owner", "clinic", "--json").data
    assert said == {"file": str(Path("pod.yaml").absolute()), "pod": "clinic/north", "datasources": ["patients"], "missing": []}
    assert podium("pod", "check", "pod.yaml", "--json").data == {"pod": "clinic/north", "datasources": {"patients": "ok, 3 columns"}}
    assert Path("pod.yaml").stat().st_mode & 0o077 == 0


def test_what_is_commented_out_is_what_holds(podium) -> None:
    podium("pod", "init", "--data", "a.csv", "--data", "b.parquet", "--name", "north")
    text = Path("pod.yaml").read_text()
    plain = read_pod_file(Path("pod.yaml"))
    Path("all.yaml").write_text(re.sub(r"^#(?! )|^#(?=  +\w+:)", "", text, flags=re.MULTILINE))
    assert "\nlimits:\n  runs_at_once: 4\n" in Path("all.yaml").read_text()
    everything = read_pod_file(Path("all.yaml"))
    assert everything.model_copy(update={"datasources": plain.datasources}) == plain
    assert set(everything.model_fields_set) == set(PodConfig.model_fields)
    for name in PodConfig.model_fields:
        for key in getattr(PodConfig.model_fields[name].annotation, "model_fields", {}):
            assert re.search(rf"^#?\s+{key}:", text, re.MULTILINE), f"{name}.{key}"


def test_a_file_that_is_there_stays(podium) -> None:
    Path("pod.yaml").write_text("mine")
    error = podium("pod", "init", "--json", code=2).error
    assert (error["field"], "--force" in error["remedy"]) == ("FILE", True)
    assert Path("pod.yaml").read_text() == "mine"
    podium("pod", "init", "--force", "--name", "other")
    assert read_pod_file(Path("pod.yaml")).pod.name == "other"
    podium("pod", "init", "new/folder", "--name", "x")
    podium("pod", "init", "named.yml", "--name", "x")
    assert Path("new/folder/pod.yaml").is_file()
    assert Path("named.yml").is_file()


@pytest.mark.parametrize(
    "path", ["no.csv", "a: b #c.csv", 'it\'s "so".csv', "ü\nnew.csv", "null.csv", "1e3.tsv", " lead.csv", "- x.parquet"]
)
def test_any_path_is_read_back_as_it_was(podium, path: str) -> None:
    podium("pod", "init", "--data", path, "--name", "no")
    config = read_pod_file(Path("pod.yaml"))
    assert config.pod.name == "no"
    assert config.datasources[0]["path"] == str(Path(path).absolute())


def test_two_files_of_one_name_are_two_datasources(podium) -> None:
    podium("pod", "init", "--data", "a/x.csv", "--data", "b/X.parquet", "--data", "/c/x.tsv")
    sources = read_pod_file(Path("pod.yaml")).datasources
    assert [(s["name"], s["kind"]) for s in sources] == [("x", "csv"), ("x-2", "parquet"), ("x-3", "csv")]
    assert sources[2]["path"] == "/c/x.tsv"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--name", "No Good"], "pod.name"),
        (["--owner", "../x"], "pod.owner"),
        (["--hub", "ftp://x"], "hub.url"),
        (["--data", "a.docx"], "path"),
        (["--data", "a[1].docx"], "path"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_written(podium, options: list[str], field: str) -> None:
    error = podium("pod", "init", *options, "--json", code=2).error
    assert error["field"] == field
    assert not Path("pod.yaml").exists()


def test_a_name_from_the_folder(podium, tmp_path: Path) -> None:
    assert podium("pod", "init", "Nord Klinik (2)", "--owner", "x", "--json").data["pod"] == "x/nord-klinik-2"


def test_it_asks_at_a_terminal_and_nowhere_else(podium, tmp_path: Path) -> None:
    """Without a terminal `podium pod init` would wait here for ever."""
    command = [sys.executable, "-c", "from podium.cli import main; main()", "pod", "init"]
    main, terminal = pty.openpty()
    child = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal)
    os.write(main, b"asked\nrows.csv\n")
    assert child.wait(60) == 0, os.read(main, 9999)
    os.close(terminal)
    os.close(main)
    config = read_pod_file(Path("pod.yaml"))
    assert (config.pod.name, config.datasources[0]["name"]) == ("asked", "rows")
    Path("pod.yaml").unlink()
    waiting, _writer = os.pipe()  # an input that never ends and is no terminal
    assert subprocess.run(command, stdin=waiting, capture_output=True, timeout=60, check=False).returncode == 0
    assert read_pod_file(Path("pod.yaml")).pod.name == "work"
