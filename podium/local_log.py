"""The pod's local log: `pod.log` in its folder, for the custodian alone, and the same lines on the terminal.

Analysts and data choose some of the words. So a line is always one line that Podium wrote: whatever could end it or steer a terminal
is written as an escape, and a traceback stands behind a bar.
"""

from __future__ import annotations

import logging
import os
import sys
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from textwrap import indent
from typing import TextIO

from podium.files import private_folder, private_opener
from podium.text import printable
from podium.timeline import LOGGER as TIMELINE

FORM = "%(asctime)s %(levelname)-7s %(message)s"
BAR = "  | "  # no line of the log begins like this
SERVED = "PODIUM_SERVED_RUN"  # in the environment of processes that Prefect starts for the pod


def local_log(folder: Path, terminal: TextIO | None = None, *, most: int = 5_000_000) -> logging.Logger:
    """Set up and return the logger `podium.pod`. The file is 0600 and rotates at `most` bytes. `terminal`: else standard output."""
    path = private_folder(folder) / "pod.log"
    logger = logging.getLogger("podium")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in (_PrivateFile(path, maxBytes=most, backupCount=3, encoding="utf-8"), logging.StreamHandler(terminal or sys.stdout)):
        handler.setFormatter(OneLine(FORM, "%H:%M:%S" if not isinstance(handler, RotatingFileHandler) else None))
        logger.addHandler(handler)
    return logging.getLogger("podium.pod")


def served_log(folder: Path) -> None:
    """The same log in a process that Prefect has started for the pod; elsewhere nothing. Turning the file over is left to the pod."""
    if os.environ.get(SERVED) and not logging.getLogger("podium").handlers:
        local_log(folder, sys.stderr, most=0)
        show_timeline()


def show_timeline() -> None:
    """Write the lines of `podium.timeline` to the local log too. Called once Prefect has set up its own loggers.

    The engine's own lines about runs are kept off the terminal: the pod's log tells the same in fewer words.
    """
    timeline = logging.getLogger(TIMELINE)
    for handler in logging.getLogger("podium").handlers:
        timeline.addHandler(handler)
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).propagate = False
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.WARNING)


class OneLine(logging.Formatter):
    """A record is one printable line; its traceback follows, each line behind the bar."""

    def format(self, record: logging.LogRecord) -> str:
        record.message, record.asctime = record.getMessage(), self.formatTime(record, self.datefmt)
        below = self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
        below = "\n".join(filter(None, (below, record.stack_info)))
        behind_the_bar = indent(printable(below, keep="\n"), BAR, lambda _: True)
        return "\n".join(filter(None, (printable(self.formatMessage(record)), behind_the_bar)))


class _PrivateFile(RotatingFileHandler):
    """The file that follows on a full one is private too."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=private_opener)  # type: ignore[return-value]
