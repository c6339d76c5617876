"""What a hub and two pods hold while they wait, after they have answered a question; Prefect's server is counted apart.

Proportional set size of whole process trees, `podium pod start` included; `warm`: while each pod keeps a loaded process for the next run.
Floor: as many bare Pythons.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from benchmarks._measure import Bar, arguments, emit, fresh, median, prove
from benchmarks.federated_mean import ask

BARS = (
    Bar(figure="value", most=300, what="hub and two pods, no worker (MB)"),
    Bar(figure="warm", most=500, what="hub and two pods, one warm worker each (MB)"),
)
WARM_SECONDS = 12
HEAVY = ("pandas", "pandera", "duckdb", "polars", "pyarrow")


def main(rows: int, rounds: int) -> None:
    from benchmarks._town import OWNER, Town, patients
    from podium.runner import server

    with fresh() as folder, Town(folder) as town:
        files = {name: patients(folder / f"{name}.csv", rows, seed=seed) for seed, name in enumerate(("a", "b"))}
        town.limits = {"warm_seconds": WARM_SECONDS}
        town.start_hub()
        session = town.session()
        for name in files:
            town.grant(name, session.fingerprint)
        town.start_pods(**files)
        town.wait_ready()
        _, answer = ask(session, [f"{OWNER}/{name}" for name in files])
        time.sleep(WARM_SECONDS / 2)  # workers are gone, the next ones' libraries are loaded
        assert town.hub is not None
        starters = [process.pid for process in town.pods.values()]
        kept = [pid for pid in tree(starters) if "podium.workers.forkserver" in psutil.Process(pid).cmdline()]
        served = set(tree([server.current().pid]))
        warm = pss([town.hub.pid, *(pid for pid in tree(starters) if pid not in served)])
        time.sleep(WARM_SECONDS)  # those are gone, too, and the last log lines are shipped
        pods = [int(town.state(name)["pid"]) for name in files]
        prefect = tree([server.current().pid])  # the first pod is its parent
        trees = {"hub": tree([town.hub.pid]), "pods": [pid for pid in tree(starters) if pid not in prefect], "prefect": prefect}
        taken = [{name: pss(members) for name, members in trees.items()} for _ in range(rounds)]
        starting = pss(starters)
        mapped = sorted({name for pid in trees["pods"] for name in loaded(pid)})
        others = [" ".join(psutil.Process(pid).cmdline()[1:])[:80] for pid in trees["pods"] if pid not in (*starters, *pods)]
        floor = bare(len(trees["hub"]) + len(trees["pods"]))
    middle = {name: median([one[name] for one in taken]) for name in trees}
    checks = {
        "warm": warm,
        "warm_workers": len(kept),
        "hub_mb": middle["hub"],
        "pods_mb": middle["pods"],
        "of_that_podium_pod_start_mb": starting,
        "prefect_mb": middle["prefect"],
        "processes": len(trees["hub"]) + len(trees["pods"]),
        "heavy_mapped": mapped,
        "others": others,  # workers, or whatever else a pod has started
        "rows_answered": answer.rows,
        "pods_in_trees": sum(pid in trees["pods"] for pid in pods),
    }
    prove(checks, warm_workers=2, heavy_mapped=[], others=[], rows_answered=2 * rows, pods_in_trees=2)
    emit("idle_memory", value=middle["hub"] + middle["pods"], unit="MB", floor=floor, checks=checks)


def tree(roots: Iterable[int]) -> list[int]:
    return [process.pid for root in roots for process in (psutil.Process(root), *psutil.Process(root).children(recursive=True))]


def pss(pids: Iterable[int]) -> float:
    """Megabytes, what is shared divided among those who share it; the resident set where there is no /proc."""
    return sum(getattr(psutil.Process(pid).memory_full_info(), "pss", 0) or psutil.Process(pid).memory_info().rss for pid in pids) / 1e6


def loaded(pid: int) -> list[str]:
    """Which of the heavy packages have files mapped into the process."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return [name for name in HEAVY if f"/site-packages/{name}/" in maps or f"/{name}." in maps or f"/_{name}" in maps]


def bare(count: int) -> float:
    pipe = subprocess.PIPE
    idle = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=pipe, stderr=subprocess.DEVNULL) for _ in range(count)]
    try:
        time.sleep(0.5)
        return pss([process.pid for process in idle])
    finally:
        for process in idle:
            process.kill()
            process.wait()


if __name__ == "__main__":
    given = arguments(rows=10_000, rounds=3)
    main(given.rows, given.rounds)
