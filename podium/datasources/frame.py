"""A pandas DataFrame given in Python. The pod writes it to a private Parquet file at start, for the worker to read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import PrivateAttr

from podium.datasources._files import Found
from podium.datasources._parquet import ParquetTable
from podium.errors import DataSourceError
from podium.files import write_private

if TYPE_CHECKING:
    import pandas as pd

UNPLACED = Path("/nonexistent/frame-not-written-yet")


class Frame(ParquetTable):
    """`kind: frame`, made by `Frame.of(df, name=…)`. Until `placed()` wrote it, the rows live in this process only."""

    kind: ClassVar[str] = "frame"

    path: Path = UNPLACED
    _data: Any = PrivateAttr(default=None)

    @classmethod
    def of(cls, data: pd.DataFrame, *, name: str = "", **fields: Any) -> Self:  # type: ignore[override]  # kinds are looked up on Datasource
        """Hold the frame; its index is not a column. Raises DataSourceError unless every column name is text."""
        if not all(isinstance(column, str) for column in data.columns):
            raise DataSourceError("every column name of the frame must be text.", remedy="Try df.columns = df.columns.map(str).")
        made = cls(name=name, **fields)
        made._data = data
        return made

    def placed(self, folder: Path) -> Self:
        """Written as `folder/NAME.parquet`, mode 0600; a file with the same bytes is left alone, so that its token stays."""
        if self._data is None:
            return self
        path = folder / f"{self.name}.parquet"
        content = _as_parquet(self._data, self.name)
        if not path.is_file() or path.read_bytes() != content:
            write_private(path, content)
        return type(self)(**{**self.model_dump(), "path": path})

    def files(self) -> list[Found]:
        if self.path == UNPLACED:
            raise DataSourceError(
                f"frame {self.name!r} is not written yet.", remedy="Start the pod, or call placed(folder).", code="not_placed"
            )
        return super().files()

    @classmethod
    def sample(cls, *args: Path) -> Self:
        import pandas as pd

        (folder,) = args
        frame = pd.DataFrame({"id": [1, 2, 3], "age": [34.5, None, 51.0], "sex": ["f", None, "m"]})
        return cls.of(frame, name="sample", key=("id",)).placed(folder)


def _as_parquet(data: pd.DataFrame, name: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    for column in data.columns:
        try:
            pa.array(data[column], from_pandas=True)
        except (pa.ArrowException, ValueError, TypeError):
            remedy = "Give it one type, for example with astype(str)."
            raise DataSourceError(f"column {column!r} of frame {name!r} mixes types.", remedy=remedy, code="mixed_types") from None
    pq.write_table(pa.Table.from_pandas(data, preserve_index=False), out)
    return out.getvalue()
