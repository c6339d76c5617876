"""The commands, on the worker's side. Each returns JSON text and binary parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.contracts import DatasourceSchema
from podium.errors import ConfigError, WorkerError
from podium.workers.answers import BINARY
from podium.workers.progress import Progress, Scanned
from podium.workers.records import Records

if TYPE_CHECKING:
    from podium.workers.reading import Reading
    from podium.workers.survey import Parts

Result = tuple[str, list[bytes]]
DONE = json.dumps({"done": True})


class Inside:
    """One datasource and the rows chosen from it."""

    def __init__(self, *, progress: Progress) -> None:
        self._progress = progress
        self._parts: Parts = {}
        self._records = Records()
        self._reading: Reading | None = None
        self._states: list[dict[str, Any]] = []
        self._results: list[bytes] = []

    def do(self, fields: dict[str, Any], parts: list[bytes]) -> Result:
        """Carry out one command. Raises whatever goes wrong."""
        match fields["do"]:
            case "open":
                return self._open(fields["source"], fields.get("cache"))
            case "profile":
                return self._profile(fields["stage"])
            case "write_contract":
                return self._write_contract(fields["schema"], Path(fields["path"]))
            case "validate":
                return self._validate(Path(fields["contract"]))
            case "compute":
                return self._compute(fields["algorithm"])
            case "survey":
                return self._survey(fields["unless"], Path(fields["contract"]), by_parts=bool(fields["by_parts"]))
            case "history":
                return self._history(fields["of"], *parts)
            case "begin":
                return self._begin(fields, *parts)
            case "part":
                return self._part(fields["place"])
            case "unseen":
                return DONE, [self._current().unseen()]
            case "states":
                self._states += json.loads(parts[0])
                return DONE, []
            case "results":
                self._results += parts
                return DONE, []
            case "report":
                return self._report(Path(fields["path"]), *parts)
            case "merged":
                return self._merged(fields["algorithm"])
        raise WorkerError("there is no such command.", code="worker_command")

    def _open(self, source: dict[str, Any], cache: str | None) -> Result:
        from podium.datasources import Datasource

        self._source = Datasource.load(source).caching(Path(cache) if cache else None)
        return json.dumps({"opened": True}), []

    def _profile(self, stage: str) -> Result:
        from podium.workers.profile import profile

        return profile(self._source, "full" if stage == "full" else "partial", self._progress).model_dump_json(), []

    def _write_contract(self, schema: dict[str, Any], path: Path) -> Result:
        from podium.project import load

        contracts = load("schemas.datasource")
        contract = contracts.contract_of(DatasourceSchema.model_validate(schema), key=self._source.key)
        return json.dumps({"path": str(contracts.save(contract, path))}), []

    def _validate(self, contract: Path) -> Result:
        from podium.workers.validating import validated

        progress = self._progress
        return validated(self._source, contract, progress=lambda rows: progress(Scanned(rows, 0, 1))).model_dump_json(), []

    def _compute(self, fields: dict[str, Any]) -> Result:
        from podium.algorithms import Algorithm

        algorithm = Algorithm.load(fields)
        if self._reading is None or (good := self._reading.good) is None:
            raise WorkerError("no rows were selected yet.", code="worker_command")
        columns = algorithm.columns()
        for name in columns:
            if name not in good.names:
                raise ConfigError(f"there is no column {name!r}.", field=f"algorithm.{algorithm.kind}", code="unknown_column")
        return algorithm.local(good.batches(columns)).model_dump_json(), []

    def _survey(self, unless: str, contract: Path, *, by_parts: bool) -> Result:
        from podium.workers.survey import survey

        found, self._parts = survey(self._source, unless, contract=contract, by_parts=by_parts)
        return found.model_dump_json(), []

    def _history(self, of: str, chunk: bytes) -> Result:
        if of == "lost":
            self._records.lose(chunk)
        else:
            self._records.add(chunk)
        return DONE, []

    def _begin(self, fields: dict[str, Any], secret: bytes) -> Result:
        from podium.workers.reading import Order, Reading

        records, self._records = self._records, Records()
        if self._reading is not None:
            self._reading.close()
            self._reading = None
        for part in fields["ids"]:
            if part not in self._parts:
                raise WorkerError("there is no such part.", code="worker_command")
        order = Order(
            parts=[self._parts[part] for part in fields["ids"]],
            secret=secret,
            new_only=bool(fields["new_only"]),
            contract=Path(fields["contract"]),
            algorithm=fields["algorithm"],
            results=bool(fields["results"]),
        )
        self._reading = Reading(self._source, order, records, progress=lambda rows: self._progress(Scanned(rows, 0, 1)))
        return DONE, []

    def _part(self, place: int) -> Result:
        report = self._current().part(place)
        state = b"" if report.state is None else json.dumps(report.state, allow_nan=False).encode()
        return report.model_dump_json(exclude={*BINARY, "state"}), [*(getattr(report, name) for name in BINARY), state]

    def _merged(self, fields: dict[str, Any]) -> Result:
        from podium.workers.reading import additive

        states, self._states = self._states, []
        return additive(fields).merged(states).model_dump_json(), []

    def _report(self, path: Path, secret: bytes) -> Result:
        from podium.workers.report import Results, write_report

        results, self._results = Results(self._results), []
        told = write_report(self._source, results, path, secret=secret, progress=lambda rows: self._progress(Scanned(rows, 0, 1)))
        return told.model_dump_json(), []

    def _current(self) -> Reading:
        if self._reading is None:
            raise WorkerError("no run has begun.", code="worker_command")
        return self._reading
