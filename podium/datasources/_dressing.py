"""A schema dressed in the custodian's words: descriptions, units and labels from `about` and from the data dictionary.

- `about` has the last word over the dictionary, and both over a given schema; where they say nothing, what is there stays.
- A word of `about` on a column that is not there is an error; about one that is ignored, it is left out. A dictionary may describe more
  columns than the data have, for it is often that of a whole study: `beyond` names them. One that describes none of them is an error.
- The dictionary's semantic types hold like `force_types`, which has the last word. What then must not be listed is taken out.
"""

from __future__ import annotations

import difflib

from podium.contracts import Column, DatasourceSchema, SemanticType
from podium.datasources import Datasource
from podium.datasources._dictionary import Words, read_dictionary
from podium.errors import DataSourceError
from podium.plugin import nearest

BY_DICTIONARY = "set by the data dictionary"
_SET = ("set by force_types", BY_DICTIONARY)
_LEVELS: tuple[SemanticType, ...] = ("categorical", "boolean")
_EXTREMES: tuple[SemanticType, ...] = ("continuous", "categorical", "boolean", "date")
MOST_NAMED = 40


def dressed(schema: DatasourceSchema, source: Datasource) -> DatasourceSchema:
    """The schema with what the custodian says of its columns. Raises DataSourceError for words that are about other data."""
    _check(schema, source)
    words = words_of(source)
    columns = tuple(_dressed(column, words.get(column.name), source) for column in schema.columns)
    return schema.model_copy(update={"columns": columns})


def dressed_anew(schema: DatasourceSchema, source: Datasource) -> DatasourceSchema | None:
    """The same for a schema that was dressed before; None where other columns or types are wanted now, for which the data must be read."""
    words = words_of(source)
    types = {name: said.type for name, said in words.items() if said.type} | source.force_types
    for column in schema.columns:
        if bool(column.labels) != bool(words.get(column.name, Words()).labels):
            return None  # labels make categories
        wanted = types.get(column.name, "" if column.reason in _SET else column.semantic)
        if column.name in source.ignore_columns or wanted != column.semantic:
            return None
    bare = {"description": "", "unit": "", "labels": {}}
    return dressed(schema.model_copy(update={"columns": tuple(c.model_copy(update=bare) for c in schema.columns)}), source)


def words_of(source: Datasource) -> dict[str, Words]:
    """What the dictionary and `about` say together, by column."""
    found = _dictionary(source)
    for name, said in source.about.items():
        before = found.get(name, Words())
        found[name] = before.model_copy(update={field: value for field, value in said.model_dump().items() if value})
    return found


def beyond(schema: DatasourceSchema, source: Datasource) -> str:
    """What the data dictionary describes and the data do not have, in words for the custodian; empty where there is no such column."""
    described = _dictionary(source)
    known = {*schema.names, *source.ignore_columns}
    spare = [name for name in schema.names if name not in described]
    names = [_with_the_nearest(name, spare) for name in described if name not in known]
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    columns = "a column that is" if len(names) == 1 else f"{len(names)} columns that are"
    return f"the data dictionary describes {columns} not there: {', '.join(names[:MOST_NAMED])}{more}"


def _with_the_nearest(name: str, spare: list[str]) -> str:
    near = difflib.get_close_matches(name, spare, n=1, cutoff=0.8)
    return f"{name} (is it {near[0]}?)" if near else name


def _dictionary(source: Datasource) -> dict[str, Words]:
    return read_dictionary(source.dictionary) if source.dictionary else {}


def _check(schema: DatasourceSchema, source: Datasource) -> None:
    known = {*schema.names, *source.ignore_columns}
    wrong = [("about", name) for name in source.about if name not in known]
    if not known & {*(described := _dictionary(source))}:
        wrong += [("dictionary", name) for name in described]
    for field, name in wrong:
        message = f"there is no column {name!r} to describe."
        raise DataSourceError(message, field=f"datasources.{source.name}.{field}", remedy=nearest(name, list(schema.names)))


def _dressed(column: Column, said: Words | None, source: Datasource) -> Column:
    if said is None:
        return column
    words = {field: value for field in ("description", "unit", "labels") if (value := getattr(said, field))}
    if said.type and column.name not in source.force_types and said.type != column.semantic:
        words |= {"semantic": said.type, "reason": BY_DICTIONARY, **_not_listed(said.type)}
    return column.model_copy(update=words)


def _not_listed(semantic: SemanticType) -> dict[str, object]:
    """What a column of that type does not have: an identifier's extremes are identifiers, and a code has no mean."""
    taken: dict[str, object] = {}
    if semantic != "continuous":
        taken |= {"mean": None, "sd": None}
    if semantic not in _EXTREMES:
        taken |= {"min": None, "max": None, "quantiles": ()}
    if semantic not in _LEVELS:
        taken |= {"categories": ()}
    return taken


def words_in(schema: DatasourceSchema) -> dict[str, Words]:
    """What is said of the columns of a dressed schema, as a dictionary would say it."""
    return {
        column.name: Words(
            description=column.description,
            unit=column.unit,
            labels=column.labels,
            type=column.semantic if column.reason == BY_DICTIONARY else None,
        )
        for column in schema.columns
    }
