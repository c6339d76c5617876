"""`podium demo` in an empty PODIUM_HOME, environment built, over a bare `prefect server start` in an empty home until it answers.

The demo's own time is that of a whole Prefect server, a hub, two pods, their schemas, six federated questions (one is a regression in
eleven rounds), and the end of it all.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path

from benchmarks._measure import BIN, Bar, arguments, emit, fresh, knowing, median, prove, ran

BARS = (Bar(figure="value", most=18, what="demo, over a bare Prefect server's start (s)"),)


def main(rounds: int) -> None:
    demos, floors, reports, left = [], [], [], []
    for _ in range(rounds):
        with fresh() as folder:
            env = {**clean(), "PODIUM_HOME": str(folder / "home")}
            took = ran([BIN / "podium", "demo", "--json"], env=env)
            left += knowing(folder)
            demos.append(took.wall)
            reports.append(json.loads(took.output))
        with fresh() as folder:
            floors.append(bare_prefect(folder))
    questions = reports[0]["questions"]
    checks = {
        "demo": median(demos),
        "questions_released": sum(one["status"] == "released" for one in questions),
        "within_tolerance": all(one["difference"] <= one["tolerance"] for report in reports for one in report["questions"]),
        "pods_that_answered": min(len(one["pods"]) for one in questions),
        "question_s": median([one["seconds"] for report in reports for one in report["questions"]]),
        "processes_left": len(left),
    }
    prove(checks, questions_released=len(questions), within_tolerance=True, pods_that_answered=2, processes_left=0)
    value, floor = median(demos) - median(floors), median(floors)
    emit("demo_seconds", value=value, unit="s", floor=floor, ratio=median(demos) / floor, checks=checks)


def bare_prefect(folder: Path) -> float:
    """Seconds until /api/health answers."""
    import httpx

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"PREFECT_HOME": str(folder), "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    began = time.perf_counter()
    out = subprocess.DEVNULL
    server = subprocess.Popen(command, env={**clean(), **quiet}, stdout=out, stderr=out)
    try:
        with httpx.Client(trust_env=False) as client:
            while time.perf_counter() - began < 120:
                try:
                    if client.get(f"http://127.0.0.1:{port}/api/health").is_success:
                        return time.perf_counter() - began
                except httpx.TransportError:
                    time.sleep(0.05)
        raise TimeoutError("a bare Prefect server did not answer")
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PODIUM_"))}


if __name__ == "__main__":
    main(arguments(rounds=2).rounds)
