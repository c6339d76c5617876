"""The pod's log: each record one line, whoever chose its words, and nothing in it that steers a terminal."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

from podium.local_log import BAR, FORM, OneLine

FORGED = "2026-01-01 00:00:00,000 INFO    grant 7 was revoked"


def written(message: str, *args: object, error: BaseException | None = None) -> list[str]:
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("podium.pod", logging.WARNING, "f", 1, message, args, exc_info)
    record.exc_text = "of another formatter\x1b"
    return OneLine(FORM).format(record).split("\n")


def test_a_message_stays_one_line_and_steers_nothing() -> None:
    (line,) = written("refused: %s", f"x\r\n{FORGED}\x1b[31m\x85\u2028\u202e\x9b2J\ud800")
    assert line.isprintable()
    assert line.endswith(f"refused: x\\r\\n{FORGED}\\x1b[31m\\x85\\u2028\\u202e\\x9b2J\\ud800")


def test_a_traceback_keeps_its_lines_behind_the_bar() -> None:
    try:
        raise ValueError(f"cell\n{FORGED}\x1b[2J\x1b")
    except ValueError as error:
        first, *rest = written("run failed", error=error)
    assert first.endswith("WARNING run failed")
    assert len(rest) > 3
    assert all(line.startswith(BAR) and line.isprintable() for line in rest)
    assert sum(FORGED in line for line in rest) == 1


def test_a_log_call_outside_an_exception_has_no_traceback() -> None:
    record = logging.LogRecord("podium.pod", logging.INFO, "f", 1, "as it is: Zoë, 10 %", (), sys.exc_info())
    assert OneLine("%(message)s").format(record) == "as it is: Zoë, 10 %"


def test_only_a_served_run_sets_up_the_pods_log_and_never_turns_it_over(tmp_path: Path) -> None:
    code = f"""
import logging, os, pathlib
from podium.local_log import SERVED, served_log
folder = pathlib.Path({str(tmp_path)!r})
served_log(folder)
assert not (folder / "pod.log").exists()
os.environ[SERVED] = "1"
served_log(folder)
served_log(folder)
logging.getLogger("podium.pod").warning("not served\\n%s", "forged")
for number in range(2000):
    logging.getLogger("podium.pod").info("%s", "x" * 3000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""  # that is for the one JSON value of `podium pod start --json`
    assert done.stderr.count("not served\\nforged") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pod.log"]
    assert (tmp_path / "pod.log").stat().st_size > 6_000_000
    assert (tmp_path / "pod.log").stat().st_mode & 0o777 == 0o600
