"""The contract of each plugin family as functions, for our own suite and for anybody's kinds. They raise AssertionError."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from podium.algorithms import Additive, Algorithm, Iterative, Scoring
from podium.contracts import Card, CardColumn, Part, Partial, Released, ReleasedCell, Reply, Round, Status
from podium.datasources import ARROW, Datasource
from podium.errors import ConfigError, DataSourceError, TaskError
from podium.history.fingerprints import digests
from podium.privacy.disclosure import Rules
from podium.privacy.gate import release
from podium.protocols import Await, Compute, Outcome, PodStep, Protocol, Release, Send

if TYPE_CHECKING:
    import pyarrow as pa


def sample_rows(rows: int = 200) -> pa.RecordBatch:
    """Rows of a small clinic, always the same: `age` with nulls, `score` with NaN, `sex` with nulls, `smoker`, `seen`."""
    import datetime as dt

    import pyarrow as pa

    chance = random.Random(7)  # noqa: S311 no secret
    data = {
        "age": pa.array([None if chance.random() < 0.1 else chance.randint(18, 95) for _ in range(rows)], pa.int64()),
        "score": pa.array([float("nan") if chance.random() < 0.1 else chance.gauss(0, 1e6) for _ in range(rows)], pa.float64()),
        "sex": pa.array([chance.choice(["f", "m", None]) for _ in range(rows)], pa.string()),
        "smoker": pa.array([chance.choice([True, False, None]) for _ in range(rows)], pa.bool_()),
        "seen": pa.array([dt.date(2024, 1, chance.randint(1, 3)) for _ in range(rows)], pa.date32()),
    }
    return pa.RecordBatch.from_arrays(list(data.values()), list(data))


def sample_card() -> Card:
    """The card of `sample_rows`."""
    columns = (
        CardColumn(name="age", type="integer", semantic="continuous"),
        CardColumn(name="score", type="number", semantic="continuous"),
        CardColumn(name="sex", type="text", semantic="categorical"),
        CardColumn(name="smoker", type="boolean", semantic="boolean"),
        CardColumn(name="seen", type="date", semantic="date"),
    )
    return Card(datasource="patients", stage="full", columns=columns)


def check_datasource(source: Datasource) -> None:
    """Columns, exactly what is asked for, in the one form of each type; the same again; picked rows; its own configuration."""
    shape = source.columns()
    names = [name for name, _ in shape]
    assert names, "columns() names no column"
    assert len(set(names)) == len(names), "columns() names a column twice"
    assert not set(names) & set(source.ignore_columns), "an ignored column is shown"
    every = _read(source, names)
    rows = [len(column) for column in every.values()]
    assert len(set(rows)) == 1, "columns differ in length"
    for name, kind in shape:
        batches = list(source.read([name]))
        assert all(batch.schema.names == [name] for batch in batches), f"read([{name!r}]) returns other columns too"
        assert all(str(batch.schema.field(0).type) == ARROW[kind] for batch in batches), f"{name!r} is not {ARROW[kind]}"
        assert [value for batch in batches for value in batch.column(0).to_pylist()] == every[name], f"{name!r} reads differently alone"
    backwards = names[::-1]
    assert all(batch.schema.names == backwards for batch in source.read(backwards)), "columns come in another order than asked for"
    assert sum(batch.num_rows for batch in source.read([])) == rows[0], "without columns the number of rows is lost"
    assert _read(source, names) == every, "reading twice gives different rows"
    picked = _read(source, names, [rows[0] - 1, 0])
    assert picked == {name: [values[0], values[-1]] for name, values in every.items()}, "datapoints picks other rows"
    assert source.token() == source.token(), "the token changes by itself"
    _parts(source, names, every)
    _fingerprints(source)
    _refuses(DataSourceError, lambda: list(source.read(["no such column"])), "an unknown column is not refused")
    rebuilt = Datasource.load(json.loads(json.dumps(source.dump())))
    assert rebuilt == source, "dump() does not rebuild it"
    assert _read(rebuilt, names) == every, "the rebuilt source reads differently"


def _parts(source: Datasource, names: Sequence[str], every: Mapping[str, list[Any]]) -> None:
    """The parts, one after the other, are the source."""
    parts = source.partitions()
    assert parts == source.partitions(), "the parts change by themselves"
    assert len({part.id for part in parts}) == len(parts), "two parts have the same id"
    assert all(Part.model_validate_json(part.model_dump_json()) == part for part in parts), "a part does not survive JSON"
    batches = [batch for part in parts for batch in source.read_part(part, names)]
    rows = {name: [value for batch in batches for value in batch.column(name).to_pylist()] for name in names}
    assert rows == every, "the parts are not the rows"


def _fingerprints(source: Datasource) -> None:
    """Each datapoint's fingerprint is the same, whichever way it is read."""
    columns = source.fingerprinted()
    assert columns, "fingerprinted() names no column"
    assert len(set(columns)) == len(columns), "fingerprinted() names a column twice"
    assert not set(columns) & set(source.ignore_columns), "an ignored column is fingerprinted"
    whole = _digests(source.read(columns), columns)
    assert _digests(source.read(columns), columns) == whole, "fingerprints change by themselves"
    parts = [batch for part in source.partitions() for batch in source.read_part(part, columns)]
    assert _digests(parts, columns) == whole, "a part gives other fingerprints than the whole"


def _digests(batches: Iterable[pa.RecordBatch], columns: Sequence[str]) -> bytes:
    return b"".join(digests(batch, secret=bytes(32), purpose="row", columns=columns) for batch in batches)


def check_algorithm(algorithm: Algorithm, batch: pa.RecordBatch | None = None) -> None:
    """Its columns alone, declared values only, any split or order of rows, and halves that combine to the whole."""
    rows = sample_rows() if batch is None else batch
    columns = list(algorithm.columns())
    assert len(set(columns)) == len(columns), "columns() names a column twice"
    algorithm.check(sample_card())
    rows = rows.select(columns)
    whole = algorithm.local([rows])
    declared, supports = {*algorithm.disclosure().rounded, *algorithm.disclosure().exact}, set(algorithm.disclosure().supports)
    assert not set(algorithm.disclosure().rounded) & set(algorithm.disclosure().exact), "a value is both rounded and exact"
    for cell in whole.cells:
        assert set(cell.values) == declared, f"cell values {sorted(cell.values)} are not those declared, {sorted(declared)}"
        assert set(cell.supports) == supports, f"supports {sorted(cell.supports)} are not those declared, {sorted(supports)}"
        assert len(cell.key) == len(whole.by), "a key has not one level for each column of by"
        assert cell.n <= whole.rows, "a cell has more rows than there are"
    assert len({cell.key for cell in whole.cells}) == len(whole.cells), "a level has two cells"
    assert Partial.model_validate_json(whole.model_dump_json()) == whole, "the partial does not survive JSON"
    size = max(1, rows.num_rows // 7)
    split = [rows.slice(start, size) for start in range(0, rows.num_rows, size)]
    assert _alike(algorithm.local(split), whole, algorithm), "other batches give other figures"
    assert _alike(algorithm.local(split[::-1]), whole, algorithm), "another order gives other figures"
    assert algorithm.local([]).rows == 0, "no rows are not counted as none"
    half = rows.num_rows // 2
    halves = [rows.slice(0, half), rows.slice(half)]
    assert _same(_answer(algorithm, halves), _answer(algorithm, [rows])), "two halves do not combine to the whole"
    if whole.by:
        hidden = whole.cells[0].key
        table = algorithm.combine([_released(whole, without=hidden)], frozenset({hidden}))
        full, bare = algorithm.combine([_released(whole)]), algorithm.combine([], frozenset({hidden}))
        row = _row_of(table, whole.by, hidden)
        assert row is not None, "a hidden level is not shown as suppressed"
        shown = _plain_row(table, row)
        assert shown in [_plain_row(bare, place) for place in range(len(bare))], "a hidden level has figures"
        other = [
            value for value, before in zip(shown, _plain_row(full, row), strict=True) if value != before and not isinstance(value, str)
        ]
        assert set(other) == {None}, "a hidden level's figures are not shown as missing"
    if isinstance(algorithm, Additive):
        _check_additive(algorithm, rows)
    if isinstance(algorithm, Scoring):
        _check_scoring(algorithm, rows)
    if "where" in type(algorithm).model_fields:
        _check_where(algorithm)
    assert Algorithm.load(json.loads(json.dumps(algorithm.dump()))) == algorithm, "dump() does not rebuild it"


def _check_where(algorithm: Algorithm) -> None:
    """With a filter: its columns are read too, it takes away the same rows as plain Python does, and no one is singled out."""
    rows = sample_rows()
    filtered = Algorithm.load({**algorithm.dump(), "where": "age > 40 and sex == 'f'"})
    columns = filtered.columns()
    assert set(columns) == {*algorithm.columns(), "age", "sex"}, "columns() lacks those of where"
    assert len(set(columns)) == len(columns), "columns() names a column twice"
    kept = [place for place, row in enumerate(rows.to_pylist()) if (row["age"] or 0) > 40 and row["sex"] == "f"]
    given, wanted = filtered.local([rows.select(columns)]), algorithm.local([rows.take(kept).select(algorithm.columns())])
    assert given.rows == len(kept), "rows that the filter left out are counted"
    assert _alike(given, wanted, algorithm), "where is not the same as asking about the rows that are left"
    if isinstance(filtered, Additive):
        _check_additive(filtered, rows.select(columns))
    if isinstance(filtered, Scoring):
        left_out = [score for place, score in enumerate(filtered.scores(rows.select(columns)).to_pylist()) if place not in kept]
        assert set(left_out) == {None}, "a row that the filter left out has a score"
    filtered.check(sample_card())
    card = sample_card()
    with_patient = (*card.columns, CardColumn(name="patient", type="text", semantic="identifier"))
    pointing = Algorithm.load({**algorithm.dump(), "where": "patient == 'P7'"})
    _refuses(ConfigError, lambda: pointing.check(card.model_copy(update={"columns": with_patient})), "a filter by an identifier is allowed")


def _check_additive(algorithm: Additive, rows: pa.RecordBatch) -> None:
    """Its states give exactly what the rows do, of any parts, in any order and after any edit; nonsense in the place of one is refused."""
    import pyarrow as pa

    chance = random.Random(11)  # noqa: S311 no secret
    state, whole, none = algorithm.state([rows]), algorithm.local([rows]), _exactly(algorithm.local([]))
    assert json.loads(json.dumps(state, allow_nan=False)) == state, "a state does not survive JSON"
    assert state.get("rows") == whole.rows, "a state's rows are not those that passed the filter"
    assert _exactly(algorithm.merged([])) == none, "no states are not merged to no rows"
    assert _exactly(algorithm.merged([algorithm.state([])])) == none, "the state of no rows is not merged to no rows"
    cuts = sorted(chance.randrange(rows.num_rows + 1) for _ in range(6))
    parts = [rows.slice(start, end - start) for start, end in zip([0, *cuts], [*cuts, rows.num_rows], strict=True)]
    states = [algorithm.state([part]) for part in parts]
    for _ in range(8):
        before = copy.deepcopy(states)
        merged = algorithm.merged(chance.sample(states, len(states)))
        assert states == before, "merging changes a state"
        assert _exactly(merged) == _exactly(algorithm.local(parts)), "the states of parts do not add up to all rows"
        touched = chance.randrange(len(parts))  # some of its rows go, some are read twice: the others' states are kept
        others = [chance.randrange(rows.num_rows) for _ in range(chance.choice([0, 1, 40]))]
        parts[touched] = rows.take(pa.array(others, pa.int64()))
        states[touched] = json.loads(json.dumps(algorithm.state([parts[touched]])))
    _refuses_states(algorithm, state, chance)


def _check_scoring(algorithm: Scoring, rows: pa.RecordBatch) -> None:
    """A finite number a row, or null; the same in any batch; and the state is made of them, and of nothing else in their place."""
    import pyarrow as pa

    scores = algorithm.scores(rows)
    assert scores.type == pa.float64(), "scores are not float64"
    assert len(scores) == rows.num_rows, "there is not one score for each row"
    found = scores.to_pylist()
    assert all(score is None or math.isfinite(score) for score in found), "a score is not finite"
    single = [algorithm.scores(rows.slice(place, 1)).to_pylist()[0] for place in range(rows.num_rows)]
    assert single == found, "a score depends on other rows"
    assert algorithm.tallied([(rows, scores)]) == algorithm.state([rows]), "the state is not that of the scores"
    none = algorithm.merged([algorithm.tallied([(rows, pa.nulls(rows.num_rows, pa.float64()))])])
    assert not any(cell.n for cell in none.cells), "rows without a score are counted"


def _refuses_states(algorithm: Additive, state: dict[str, Any], chance: random.Random) -> None:
    """A state of another version, one of no sense, and one with anything in the place of anything."""
    v = state.get("v")
    assert type(v) is int, "a state does not say its version"
    assert _refusal(algorithm, state | {"v": v + 1}) == "state_version", "a state of another version is not refused"
    senseless: list[Any] = [{}, {"v": v}, state | {"rows": -1}, state | {"rows": None}, []]
    for bad in senseless:
        assert _refusal(algorithm, bad) == "bad_state", "a state that makes no sense is not refused"
    for _ in range(40):
        bent: Any = copy.deepcopy(state)
        place: Any = bent
        while True:
            key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
            if not (isinstance(place[key], (dict, list)) and place[key]) or chance.random() < 0.1:
                break
            place = place[key]
        place[key] = chance.choice([None, -1, 1.5, True, "", "x", [], {}, [[]], 10**400])
        assert _refusal(algorithm, bent) in ("", "bad_state", "state_version"), "a bad state is refused under another code"


def _refusal(algorithm: Additive, state: Any) -> str:
    """The code with which a state is refused, or nothing."""
    try:
        algorithm.merged([state])
    except TaskError as error:
        return error.code
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise AssertionError(f"a bad state is not refused, but ends in {type(error).__name__}") from None
    return ""


def _exactly(partial: Partial) -> tuple[Any, ...]:
    """For comparison to the last bit, types of levels and figures included; the order of cells does not count."""
    return partial.by, partial.rows, sorted(cell.model_dump_json() for cell in partial.cells)


def check_protocol(protocol: Protocol) -> None:
    """Both sides run to their end: only what the gate released is sent, and every pod that answered is in the analyst's answer."""
    algorithm = next(one for kind in Algorithm.kinds() if _carries(protocol, one := Algorithm.of(kind).sample()))
    rows = sample_rows()
    half = rows.num_rows // 2
    pods = {"a/one": rows.slice(0, half), "a/two": rows.slice(half)}
    outcome = converse(protocol, algorithm, pods)
    assert set(outcome.replies) == set(pods), "the analyst's side loses or invents a reply"
    assert {reply.status for reply in outcome.replies.values()} == {Status.RELEASED}, "a run does not come to its end"
    assert Protocol.load(json.loads(json.dumps(protocol.dump()))) == protocol, "dump() does not rebuild it"


def converse(protocol: Protocol, algorithm: Algorithm, pods: Mapping[str, pa.RecordBatch], *, rules: Rules | None = None) -> Outcome:
    """A whole task without any I/O, over the rows of each pod. Raises AssertionError where a pod sends what no gate released."""
    rules = rules or Rules(min_rows=1, min_cell=1, max_params_ratio=1)
    asking = protocol.analyst(tuple(pods), {"v": 1, "algorithm": algorithm.dump()})
    sides = {pod: _PodSide(protocol.pod(), algorithm, rows, rules) for pod, rows in pods.items()}
    stranger = Reply(run="0" * 32, status=Status.FAILED)
    step = next(asking)
    try:
        while True:
            replies = {pod: sides[pod].hear(json.loads(json.dumps(body))) for pod, body in step.bodies.items()}
            step = asking.send(replies | {"a/other": stranger})
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


class _PodSide:
    """One pod's side of a protocol: from each word of the analyst's to the reply that it leads to."""

    def __init__(self, steps: Generator[PodStep, Any, None], algorithm: Algorithm, rows: pa.RecordBatch, rules: Rules) -> None:
        self.steps, self.algorithm, self.rules, self.no = steps, algorithm, rules, 0
        self.rows = rows.select(list(algorithm.columns()))

    def hear(self, body: Any) -> Reply:
        outcome: Any = Round.model_validate(body) if self.no else None
        while True:
            match self.steps.send(outcome):
                case Compute(parameters=parameters):
                    at = Algorithm.load({**self.algorithm.dump(), **({"at": parameters} if parameters else {})})
                    outcome = partial = at.local([self.rows])
                case Release(partial=given):
                    assert given is partial, "something else than the partial is put through the gate"
                    outcome = passed = release(given, disclosure=at.disclosure(), rules=self.rules, rounds_before=self.no)
                    self.no += 1
                    self.passed = passed
                case Send(released=given, last=last):
                    assert given is self.passed, "something is sent that the gate did not release"
                    step = next(self.steps, None)
                    assert step is None if last else isinstance(step, Await), "a run goes on after its end, or ends in the middle"
                    return Reply(
                        run="0" * 32, status=given.status if last else Status.WAITING, round=0 if last else self.no, released=given
                    )


def _carries(protocol: Protocol, algorithm: Algorithm) -> bool:
    try:
        protocol.check(algorithm)
    except ConfigError:
        return False
    return True


def _read(source: Datasource, names: Sequence[str], datapoints: list[int] | None = None) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {name: [] for name in names}
    for batch in source.read(names, datapoints):
        for name in names:
            found[name] += batch.column(batch.schema.get_field_index(name)).to_pylist()
    return found


def _alike(one: Partial, other: Partial, algorithm: Algorithm) -> bool:
    """Whether the figures are the same: exactly, or for sums of products but for the order of addition."""
    error = 1e-9 if isinstance(algorithm, Iterative) else 0.0
    cells, known = ({cell.key: cell for cell in partial.cells} for partial in (one, other))
    return cells.keys() == known.keys() and all(
        (cell.n, cell.supports) == (known[key].n, known[key].supports)
        and all(math.isclose(value, known[key].values[name], rel_tol=error, abs_tol=error) for name, value in cell.values.items())
        for key, cell in cells.items()
    )


def _answer(algorithm: Algorithm, parts: Sequence[pa.RecordBatch]) -> Any:
    """What the analyst gets of these parts, one a pod."""
    if not isinstance(algorithm, Iterative):
        return algorithm.combine([_released(algorithm.local([part])) for part in parts])
    steps = algorithm.rounds()
    at: Any = next(steps)
    try:
        while True:
            tables = [_released(at.local([part])) for part in parts]
            at = steps.send(tables)
    except StopIteration as end:
        return end.value


def _released(partial: Partial, without: tuple[Any, ...] | None = None) -> Released:
    cells = tuple(ReleasedCell(key=cell.key, values=cell.values) for cell in partial.cells if cell.key != without)
    return Released(by=partial.by, rows=partial.rows, cells=cells)


def _same(one: Any, other: Any) -> bool:
    import pandas as pd

    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
        return True
    if hasattr(one, "table"):
        pd.testing.assert_frame_equal(one.table, other.table, rtol=1e-9)
        return bool(one.state == other.state)
    return bool(one == other or abs(one - other) <= 1e-12 * abs(other))


def _row_of(table: Any, by: Sequence[str], key: tuple[Any, ...]) -> int | None:
    """Where the level stands, suppressed; a table that does not list levels has any suppressed row."""
    kept = [row for row in range(len(table)) if table["suppressed"].iloc[row] == "min_cell"]
    named = [row for row in kept if tuple(_plain_row(table[list(by)], row)) in (key, (None,) * len(key))]
    return named[0] if named else None


def _plain_row(table: Any, row: int) -> list[Any]:
    """The values of one row; every missing one is None."""
    return [None if missing else value for value, missing in zip(table.iloc[row], table.iloc[row].isna(), strict=True)]


def _refuses(error: type[Exception], act: Any, otherwise: str) -> None:
    try:
        act()
    except (error, ConfigError):
        return
    raise AssertionError(otherwise)
