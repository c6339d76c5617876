"""Everything that people may write or read has its line in the reference, and nothing stands there that does not exist."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from typing import get_args

import pytest
import typer
from cli_tree import leaves, options_of
from pages import DOCS, ROOT, keys, reference, rows, sections
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import podium
from podium import cli, errors
from podium.algorithms import Algorithm
from podium.client.session import connect
from podium.config import AskFile, DisclosureSection, PodConfig, Settings
from podium.contracts import FINAL, ColumnType, SemanticType, Status
from podium.datasources import Datasource
from podium.datasources._files import Files
from podium.pod import Pod, arguments
from podium.policy.access import TaskView
from podium.policy.decide import REASONS
from podium.project import load
from podium.protocols import Protocol


def same(documented, real):
    """Both ways, so that a failure names what is missing and what is there for nothing."""
    missing, invented = set(real) - set(documented), set(documented) - set(real)
    assert not missing, f"not documented: {sorted(missing)}"
    assert not invented, f"documented, and not there: {sorted(invented)}"


def sections_of_the_pod_file():
    return {name: field.annotation for name, field in PodConfig.model_fields.items()}


@pytest.mark.parametrize("name", [name for name in sections_of_the_pod_file() if name != "datasources"])
def test_pod_file_sections(name):
    model = PodConfig.model_fields[name].annotation
    assert issubclass(model, BaseModel)
    documented = keys(sections(reference("pod-file"))[name])
    same(documented, model.model_fields)
    for key, field in model.model_fields.items():
        if (default := field.default) is not PydanticUndefined:
            expected = default if isinstance(default, str) and default else json.dumps(default)
            assert documented[key][0].strip("`") == expected, f"{name}.{key}: its default is {default!r}"


def test_pod_file_has_no_other_section():
    headings = [line.strip("# `") for line in reference("pod-file").splitlines() if line.startswith("## `")]
    same(headings, sections_of_the_pod_file())


def test_pod_file_example_has_every_section():
    example = re.search(r"```yaml\n(.*?)```", reference("pod-file"), re.DOTALL).group(1)
    same(re.findall(r"^(\w+):", example, re.MULTILINE), sections_of_the_pod_file())


def ours(family):
    """The kinds of this repository: another package that is installed here documents its own."""
    return [kind for kind in family.kinds() if family.of(kind).__module__.startswith(f"{family.package}.")]


@pytest.mark.parametrize("kind", ours(Datasource))
def test_datasource_kinds(kind):
    page = sections(reference("pod-file"))
    assert kind in page, f"kind {kind} is not documented"
    common = keys(page["datasources"])
    same(common, {*Datasource.model_fields, "schema"})
    of_files = keys(page["Files"]) if issubclass(Datasource.of(kind), Files) else {}
    same(keys(page["Files"]), set(Files.model_fields) - set(common))
    same(keys(page[kind]), set(Datasource.of(kind).model_fields) - set(common) - set(of_files))


@pytest.mark.parametrize("kind", ours(Datasource))
def test_endings_that_tell_a_kind(kind):
    section = sections(reference("cli"))["podium data profile"]
    assert [ending for ending in Datasource.of(kind).suffixes if f"`{ending}`" not in section] == []


@pytest.mark.parametrize("literal", [SemanticType, ColumnType])
def test_column_types(literal):
    text = reference("pod-file")
    assert [value for value in get_args(literal) if f"`{value}`" not in text] == []


def test_contract():
    page, words, file = sections(reference("contract")), load("schemas.vocabulary"), load("schemas.contract_file")
    same(keys(page["The whole"]), file.WHOLE)
    columns = keys(page["Columns"])
    same(columns, {"dtype", *file.FLAGS, *file.SAID, *words.DTYPES})
    assert {dtype: kind.split("`")[1] for dtype, (kind, *_) in columns.items() if dtype in words.DTYPES} == words.DTYPES
    for flag, default in file.FLAGS.items():
        assert columns[flag][0] == f"`{json.dumps(default)}`"
    same(keys(page["Checks of one column"]), {*words.CHECKS, *words.SHORT})
    same(keys(page["Checks over columns"]), words.OVER_COLUMNS)


def test_ask_file():
    same(keys(sections(reference("ask-file"))["Ask file"]), AskFile.model_fields)


@pytest.mark.parametrize(("family", "kind"), [(family, kind) for family in (Algorithm, Protocol) for kind in ours(family)])
def test_algorithms_and_protocols(family, kind):
    page = sections(reference("ask-file"))
    assert kind in page, f"kind {kind} is not documented"
    same(keys(page[kind]), {field.alias or name for name, field in family.of(kind).model_fields.items()})


def test_verbs():
    documented = [heading.removeprefix("podium ") for heading in sections(reference("cli")) if heading.startswith("podium ")]
    same(documented, leaves())


@pytest.mark.parametrize("verb", leaves())
def test_options(verb):
    section = sections(reference("cli")).get(f"podium {verb}", "")
    same({key for key in keys(section) if key.startswith("--")}, options_of(leaves()[verb]))


@pytest.mark.parametrize("verb", leaves())
def test_defaults_of_options(verb):
    documented = keys(sections(reference("cli"))[f"podium {verb}"])
    for option in leaves()[verb].params:
        name, default = option.opts[0], option.default
        if name in documented and isinstance(default, (int, float, str)) and not isinstance(default, bool) and default != "":
            expected = f"{default:g}" if isinstance(default, float) else str(default)
            assert documented[name][0] == f"`{expected}`", f"podium {verb} {name}"


@pytest.mark.parametrize("verb", leaves())
def test_every_verb_speaks_json(verb):
    assert "--json" in options_of(leaves()[verb])


def test_statuses():
    documented = keys(sections(reference("statuses-and-exit-codes"))["Status"])
    same(documented, [status.value for status in Status])
    for status in Status:
        says_final = documented[status.value][0] == "yes"
        assert says_final == (status in FINAL or status is Status.PARTIAL), f"{status}: final or not?"


def test_exit_codes():
    documented = {cells[0]: cells[1] for cells in _table("Exit codes")}
    families = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.PodiumError)]
    codes = {str(cls.exit_code) for cls in families} | {"0", str(cli.FAULT), str(cli.INTERRUPTED), str(typer.BadParameter("").exit_code)}
    same(documented, codes)
    for cls in families:
        assert f"`{cls.__name__}`" in documented[str(cls.exit_code)], f"{cls.__name__} ends with {cls.exit_code}"


def test_exit_codes_that_a_verb_chooses_itself():
    """`raise typer.Exit(3)` in `podium/cli/pod.py`: the row of 3 names a `podium pod …`."""
    documented = {cells[0]: " ".join(cells[1:]) for cells in _table("Exit codes")}
    chosen = [
        (path.stem.strip("_"), code)
        for path in sorted((ROOT / "podium" / "cli").rglob("*.py"))
        for code in re.findall(r"Exit\((\d+)\)", path.read_text("utf-8"))
    ]
    assert len(chosen) >= 3
    for verb, code in chosen:
        assert f"`podium {verb}" in documented[code], f"podium {verb} ends with {code}"


def test_codes_of_runs():
    words = load("tasks.words")
    documented = {cells[0].strip("`"): cells[1] for cells in _table("Codes of a run that ended without a result")}
    assert documented == words.SENTENCES


def test_reasons_of_refusals():
    page = (DOCS / "how-to" / "when-something-fails.md").read_text("utf-8")
    documented = keys(sections(page)["A question is refused"])
    same(documented, REASONS)
    assert {reason: cells[0] for reason, cells in documented.items()} == REASONS


def test_reading_rules():
    page = (DOCS / "explanation" / "trust.md").read_text("utf-8")
    from podium.crypto import envelope

    rules = re.findall(r"^ ?\d+\. `(\w+)`", envelope.__doc__, re.MULTILINE)
    assert list(keys(sections(page)["A message"])) == rules


def test_disclosure_rules():
    documented = keys(sections(reference("disclosure-rules"))["Disclosure rules"])
    fields = DisclosureSection.model_fields
    same(documented, fields)
    assert {name: cells[0] for name, cells in documented.items()} == {name: f"`{field.default}`" for name, field in fields.items()}


def test_environment():
    documented = {name for name in keys(sections(reference("files"))["Environment"]) if name.startswith("PODIUM_")}
    named = {f"PODIUM_{name.upper()}" for name in Settings.model_fields}
    for path in [*(ROOT / "podium").rglob("*.py"), *(ROOT / "tasks").glob("*.py"), *(ROOT / "deployments").glob("*.py")]:
        named |= set(re.findall(r"\"(PODIUM_[A-Z_]+)\"", path.read_text("utf-8")))
    same(documented, named)


@pytest.mark.parametrize("name", ["Session", "Answer"])
def test_python_classes(name):
    documented = keys(sections(reference("python"))[name])
    real = {member for cls in getattr(podium, name).__mro__[:-1] for member in vars(cls) if not member.startswith("_")}
    same({key.partition("(")[0] for key in documented}, real)


def test_python_pod():
    page = sections(reference("pod"))
    members = [name for name in vars(Pod) if not name.startswith("_")]
    same({key.partition("(")[0] for key in keys(page["Attributes and methods"])} - {"datasources"}, members)
    same([cells[0].strip("`") for cells in rows(page["Arguments"])[1:]], inspect.signature(Pod).parameters)


def test_the_fields_of_the_pods_arguments():
    documented = keys(sections(reference("pod"))["Its classes"])
    for name, cls in vars(arguments).items():
        if dataclasses.is_dataclass(cls):
            fields = [field.name for field in dataclasses.fields(cls)]
            assert [field for field in fields if f"`{field}`" not in documented[f"podium.{name}"][0]] == []
    same(keys(sections(reference("pod"))["Access manager"]), TaskView.model_fields)


@pytest.mark.parametrize("cells", rows(sections(reference("pod"))["Arguments"])[1:], ids=lambda cells: cells[0].strip("`"))
def test_each_argument_of_the_pod_names_a_test_that_exists(cells):
    file, _, name = cells[3].strip("`").partition("::")
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), f"{cells[0]}: there is no {cells[3]}"


def test_python_connect():
    documented = keys(sections(reference("python"))["podium.connect(url, *, user, code, home, trust) → Session"])
    same(documented, inspect.signature(connect).parameters)


def test_python_names():
    page = reference("python")
    assert [name for name in podium.__all__ if f"podium.{name}" not in page] == []


def _table(heading):
    return rows(sections(reference("statuses-and-exit-codes"))[heading])[1:]
