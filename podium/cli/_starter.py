"""The text of a new pod file: what was given is set, and every other key stands there as a comment with what holds without it.

The commented sections are taken from the models, so that a new section or key shows up by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from textwrap import wrap
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from podium.cli._schemas import published
from podium.config import PodConfig, local_user
from podium.datasources._by_name import kind_by_name, name_by_path

WIDTH = 110
BY_HAND = ("pod", "hub", "datasources")


@dataclass(frozen=True)
class Source:
    """A datasource as it will stand in the file."""

    name: str
    kind: str
    path: str


EXAMPLE = Source(name="patients", kind="csv", path="patients.csv")


def source_of(path: Path, *, beside: Path, taken: Sequence[str]) -> Source:
    """The file as a datasource, its path relative to `beside` where it lies below. Raises ConfigError for an unknown kind."""
    kind, place, name = kind_by_name(path), path.expanduser().absolute(), name_by_path(path)
    number = 2
    while name in taken:
        name, number = f"{name_by_path(path)[:60]}-{number}", number + 1
    written = place.relative_to(beside) if place.is_relative_to(beside) else place
    return Source(name=name, kind=kind, path=str(written))


def starter(*, name: str, owner: str, hub: str, sources: Sequence[Source], file: Path) -> str:
    """The pod file. A line that begins with `#` and no space is a setting that holds already."""
    schema = published("pod-file")
    blocks = [
        *([f"# yaml-language-server: $schema={schema}"] if schema else []),
        f"# A pod file. Check it: podium pod check {file.name}   Start it: podium pod start {file.name}",
        '# A line that begins with "#" and no space shows what holds as long as nothing is said: take the "#" away to change it.',
        "",
        "pod:",
        f"  name: {scalar(name)}",
        f"  owner: {scalar(owner)}" if owner else f"#  owner: {scalar(local_user())}",
        '#  display_name: ""   # shown to analysts',
        '#  description: ""    # shown to analysts',
        "",
        "# Without an address: PODIUM_HUB_URL, else the hub of this PODIUM_HOME, which the pod starts where none runs.",
        *(["hub:", f"  url: {scalar(hub)}"] if hub else ["#hub:", '#  url: ""']),
        "",
        "# What is served. A path is relative to this file.",
        "datasources:",
    ]
    for source in sources or [EXAMPLE]:
        blocks += [
            f"  - name: {scalar(source.name)}",
            f"    kind: {source.kind}",
            f"    path: {scalar(source.path)}",
            "#    key: []              # the columns that identify a row; without them its whole content does",
            "#    ignore_columns: []   # columns that appear nowhere",
            "#    force_types: {}      # column: continuous, categorical, boolean, text, date, image or identifier",
        ]
    for title, field in PodConfig.model_fields.items():
        if title not in BY_HAND and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            blocks += _commented(title, field.annotation)
    return "\n".join(blocks) + "\n"


def scalar(text: str) -> str:
    """The text as YAML: bare where it is read back as this very text, else in quotes."""
    try:
        plain = yaml.safe_load(f"x: {text} # y") == {"x": text}
    except yaml.YAMLError:
        plain = False
    return text if plain else json.dumps(text)


def _commented(title: str, model: type[BaseModel]) -> list[str]:
    try:
        defaults: dict[str, Any] = model().model_dump(mode="json")
    except ValidationError:  # a section that has no default is for the reference to explain
        return []
    paragraph = cleandoc(model.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    prose = [f"# {line}" for line in wrap(paragraph, WIDTH)]
    return ["", *prose, f"#{title}:", *(f"#  {key}: {_written(value)}" for key, value in defaults.items())]


def _written(value: Any) -> str:
    """JSON is YAML, but for 1e-06, which YAML takes for text."""
    return yaml.safe_dump(value).splitlines()[0] if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
