"""`python -m benchmarks [NAME…]`: run all or some, one after another, and write RESULTS.md. What is not run keeps its last line there."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks._measure import ROOT
from benchmarks._results import Taken, read, write

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("[a-z]*.py"))
SECONDS = 180


def main(wanted: list[str]) -> int:
    """The exit code: 1 when a benchmark could not be taken. A bar that is not held is told, not punished."""
    if unknown := [name for name in wanted if name not in NAMES]:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    results, failed = read(HERE / "RESULTS.md"), []
    for name in wanted or NAMES:
        load, began = os.getloadavg()[0], time.monotonic()
        line = run(name)
        print(f"{time.monotonic() - began:5.0f} s  {json.dumps(line) if line else f'{name} could not be taken'}", flush=True)
        if line is None:
            failed.append(name)
            continue
        results[name] = Taken(when=time.strftime("%Y-%m-%d %H:%M", time.gmtime()), load=round(load, 1), line=line)
        write(HERE / "RESULTS.md", results, bars={each: importlib.import_module(f"benchmarks.{each}").BARS for each in results})
    return bool(failed)


def run(name: str) -> dict[str, Any] | None:
    """Its last line; None when it failed or took too long: then it is asked to end, so that it takes its processes along."""
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        said, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        return None
    return dict(json.loads(said.splitlines()[-1])) if process.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
