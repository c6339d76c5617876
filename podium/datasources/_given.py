"""A schema that the custodian gives: the `schema` of a datasource's entry, written out there or saved in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from podium.contracts import Column, DatasourceSchema
from podium.datasources import Datasource
from podium.errors import ConfigError, DataSourceError
from podium.plugin import config_error, nearest


def given_schema(fields: Mapping[str, Any]) -> DatasourceSchema | None:
    """The schema of a pod file's entry; None where none is given. Raises ConfigError."""
    given, field = fields.get("schema"), f"datasources.{fields.get('name', '?')}.schema"
    if given is None:
        return None
    try:
        return (
            DatasourceSchema.model_validate_json(_read(given, field)) if isinstance(given, str) else DatasourceSchema.model_validate(given)
        )
    except ValidationError as error:
        found = config_error(error, DatasourceSchema, prefix=field)
        remedy = found.remedy or "Take the file that a pod keeps as schemas/NAME.json, or leave it out."
        raise ConfigError(found.message, field=found.field, remedy=remedy) from None


def fitted(given: DatasourceSchema, found: DatasourceSchema, source: Datasource) -> DatasourceSchema:
    """The given schema as that of `source`, which looks as `found`. Raises DataSourceError unless both have the same columns."""
    columns = tuple(_forced(column, source) for column in given.columns if column.name not in source.ignore_columns)
    theirs, field = {column.name: column for column in columns}, f"datasources.{source.name}.schema"
    for column in found.columns:
        if column.name not in theirs:
            remedy = "Describe it there, or name it in ignore_columns."
            raise DataSourceError(f"the given schema does not have column {column.name!r}.", field=field, remedy=remedy)
        if (said := theirs.pop(column.name).type) != column.type:
            message = f"the given schema says that {column.name!r} is {said}, and the data hold {column.type}."
            raise DataSourceError(message, field=field, remedy="Correct the schema, or have it generated: update_schema.")
    for name in theirs:
        raise DataSourceError(f"the data have no column {name!r}.", field=field, remedy=nearest(name, list(found.names)))
    return given.model_copy(update={"datasource": source.name, "stage": "full", "columns": columns, "token": f"given:{found.token}"})


def _forced(column: Column, source: Datasource) -> Column:
    forced = source.force_types.get(column.name)
    return column.model_copy(update={"semantic": forced, "reason": "set by force_types"}) if forced else column


def _read(path: str, field: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}.", field=field, remedy="Leave it out, and the schema is generated."
        ) from None
