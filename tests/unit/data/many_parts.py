"""A datasource that is cut into parts as a test wants it, and notes which of them are read."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from podium.contracts import Part
from podium.datasources import Datasource

_TYPES = {"int64": "integer", "double": "number", "string": "text", "bool": "boolean", "date32[day]": "date", "timestamp[us]": "timestamp"}


class ManyParts(Datasource):
    """Parquet files of a folder, in the order of their names, each a part. `noted`: a file that names every part that is read."""

    kind = "many_parts"

    folder: Path
    noted: Path

    def columns(self):
        schema = pq.read_schema(self._files()[0])
        return [(field.name, _TYPES[str(field.type)]) for field in schema if field.name not in self.ignore_columns]

    def partitions(self):
        return [Part(id=path.name, token=str(path.stat().st_mtime_ns)) for path in self._files()]

    def token(self):
        return json.dumps([[part.id, part.token] for part in self.partitions()])

    def read(self, columns, datapoints=None):
        for path in self._files():
            yield from pq.read_table(path, columns=list(columns)).to_batches()

    def read_part(self, part, columns):
        with self.noted.open("a") as file:
            file.write(f"{part.id}\n")
        yield from pq.read_table(self.folder / part.id, columns=list(columns)).to_batches()

    def read_so_far(self):
        return self.noted.read_text().split() if self.noted.exists() else []

    def _files(self):
        return sorted(self.folder.glob("*.parquet"))


def cut(table: pa.Table, folder: Path, places, **fields) -> ManyParts:
    """The table as a source whose parts begin at these rows."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    bounds = sorted({0, *places, table.num_rows})
    for number, (start, end) in enumerate(zip(bounds, bounds[1:] or [0], strict=False)):
        pq.write_table(table.slice(start, end - start), data / f"{number:04d}.parquet")
    return ManyParts(name="many", folder=data, noted=folder / "noted", **fields).caching(folder / "cache")
