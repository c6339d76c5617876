"""The page on drift that a custodian reads in Prefect: what changed, since when, what it means, what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from podium.config import DisclosureSection, prefect_name
from podium.drift.diff import Drift
from podium.drift.telling import rows_told, told
from podium.text import printable

_MARKS = re.compile(r"([\\`*_{}\[\]()#+.!|<>~-])")
HEADINGS = {
    "break": "Break: questions are refused, or mean something else",
    "drift": "Drift: figures from before and after do not compare",
    "note": "Note: good to know",
}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the page is about. Times are as people read them; `open`: of consequence, and not accepted; `policy` is `on_drift`."""

    pod: str
    datasource: str
    since: str
    at: str
    before: int
    after: int
    open: bool
    policy: str


def page(drift: Drift, facts: Facts, rules: DisclosureSection) -> str:
    """The page as Markdown."""
    name = plain(facts.datasource)
    between = f"Compared: schema {facts.before}, taken {facts.since}, and schema {facts.after}, taken {facts.at}."
    rows = f"Rows: {rows_told(drift.rows_before, rules)} then, {rows_told(drift.rows_after, rules)} now."
    if not drift.changes:
        return f"# {name}: nothing has changed\n\n{between} {rows}\n"
    title = "has changed" if drift.of_consequence else "has changed a little"
    return (
        f"# {name} {title}\n\n{between} {rows}\n\n{_by_level(drift, rules)}\n## What to do\n\n{_to_do(facts)}\n\n"
        f"Counts are rounded to {rules.round_to} and no value is shown; `podium pod drift {facts.pod} --full` shows them, for you alone.\n"
    )


def _by_level(drift: Drift, rules: DisclosureSection) -> str:
    """Lists, for a table would be wider than the page."""
    lines, text = told(drift, rules), ""
    for level, heading in HEADINGS.items():
        listed = [one for one in lines if one.level == level]
        text += f"### {heading}\n\n" if listed else ""
        text += "".join(f"- **{plain(one.column or 'the whole')}**: {plain(one.what)}; {plain(one.means)}\n" for one in listed)
        text += "\n" if listed else ""
    return text


def plain(text: str) -> str:
    """Somebody's words as Markdown that shows them and does nothing else."""
    return _MARKS.sub(r"\\\1", printable(text)).replace("\\<", "&lt;").replace("\\>", "&gt;")


def _to_do(facts: Facts) -> str:
    if not facts.open:
        return "Nothing: tasks go on."
    tasks = "**Tasks on it are refused**" if facts.policy == "stop" else "Tasks go on, and `podium pod status` says so"
    return (
        f"{tasks} (`on_drift: {facts.policy}`) until you accept the data, or they are back as they were.\n\n"
        f"- They are right as they are now: `podium pod drift {facts.pod} --accept {facts.datasource}`\n"
        f"- They are not: mend them, and refresh the schema: `prefect deployment run 'schema-generation/{prefect_name(facts.pod)}'`"
    )
