"""`import podium` and `podium --help`, each over a bare interpreter that starts and ends."""

from __future__ import annotations

import json
import sys

from benchmarks._measure import BIN, Bar, arguments, emit, median, prove, ran

BARS = (
    Bar(figure="value", most=0.25, what="import podium, over a bare interpreter (s)"),
    Bar(figure="help", most=0.4, what="podium --help, over a bare interpreter (s)"),
)
HEAVY = ["pandas", "prefect", "duckdb", "pyarrow", "polars", "pandera", "fastapi", "sqlmodel", "sqlalchemy", "numpy", "sklearn"]
LOADED = f"import json, sys; json.dump([m for m in {HEAVY} if m in sys.modules], sys.stdout)"
HELP = "import contextlib, io, sys; sys.argv = ['podium', '--help']; from podium.cli import main\n\
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main()\n"


def main(rounds: int) -> None:
    python = [sys.executable, "-c"]
    commands = {"bare": [*python, "pass"], "import": [*python, "import podium"], "help": [str(BIN / "podium"), "--help"]}
    taken = [{name: ran(command) for name, command in commands.items()} for _ in range(rounds)]
    wall = {name: median([one[name].wall for one in taken]) for name in commands}
    cpu = {name: median([one[name].cpu for one in taken]) for name in commands}
    checks = {
        "help": wall["help"] - wall["bare"],
        "import_cpu": cpu["import"] - cpu["bare"],
        "help_cpu": cpu["help"] - cpu["bare"],
        "verbs_shown": all(verb in taken[0]["help"].output for verb in ("demo", "pod", "hub", "ask")),
        "heavy_by_import": json.loads(ran([*python, f"import podium; {LOADED}"]).output),
        "heavy_by_help": json.loads(ran([*python, f"{HELP}{LOADED}"]).output),
    }
    prove(checks, verbs_shown=True)
    value = wall["import"] - wall["bare"]
    emit("import_time", value=value, unit="s", floor=wall["bare"], checks=checks)


if __name__ == "__main__":
    main(arguments(rounds=9).rounds)
