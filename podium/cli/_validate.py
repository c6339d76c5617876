"""A contract tried on data before any run meets it: which rules are broken, and by how many rows. Never a value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from podium.cli._look import meant, named

if TYPE_CHECKING:
    from podium.contracts import ValidationReport
    from podium.datasources import Datasource


def tried(path: str, *, pod: str, datasource: str, contract: Path | None) -> ValidationReport:
    """The rows of what is named, held against a contract; without one, against the pod's own. Raises ConfigError or DataSourceError."""
    import asyncio

    from podium.errors import ConfigError

    source, kept = _of_pod(pod, datasource) if pod and not path else (named(path, pod=pod, datasource=datasource)[1], None)
    file = contract.expanduser().absolute() if contract else kept
    if file is None:
        raise ConfigError("a contract is needed.", field="--contract", remedy="Name its file, or --pod POD whose contract is meant.")
    if not file.is_file():
        raise ConfigError(f"there is no file {file}.", field="--contract", remedy="A pod writes one with each full schema.")
    return asyncio.run(_validated(source, file))


def told(report: ValidationReport) -> str:
    """For a person: a line for each rule that is broken, the most broken first."""
    if report.ok:
        return f"{report.rows:,} rows, and every rule holds."
    worst = sorted(report.failures.items(), key=lambda failure: (-failure[1], failure[0]))
    lines = [f"  {count:>12,}  {rule}" for rule, count in worst]
    return "\n".join([f"{report.rows:,} rows; rows that break a rule:", *lines])


def _of_pod(pod: str, wanted: str) -> tuple[Datasource, Path]:
    from podium.cli._pods import find_pod
    from podium.config import saved_pod
    from podium.datasources import load_source

    config = saved_pod(find_pod(pod))
    name = meant(config, wanted)
    fields = next(entry for entry in config.datasources if entry["name"] == name)
    return load_source(fields), config.folder / "contracts" / f"{name}.yaml"


async def _validated(source: Datasource, contract: Path) -> ValidationReport:
    from podium.config import home
    from podium.workers.session import Limits, WorkerSession

    async with WorkerSession.open(source.dump(), limits=Limits(seconds=24 * 3600), folder=home() / "work") as worker:
        return await worker.validate(contract)
