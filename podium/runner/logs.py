"""What is shipped to Prefect's log: lines written by `podium.timeline`, and nothing else.

Exception text quotes cells, and Prefect's engine logs it; so do other libraries. The allow-list stands on the handlers that ship
(`logging.yml` beside this file), so that every line still reaches the local log. A filter in a configuration file also holds in
the processes that Prefect's runner starts. Prefect reads this module while it is being imported itself: no Prefect here.
"""

from __future__ import annotations

import logging

from podium.timeline import MARK


class OnlyMarked(logging.Filter):
    """Passes the records of `podium.timeline`, without their exception if one slipped in."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, MARK, False) is True and record.exc_info is None and record.stack_info is None


def unguarded() -> list[str]:
    """Names of loggers whose shipping handler lacks the allow-list: empty when `PREFECT_LOGGING_SETTINGS_PATH` was in force."""
    from prefect.logging.handlers import APILogHandler

    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.Logger.manager.loggerDict))]
    return [
        logger.name
        for logger in loggers
        for handler in logger.handlers
        if isinstance(handler, APILogHandler) and not any(isinstance(each, OnlyMarked) for each in handler.filters)
    ]
