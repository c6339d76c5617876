"""The one way to put a line into a run's timeline, where the custodian sees it in Prefect.

    timeline("released", task=task.id, rows=40, rule="min_cell")     →     released  task=3f0c…  rows=40  rule=min_cell

A line written in any other way stays in the pod's local log: `podium.runner.logs` ships marked records only. So the message is
a fixed phrase and the values are ids, names, column names and counts. A value that could be anything else is not written out.
"""

from __future__ import annotations

import logging
import re

MARK = "podium_timeline"
LOGGER = "prefect.flow_runs.podium"  # Prefect's handler sits on its parent; without Prefect, a plain logger
_PLAIN = re.compile(r"[A-Za-z0-9_.@/:+-]{1,128}")


def timeline(message: str, **ids: str | int) -> None:
    """Log the phrase and the values, marked for shipping. Never pass it text that came from data or from an exception."""
    values = "".join(f"  {name}={_plain(value)}" for name, value in ids.items())
    logging.getLogger(LOGGER).info("%s%s", message, values, extra={MARK: True})


def _plain(value: str | int) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else "(not shown)"
