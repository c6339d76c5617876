"""The state of some rows, and what the algorithm gives each of them: worked out once, for both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from podium.algorithms import Additive, Scoring
from podium.errors import ConfigError, TaskError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


def scored(algorithm: Additive, batches: Iterable[pa.RecordBatch]) -> tuple[dict[str, Any], npt.NDArray[np.float64]]:
    """The state, and a number for each row, NaN where it has no score. Raises TaskError for scores that a kind may not give."""
    import numpy as np

    if not isinstance(algorithm, Scoring):
        raise ConfigError("this algorithm gives datapoints no result.", field=f"algorithm.{algorithm.kind}", code="not_scoring")
    found: list[npt.NDArray[np.float64]] = [np.empty(0)]

    def beside() -> Iterator[tuple[pa.RecordBatch, pa.Array]]:
        for batch in batches:
            scores = algorithm.scores(batch)
            found.append(_numbers(scores, algorithm.kind, rows=batch.num_rows))
            yield batch, scores

    return algorithm.tallied(beside()), np.concatenate(found)


def _numbers(scores: pa.Array, kind: str, *, rows: int) -> npt.NDArray[np.float64]:
    import numpy as np
    import pyarrow as pa

    if scores.type != pa.float64() or len(scores) != rows or not np.isfinite(scores.drop_null().to_numpy()).all():
        raise TaskError(f"{kind} must give each row one finite float64, or null.", field=f"algorithm.{kind}", code="bad_scores")
    values: npt.NDArray[np.float64] = scores.fill_null(float("nan")).to_numpy(zero_copy_only=False)
    return values
