"""Show: the artifacts a custodian reads in Prefect's UI. Ids, kinds, column names, rules, rounded counts; never a value or a literal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any

from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from podium.config import DisclosureSection
from podium.contracts import DatasourceSchema
from podium.crypto.keys import pretty
from podium.drift.page import Facts, page
from podium.drift.telling import headline, rows_told
from podium.privacy import told
from podium.privacy.disclosure import Rules
from schemas.changes import Standing
from schemas.questions import COUNTS, last_runs
from tasks.case import Case
from tasks.desk import Desk
from tasks.step import log

LAST_RUNS = 20


async def show_run(case: Case) -> None:
    """What was asked, by whom, and what left."""
    record, released = case.record, getattr(case, "released", None)
    who = record.alias or (pretty(record.analyst) if record.analyst else "unknown key")
    columns = ", ".join(case.algorithm.columns()) if case.admitted else "-"  # until then they are a stranger's words
    rules = ", ".join(s.rule for s in released.suppressed) if released and released.suppressed else "none"
    lines = {
        "Why": record.code or "-",
        "Asked by": who,
        "Task": record.task or "-",
        "Algorithm": record.algorithm or "-",
        "Datasource": record.datasource or "-",
        "Columns read": columns,
        "Datapoints (rounded)": _datapoints({name: getattr(record, name) for name in COUNTS}, case.desk.config.disclosure),
        "Rows behind what left (rounded)": f"{record.rows_released or 0:,}",
        "Kept back by rule": rules,
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in lines.items())
    await _kept_going(
        _create_page(
            case,
            f"# Run {case.id8}: {record.status.value}\n\n| Status | {record.status.value} |\n|---|---|\n{table}\n",
            description=f"{record.status.value}: {record.algorithm or 'task'} for {who} on {case.desk.tag}",
        )
    )


async def _create_page(case: Case, page: str, *, description: str) -> None:
    """One artifact a run: what came of it, and below it the last runs of the same question."""
    past = await asyncio.to_thread(_past, case) if case.record.task_no is not None else []
    page += history_page(past, case.desk.config.disclosure, no=case.record.task_no)
    await acreate_markdown_artifact(page, key=f"run-{case.id8}", description=description)


def _past(case: Case) -> list[dict[str, Any]]:
    with case.desk.database.transaction() as session:
        return last_runs(session, case.record.task_no or 0, LAST_RUNS)


def history_page(runs: list[dict[str, Any]], rules: DisclosureSection, *, no: int | None) -> str:
    """The runs of a question as a table, newest first; every count rounded, and a small one told as such."""
    if not runs:
        return ""
    rows = [(run["id"][:8], run["status"], _datapoints(run, rules), _stamp(run["received_at"])) for run in runs]
    title = f"## The last runs of this question\n\nDatapoints, rounded. Exactly, for you alone: `podium pod history --task {no}`"
    head = "| run | status | datapoints | received |\n|---|---|---|---|"
    return "\n".join(["", title, "", head, *(f"| {' | '.join(cells)} |" for cells in rows), ""])


def _datapoints(counts: Mapping[str, int | None], rules: DisclosureSection) -> str:
    """The counts that are not zero, rounded; a dash where nothing was counted."""
    known = {name: count for name in COUNTS if (count := counts[name]) is not None}
    some = {name: count for name, count in known.items() if count} or dict(list(known.items())[:1])
    return ", ".join(f"{rows_told(count, rules)} {name}" for name, count in some.items()) or "-"


async def show_schema(desk: Desk, schema: DatasourceSchema) -> None:
    """The columns as they are now: what `schema_table` has, under the number of rows."""
    rules = desk.config.disclosure
    rows = f", {rows_told(schema.rows, rules)} rows (rounded)" if schema.rows is not None else ""
    await _kept_going(
        acreate_table_artifact(
            schema_table(schema, rules),
            key=artifact_key("schema", desk.tag, schema.datasource),
            description=f"{schema.stage} schema of {schema.datasource} on {desk.tag}{rows}, {_stamp(schema.generated_at)}",
        )
    )


def schema_table(schema: DatasourceSchema, rules: Rules) -> list[dict[str, Any]]:
    """Names, types, what each is taken for, counts as the disclosure rules let them be told, and the custodian's words."""
    counted, rows = told.counted(schema, rules), told.count(schema.rows or 0, rules)
    return [
        {
            "column": c.name,
            "type": c.type,
            "taken for": c.semantic,
            "missing": told.missing(told.count(c.nulls or 0, rules), rows, rules) if counted else "-",
            "different values": told.distinct(c, rules) if counted else "-",
            "unit": c.unit,
            "description": c.description,
        }
        for c in schema.columns
    ]


async def show_drift(desk: Desk, name: str, standing: Standing | None) -> None:
    """What has changed since the schema before, or since the last one that was accepted. No page for a datasource's first schema."""
    if standing is None:
        return
    facts = Facts(
        pod=desk.config.identifier,
        datasource=name,
        since=_stamp(standing.since),
        at=_stamp(standing.at),
        before=standing.before,
        after=standing.after,
        open=standing.open,
        policy=desk.source(name).on_drift,
    )
    await _kept_going(
        acreate_markdown_artifact(
            page(standing.drift, facts, desk.config.disclosure),
            key=artifact_key("drift", desk.tag, name),
            description=f"{name} on {desk.tag}, compared with {facts.since}: {headline(standing.drift)}",
        )
    )


async def show_start(desk: Desk, found: dict[str, str]) -> None:
    """Which datasources are served, and which are not. Why not is in the pod's log: a path is nobody else's business."""
    served = "\n".join(f"| {name} | {'served' if state == 'checked' else 'not served: see the pod log'} |" for name, state in found.items())
    await _kept_going(
        acreate_markdown_artifact(
            f"# Pod {desk.tag}\n\nHub: {desk.config.hub.url}\n\n| datasource | state |\n|---|---|\n{served}\n",
            key=artifact_key("pod", desk.tag),
            description=f"pod {desk.tag} started",
        )
    )


def artifact_key(*parts: str) -> str:
    """Parts joined as Prefect takes them: a-z, 0-9 and dashes."""
    return "-".join("".join(c if c.isascii() and (c.islower() or c.isdigit()) else "-" for c in part) for part in parts)


async def _kept_going(artifact: Awaitable[object]) -> None:
    try:
        await artifact
    except Exception as error:  # noqa: BLE001 - the view may be down; the tables are the truth
        log.warning("an artifact could not be kept in Prefect: %s", type(error).__name__)


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
