"""Tables with figures that are missing, as a person sees them."""

from types import SimpleNamespace

from podium.algorithms import Count, Histogram, Quantile
from podium.cli._answers import as_data, show
from podium.contracts import Released, ReleasedCell, Status, Suppression

KEPT = (Suppression(rule="min_cell", scope="cells"),)


def _answer(result):
    question = SimpleNamespace(repeat=None)
    return SimpleNamespace(
        id="0" * 32,
        status=Status.RELEASED,
        result=result,
        rows=20,
        suppressed=("min_cell",),
        runs={},
        question=question,
    )


def _told(by, *keys):
    return Released(by=by, rows=20, cells=tuple(ReleasedCell(key=key, values={"count": 20}) for key in keys), suppressed=KEPT)


def test_what_was_kept_back_is_a_dash_and_null(capsys):
    tables = {
        Count(by="sex"): (("sex",), ("f",)),
        Histogram(column="age", edges=(0, 50)): (("bin",), (1,)),
        Quantile(column="age", edges=(0, 50), q=(0.9,)): (("bin",), (2,)),
    }
    for asked, (by, *keys) in tables.items():
        answer = _answer(asked.combine([_told(by, *keys)]))
        show(answer)
        assert " - " in capsys.readouterr().out
        assert None in [value for row in as_data(answer)["result"] for value in row.values()]
