"""Keep: a schema in the pod's database; a full one as a file too, for people to look at, to edit, and to give back."""

from __future__ import annotations

from podium.contracts import DatasourceSchema
from podium.files import write_private
from tasks.desk import Desk


def keep(desk: Desk, schema: DatasourceSchema) -> None:
    """The newest schema of its datasource from now on."""
    desk.schemas.add(schema)
    if schema.stage == "full":
        write_private(desk.folder / "schemas" / f"{schema.datasource}.json", schema.model_dump_json(indent=1))
