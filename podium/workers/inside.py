"""The commands, on the worker's side. Each returns JSON text and binary parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from podium.contracts import DatasourceSchema
from podium.errors import ConfigError, WorkerError
from podium.workers.progress import Progress, Scanned
from podium.workers.snapshot import Snapshot

Result = tuple[str, list[bytes]]


class Inside:
    """One datasource and the rows chosen from it."""

    def __init__(self, *, progress: Progress) -> None:
        self._progress = progress
        self._snapshot: Snapshot | None = None

    def do(self, fields: dict[str, Any], parts: list[bytes]) -> Result:
        """Carry out one command. Raises whatever goes wrong."""
        match fields["do"]:
            case "open":
                return self._open(fields["source"], fields.get("cache"))
            case "profile":
                return self._profile(fields["stage"])
            case "write_contract":
                return self._write_contract(fields["schema"], Path(fields["path"]))
            case "select":
                return self._select(fields["columns"], fields.get("contract"), *parts)
            case "validate":
                return self._validate(Path(fields["contract"]))
            case "compute":
                return self._compute(fields["algorithm"])
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

    def _select(self, columns: list[str] | None, contract: str | None, secret: bytes, known: bytes) -> Result:
        from podium.project import load
        from podium.workers.selection import select

        if contract is not None:
            load("schemas.contract_file").load(Path(contract))  # a slip in it is told before a row is read
        if self._snapshot is not None:
            self._snapshot.close()

        def progress(rows: int) -> None:
            self._progress(Scanned(rows, 0, 1))

        report, self._snapshot = select(self._source, columns=columns, secret=secret, known=known, progress=progress)
        return report.model_dump_json(exclude={"keys", "fingerprints"}), [report.keys, report.fingerprints]

    def _validate(self, path: Path) -> Result:
        from podium.project import load

        contracts = load("schemas.datasource")
        snapshot = self._chosen()
        contract = contracts.only(contracts.read(path), snapshot.names)
        return contracts.validate(snapshot.batches(), contract).model_dump_json(), []

    def _compute(self, fields: dict[str, Any]) -> Result:
        from podium.algorithms import Algorithm

        algorithm = Algorithm.load(fields)
        snapshot = self._chosen()
        columns = algorithm.columns()
        for name in columns:
            if name not in snapshot.names:
                raise ConfigError(f"column {name!r} was not selected.", field=f"algorithm.{algorithm.kind}", code="unknown_column")
        return algorithm.local(snapshot.batches(columns)).model_dump_json(), []

    def _chosen(self) -> Snapshot:
        if self._snapshot is None:
            raise WorkerError("no rows were selected yet.", code="worker_command")
        return self._snapshot
