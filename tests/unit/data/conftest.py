"""Real rows: scikit-learn's breast cancer table, as a CSV file with an identifier, a category and a few nulls."""

import pytest


@pytest.fixture(scope="session")
def cancer():
    from sklearn.datasets import load_breast_cancer

    frame = load_breast_cancer(as_frame=True).frame
    frame.columns = [name.replace(" ", "_") for name in frame.columns]
    frame.insert(0, "patient", [f"P{i:05d}" for i in range(len(frame))])
    frame["diagnosis"] = frame.pop("target").map({0: "malignant", 1: "benign"})
    frame["smoker"] = [("yes", "no")[i % 2] for i in range(len(frame))]
    frame["grade"] = [i % 3 + 1 for i in range(len(frame))]
    frame["seen"] = [f"2024-01-{i % 28 + 1:02d}" for i in range(len(frame))]
    frame.loc[frame.index % 10 == 0, "mean_area"] = None
    return frame


@pytest.fixture
def cancer_csv(cancer, tmp_path):
    path = tmp_path / "cancer.csv"
    cancer.to_csv(path, index=False)
    return path
