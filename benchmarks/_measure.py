"""What every benchmark shares: a clock, child processes that are measured and ended, a folder that leaves nothing behind, the last line."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
median = statistics.median


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What a figure must hold: a field of the last line, or of its `checks`."""

    figure: str
    what: str
    most: float | None = None
    least: float | None = None

    def holds(self, figure: float) -> bool:
        return (self.most is None or figure <= self.most) and (self.least is None or figure >= self.least)

    def __str__(self) -> str:
        return f"≤ {self.most:g}" if self.least is None else f"≥ {self.least:g}"


@dataclass(frozen=True)
class Cost:
    """What a piece of work took. CPU seconds travel from machine to machine better than wall seconds do."""

    wall: float
    cpu: float
    output: str = ""


def arguments(**defaults: int) -> argparse.Namespace:
    """`--NAME NUMBER` options (1e6 is one too; none is 1), and `--part PART ARG…` for a script that measures itself in a child.

    SIGTERM ends it in good order.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser()
    for name, default in defaults.items():
        parser.add_argument(
            f"--{name}", type=lambda said: int(float(said)), nargs="?", const=1, default=default, help=f"default: {default}"
        )
    parser.add_argument("--part", nargs="+", default=[], help=argparse.SUPPRESS)
    return parser.parse_args()


@contextlib.contextmanager
def fresh() -> Iterator[Path]:
    """An empty folder, gone afterwards. Raises when a process that knows of it is still there."""
    with tempfile.TemporaryDirectory(prefix="podium-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)
        if left := knowing(name):
            sys.exit(f"these processes were left behind: {left}")


def knowing(folder: str | Path) -> list[int]:
    """Processes, other than this one, that have the folder in their environment, command or working directory."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = [*process.cmdline(), process.cwd(), *process.environ().values()]
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE and any(str(folder) in word for word in words):
                found.append(process.pid)
    return found


def timed(work: Callable[[], object]) -> Cost:
    """The cost of work in this process, all its threads together."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def ran(command: Sequence[str | Path], *, env: dict[str, str] | None = None, seconds: float = 300) -> Cost:
    """The cost of a process, from its start to its end. Raises when it fails."""
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    wall, after = time.perf_counter() - began, os.times()
    if done.returncode:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(wall, cpu, done.stdout)


def part(name: str, *args: object, env: dict[str, str] | None = None) -> dict[str, Any]:
    """The figures of one part of a benchmark, taken in a process of its own so that nothing else is in its memory."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--part", *map(str, args)]
    return dict(json.loads(ran(command, env=env).output.splitlines()[-1]))


def figures(cost: Cost, **more: object) -> None:
    """The last line of a part."""
    print(json.dumps({"wall": cost.wall, "cpu": cost.cpu, "peak_mb": peak_mb(), **more}))


def peak_mb() -> float:
    """The most memory that this process has held. Not ru_maxrss: a child starts with its parent's."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def middle(found: Sequence[dict[str, Any]], figure: str) -> float:
    return float(median(one[figure] for one in found))


def prove(checks: dict[str, Any], **expected: object) -> None:
    """The work was done: these checks have these values, or there is no figure."""
    wrong = {name: checks[name] for name, value in expected.items() if checks[name] != value}
    if wrong:
        sys.exit(f"not the work that was asked for: {wrong}, expected {expected}")


def emit(name: str, *, value: float, unit: str, floor: float, checks: dict[str, Any], ratio: float | None = None) -> None:
    """The last line. `ratio` is ours over the floor where the value itself is something else."""
    ratio = value / floor if ratio is None else ratio
    line = {"name": name, "value": short(value), "unit": unit, "floor": short(floor), "ratio": short(ratio)}
    print(json.dumps({**line, "checks": {key: short(one) for key, one in checks.items()}}), flush=True)


def short(value: Any) -> Any:
    """Three digits are all that a measurement is worth."""
    return (float(f"{value:.3g}") if abs(value) < 100 else round(value)) if isinstance(value, float) else value
