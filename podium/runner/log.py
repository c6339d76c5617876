"""The pod's local log: `pod.log` in its folder, for the custodian alone, and the same lines on standard output."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from podium.files import private_folder
from podium.timeline import LOGGER as TIMELINE

FORM = "%(asctime)s %(levelname)-7s %(message)s"


def local_log(folder: Path) -> logging.Logger:
    """Set up and return the logger `podium.pod`. The file is 0600 and rotates at 5 MB."""
    path = private_folder(folder) / "pod.log"
    path.touch(mode=0o600)
    logger = logging.getLogger("podium")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in (RotatingFileHandler(path, maxBytes=5_000_000, backupCount=3), logging.StreamHandler(sys.stdout)):
        handler.setFormatter(logging.Formatter(FORM, "%H:%M:%S" if not isinstance(handler, RotatingFileHandler) else None))
        logger.addHandler(handler)
    return logging.getLogger("podium.pod")


def show_timeline() -> None:
    """Write the lines of `podium.timeline` to the local log too. Called once Prefect has set up its own loggers."""
    timeline = logging.getLogger(TIMELINE)
    for handler in logging.getLogger("podium").handlers:
        timeline.addHandler(handler)
