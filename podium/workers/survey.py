"""What a source is made of, before a row is read; and which of its parts can be read by themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from podium.contracts import Part, Survey
from podium.datasources import Datasource
from podium.datasources._stamp import settings
from podium.project import load

WHOLE = "all"  # the id of the one part that is the whole source
Parts = dict[str, Part | None]  # by id, as the source itself names them; None: all of it


def survey(source: Datasource, unless: str, *, contract: Path, by_parts: bool) -> tuple[Survey, Parts]:
    """The source's token, and its parts unless the token is `unless`. A contract that is broken is told now. Raises ConfigError too."""
    said = settings(source)
    token = _mixed(said, source.token())
    if token == unless:
        return Survey(token=token, same=True), {}
    alone = not any(beyond_the_key(load("schemas.contract_file").load(contract), source.key))
    if by_parts and alone and type(source).partitions is not Datasource.partitions:
        found = source.partitions()
        parts = tuple(Part(id=part.id, token=_mixed(said, part.token)) for part in found)
        return Survey(token=token, parts=parts), {part.id: part for part in found}
    return Survey(token=token, parts=(Part(id=WHOLE, token=token),)), {WHOLE: None}


def beyond_the_key(document: Mapping[str, Any], key: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The contract's unique rules that do not follow from the key's being unique: they are judged over all rows together."""
    together = document.get("unique") or []
    rules = [together] if all(isinstance(one, str) for one in together) else together
    for rule in (*rules, *([name] for name, column in document["columns"].items() if column.get("unique"))):
        if rule and not (key and set(key) <= set(rule)):
            yield tuple(rule)


def _mixed(said: bytes, token: str) -> str:
    return hashlib.sha256(b"podium-source/1\n" + said + b"\n" + token.encode()).hexdigest()[:32]
