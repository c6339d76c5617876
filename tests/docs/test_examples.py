"""What the documents show works: YAML parses with the real parsers, Python compiles, commands exist, links lead somewhere."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib

import pytest
import yaml
from cli_tree import command_of, leaves, options_of
from pages import ROOT, Block, blocks, pages, prose

from podium.algorithms import Additive, Algorithm
from podium.config import read_ask_file, read_pod_file
from podium.datasources import Datasource
from podium.errors import ConfigError, DataSourceError
from podium.project import load
from podium.protocols import Protocol
from podium.testing import check_algorithm, check_datasource

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    dead = []
    for target in _LINK.findall(prose(path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert not dead


def anchors(file):
    """The anchors of a page's headings, as they are commonly made."""
    headings = re.findall(r"^#{1,6} (.+)$", prose(file.read_text("utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_parses_with_the_real_parsers(block: Block, tmp_path, taught):
    assert block.text.startswith("# "), "say in the first line which file this is"
    file = tmp_path / "example.yaml"
    file.write_text(block.text)
    if "schema_type" in (found := yaml.safe_load(block.text)):
        load("schemas.contract_file").load(file)
    elif "pod" in found:
        for fields in read_pod_file(file).datasources:
            Datasource.load(fields)
    else:
        asked = read_ask_file(file)
        Algorithm.load(asked.algorithm)
        if asked.protocol:
            Protocol.load(asked.protocol)


def test_a_wrong_example_would_be_caught(tmp_path):
    file = tmp_path / "pod.yaml"
    file.write_text("pod: {name: north}\ndatasources: [{name: a, kind: csv, path: a.csv}]\ndisclosure: {min_cel: 3}\n")
    with pytest.raises(ConfigError, match="min_cell"):
        read_pod_file(file)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_compiles(block: Block):
    compile(block.text, str(block), "exec")


def test_the_history_is_asked_as_its_page_says(tmp_path):
    asked = [block.text for block in blocks("sql") if block.page.endswith("run-history.md")]
    assert asked
    load("schemas.datapoints")
    load("schemas.stores").PodDatabase(f"sqlite:///{tmp_path / 'pod.db'}").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "pod.db")) as database:
        for query in asked:
            assert database.execute(query, {"key": bytes(16)}).fetchall() == []


@pytest.mark.parametrize("kind", ["share", "rate"])
def test_the_taught_algorithms_keep_the_contract_and_add(taught, kind):
    assert issubclass(taught[kind], Additive)
    check_algorithm(taught[kind].sample())


def test_the_taught_datasource_keeps_the_contract(taught, tmp_path):
    check_datasource(taught["feather"].sample(tmp_path))


def test_the_taught_datasource_has_a_part_a_file_and_refuses_one_that_changed(taught, tmp_path):
    source = taught["feather"].sample(tmp_path)
    first, second = source.partitions()
    rows = [row for batch in source.read_part(second, ["id"]) for row in batch.column("id").to_pylist()]
    assert rows == [2, 3]
    (tmp_path / first.id).write_bytes((tmp_path / second.id).read_bytes())
    with pytest.raises(DataSourceError, match="changed"):
        list(source.read_part(first, ["id"]))
    assert source.partitions()[1] == second


def test_the_taught_datasource_works_from_a_package_of_its_own(tmp_path):
    """As the page says: the same class, and one entry point."""
    page = "docs/how-to/add-a-datasource.md"
    (code,) = [block.text for block in blocks("python") if block.page == page]
    (declared,) = [block.text for block in blocks("toml") if block.page == page]
    ((group, points),) = tomllib.loads(declared)["project"]["entry-points"].items()
    package = tmp_path / "your_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "feather.py").write_text(code)
    about = tmp_path / "your_package-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: your-package\nVersion: 1\n")
    (about / "entry_points.txt").write_text("\n".join([f"[{group}]", *(f"{kind} = {place}" for kind, place in points.items())]))
    program = """
import sys, pathlib
from podium.datasources import Datasource, rebuildable
from podium.testing import check_datasource
assert "feather" in Datasource.kinds() and "your_package" not in sys.modules
source = Datasource.of("feather").sample(pathlib.Path(sys.argv[1]))
rebuildable(source)
check_datasource(source)
print(type(source).__module__)
"""
    home = tmp_path / "rows"
    home.mkdir()
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", program, str(home)], capture_output=True, text=True, env=env, check=False)
    assert done.stdout.strip() == "your_package.feather", done.stderr


def commands() -> list[tuple[str, str]]:
    """(page, command line) of every podium command in a shell block."""
    found = []
    for block in blocks("sh"):
        for line in block.text.splitlines():
            words = line.partition("#")[0].strip()
            inner = re.search(r"\$\((podium [^)]*)\)", words)
            words = inner.group(1) if inner else words
            if words.startswith("podium "):
                found.append((block.page, words))
    return found


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda value: value.replace("/", "_"))
def test_commands_exist(page, line):
    words = shlex.split(line)[1:]
    verb, rest = command_of(words)
    known = options_of(leaves()[verb])
    given = [word for word in rest if word.startswith("-")]
    assert set(given) <= known, f"{page}: podium {verb} has no {set(given) - known}"


def test_there_are_examples_to_check():
    assert len(commands()) > 20
    assert len(blocks("yaml")) > 5
    assert {block.language for block in blocks("sh")} == {"sh"}
