"""Ten questions of many kinds at once, at two pods that may run four each and share four slots: every answer is the right one."""

from __future__ import annotations

import threading
from typing import Any

import pandas as pd
import pytest
from prefect_view import ask_prefect
from town import Town, halves, until

import podium
from podium.contracts import Status

PODS = ["demo/a", "demo/b"]
EDGES = (20, 35, 50, 65, 80)
KINDS = ("count", "mean", "variance", "histogram", "quantile", "crosstab", "linear")


def test_ten_tasks_of_mixed_kinds_at_once(two_pods: Town):
    town, session = two_pods, two_pods.newcomer()
    for name in "ab":
        more = ("--column", "smoker", "--protocol", "one_round", "--protocol", "many_rounds")
        town.grant(name, session, algorithms=KINDS, more=more)

    ask = podium.algorithms
    questions = [
        ask.Count(),
        ask.Count(by="sex"),
        ask.Count(by=("sex", "smoker"), where="age >= 33"),
        ask.Mean(column="age", by="sex"),
        ask.Mean(column="age", where="smoker == 'yes'"),
        ask.Variance(column="age"),
        ask.Histogram(column="age", edges=EDGES),
        ask.Quantile(column="age", q=(0.5,), edges=EDGES),
        ask.Crosstab(rows="sex", columns="smoker"),
        ask.Linear(target="age", features=("smoker",), levels={"smoker": ("no", "yes")}),
    ]
    answers = [session.ask(question, pods=PODS, datasource="patients", wait=False) for question in questions]
    threads = [threading.Thread(target=answer.wait, args=(180,)) for answer in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [Status.RELEASED] * 10, answers
    right([answer.result for answer in answers])

    hers = f"FROM run WHERE analyst = '{session.fingerprint}'"
    for pod in "ab":
        until(lambda pod=pod: town.rows(pod, f"SELECT count(acknowledged_at) {hers}") == [(10,)])
        assert town.rows(pod, f"SELECT count(*), sum(tries <= 1) {hers}") == [(10, 10)]
        assert town.rows(pod, f"SELECT count(*) FROM decision WHERE allowed AND run IN (SELECT id {hers})") == [(10,)]
        runs = [flow_run for (flow_run,) in town.rows(pod, f"SELECT flow_run {hers}")]
        until(lambda runs=runs: shown(runs) == ["Released"] * 10, why=lambda runs=runs: str(shown(runs)))


def shown(flow_runs: list[str]) -> list[str]:
    """What Prefect says of them."""
    return [str(run["state"]["name"]) for run in ask_prefect("/flow_runs/filter", {"flow_runs": {"id": {"any_": flow_runs}}})]


def right(results: list[Any]) -> None:
    """Each against pandas on the pooled rows; counts as each pod rounds them."""
    every, by_sex, older, mean, smokers, variance, histogram, quantile, crosstab, linear = results
    pool = pd.concat(halves())
    ages = pool["age"]
    assert every == 700
    assert by_sex.set_index("sex")["count"].to_dict() == counted(["sex"])
    assert older.set_index(["sex", "smoker"])["count"].to_dict() == counted(["sex", "smoker"], least=33)
    assert mean.set_index("sex")["mean"].to_dict() == pytest.approx(pool.groupby("sex")["age"].mean().to_dict())
    assert smokers == pytest.approx(ages[pool["smoker"] == "yes"].mean())
    assert variance == pytest.approx(ages.var())
    assert histogram["count"].tolist() == [0, *binned(), 0]  # none lies beyond the edges
    assert quantile["lower"].item() <= ages.quantile(0.5, interpolation="inverted_cdf") < quantile["upper"].item()
    assert crosstab.set_index(["sex", "smoker"])["count"].to_dict() == counted(["sex", "smoker"])
    means = pool.groupby("smoker")["age"].mean()
    assert (linear.state, linear.n) == ("converged", 700)
    assert [term.estimate for term in linear.terms] == pytest.approx([means["no"], means["yes"] - means["no"]])


def rounded(rows: int) -> int:
    return 5 * round(rows / 5)


def counted(by: list[str], *, least: int = 0) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for table in halves():
        for key, rows in table[table["age"] >= least].groupby(by).size().items():
            found[key] = found.get(key, 0) + rounded(rows)
    return found


def binned() -> list[int]:
    parts = [pd.cut(table["age"], EDGES, right=False).value_counts(sort=False) for table in halves()]
    return [sum(map(rounded, bins)) for bins in zip(*parts, strict=True)]
