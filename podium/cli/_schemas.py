"""The JSON Schemas of the pod file and the ask file: the pydantic models, and each entry held to its kind.

`docs/reference/*.schema.json` are these, for the kinds that come with Podium; `--schema` prints them with the kinds installed here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from podium.algorithms import Algorithm
from podium.config import AskFile, PodConfig
from podium.datasources import Datasource
from podium.plugin import Frozen, Plugin
from podium.protocols import Protocol

Name = Literal["pod-file", "ask-file"]
Refs = dict[type[Frozen], str]
PLACE = "#/$defs/"


def file_schema(name: Name) -> dict[str, Any]:
    """The JSON Schema of that file."""
    return pod_file_schema() if name == "pod-file" else ask_file_schema()


def pod_file_schema() -> dict[str, Any]:
    """A pod file, its datasources by kind."""
    schema, refs = _schema(PodConfig, [Datasource])
    schema["properties"]["datasources"]["items"] = _by_kind(Datasource, refs)
    return _headed(schema, "A Podium pod file")


def ask_file_schema() -> dict[str, Any]:
    """An ask file, its algorithm and protocol by kind."""
    schema, refs = _schema(AskFile, [Algorithm, Protocol])
    schema["properties"]["algorithm"] = _by_kind(Algorithm, refs)
    schema["properties"]["protocol"] = {"anyOf": [_by_kind(Protocol, refs), {"type": "null"}], "default": None}
    return _headed(schema, "A Podium ask file")


def published(name: Name) -> Path | None:
    """Where the published schema lies: in the installed wheel, else in the checkout."""
    package = Path(__file__).resolve().parents[1]
    for place in (package / "_reference", package.parent / "docs" / "reference"):
        if (file := place / f"{name}.schema.json").is_file():
            return file
    return None


def _schema(model: type[Frozen], families: list[type[Plugin]]) -> tuple[dict[str, Any], Refs]:
    """The model's schema, with those of every kind of the families among its definitions, and where each of these is."""
    kinds = [family.of(kind) for family in families for kind in family.kinds()]
    found, shared = models_json_schema([(one, "validation") for one in (model, *kinds)], ref_template=f"{PLACE}{{model}}")
    definitions: dict[str, Any] = shared["$defs"]
    refs = {one: str(found[one, "validation"]["$ref"]) for one in (model, *kinds)}
    for one in kinds:
        entry = definitions[refs[one].removeprefix(PLACE)]
        entry["properties"] = {"kind": {"const": one.kind}, **entry.get("properties", {})}
    return {**definitions.pop(refs[model].removeprefix(PLACE)), "$defs": definitions}, refs


def _by_kind(family: type[Plugin], refs: Refs) -> dict[str, Any]:
    """An entry `{kind, …}`: which kinds there are, and what each of them takes."""
    branches = [
        {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": {"$ref": refs[family.of(kind)]}}
        for kind in family.kinds()
    ]
    return {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": family.kinds()}}, "allOf": branches}


def _headed(schema: dict[str, Any], title: str) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **_untitled(schema)}


def _untitled(part: Any) -> Any:
    """Without the titles that are made up from names: an editor would show `Min Cell` beside `min_cell`."""
    if isinstance(part, dict):
        return {key: _untitled(value) for key, value in part.items() if key != "title" or not isinstance(value, str)}
    return [_untitled(one) for one in part] if isinstance(part, list) else part
