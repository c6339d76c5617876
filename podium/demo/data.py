"""The demo's data: the Wisconsin breast-cancer set that scikit-learn ships (569 tumours, 30 measurements), cut in two halves.

Source: W. Wolberg, O. Mangasarian, N. Street, W. Street, "Breast Cancer Wisconsin (Diagnostic)", UCI Machine Learning Repository, 1993.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from podium.files import private_folder

if TYPE_CHECKING:
    import pandas as pd

BANDS = {"under 10": (0, 10), "10 to 15": (10, 15), "15 to 20": (15, 20), "20 to 25": (20, 25), "25 and over": (25, 100)}


def tumours() -> pd.DataFrame:
    """All 569 rows: `case` (a running number), `diagnosis`, `radius_band` (mm), and the 30 measurements."""
    import pandas as pd
    from sklearn.datasets import load_breast_cancer

    loaded = load_breast_cancer(as_frame=True)
    frame = loaded.data.rename(columns=lambda name: name.replace(" ", "_"))
    edges = [low for low, _ in BANDS.values()] + [100]
    frame.insert(0, "radius_band", pd.cut(frame["mean_radius"], edges, right=False, labels=list(BANDS)).astype(str))
    frame.insert(0, "diagnosis", loaded.target.map(dict(enumerate(loaded.target_names))))
    frame.insert(0, "case", [f"case-{number:04d}" for number in range(1, len(frame) + 1)])
    return frame  # type: ignore[no-any-return]


def write_halves(folder: Path, frame: pd.DataFrame) -> tuple[Path, Path]:
    """Every other row as `clinic-a.csv`, the rest as `clinic-b.parquet`."""
    private_folder(folder)
    csv, parquet = folder / "clinic-a.csv", folder / "clinic-b.parquet"
    frame.iloc[::2].to_csv(csv, index=False)
    frame.iloc[1::2].to_parquet(parquet, index=False)
    return csv, parquet
