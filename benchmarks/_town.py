"""A hub, pods and an analyst as real processes in a folder of their own, all at the defaults but for `limits`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from benchmarks._measure import BIN

OWNER = "demo"


class Town:
    """`with Town(folder) as town:`. Prefect's server comes with the first pod, or with `start_prefect`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.pods: dict[str, subprocess.Popen[str]] = {}
        self.hub: subprocess.Popen[str] | None = None
        self.limits: dict[str, int] = {}  # the pods' `limits`, where they are not the defaults

    def __enter__(self) -> Self:
        self._outer = dict(os.environ)
        for name in [name for name in os.environ if name.startswith(("PREFECT_", "PODIUM_"))]:
            del os.environ[name]
        os.environ.update(PODIUM_HOME=str(self.home), PODIUM_PREFECT_PORT="0")
        return self

    def __exit__(self, *_: object) -> None:
        from podium.runner import server

        self.stop_pods()
        if self.hub is not None:
            assert self.hub.stdin is not None
            self.hub.stdin.close()  # its lifeline
            self.hub.wait(10)
        server.stop()
        os.environ.clear()
        os.environ.update(self._outer)

    def start_prefect(self) -> Any:
        from podium.runner import server

        return server.ensure(holder=os.getpid())

    def start_hub(self) -> str:
        command = [sys.executable, "-P", "-m", "podium.hub", "--port", "0", "--json", "--lifeline"]
        pipe = subprocess.PIPE
        self.hub = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        assert self.hub.stdout is not None
        self.url = str(json.loads(self.hub.stdout.readline())["url"])
        return self.url

    def start_pods(self, **sources: Path) -> None:
        """`podium pod start` for each NAME=CSV, whose column `patient` is the key."""
        for name, path in sources.items():
            file = self.folder / f"{name}.yaml"
            source = {"name": "patients", "kind": "csv", "path": str(path), "key": ["patient"]}
            sections = {"pod": {"name": name, "owner": OWNER}, "hub": {"url": self.url}, "datasources": [source], "limits": self.limits}
            file.write_text(json.dumps(sections))
            with (self.folder / f"{name}.log").open("a") as log:
                command = [str(BIN / "podium"), "pod", "start", str(file)]
                self.pods[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True)

    def wait_ready(self, *, seconds: float = 120) -> None:
        """Until every pod serves and every schema is full."""
        deadline = time.monotonic() + seconds
        while not all(self._settled(name) for name in self.pods):
            if time.monotonic() > deadline or any(process.poll() is not None for process in self.pods.values()):
                sys.exit("\n".join((self.folder / f"{name}.log").read_text()[-3000:] for name in self.pods))
            time.sleep(0.02)

    def stop_pods(self) -> None:
        for process in self.pods.values():
            process.terminate()
        for process in self.pods.values():
            process.wait(30)
        self.pods.clear()

    def state(self, name: str) -> dict[str, Any]:
        path = self.pod_folder(name) / "state.json"
        return dict(json.loads(path.read_text())) if path.is_file() else {}

    def pod_folder(self, name: str) -> Path:
        return self.home / "pods" / OWNER / name

    def session(self) -> Any:
        import podium

        return podium.connect(self.url, user="ana", home=self.home)

    def grant(self, name: str, analyst: str) -> None:
        """Counts, means and a regression of four columns, as a custodian grants them."""
        from podium.config import pod_folder
        from podium.crypto.custodian import custodian_key
        from podium.policy.grants import Grant, sign_grant
        from schemas.stores import GrantStore, PodDatabase

        key, now, pod = custodian_key(), int(time.time()), f"{OWNER}/{name}"
        kinds = {"algorithms": ("count", "mean", "logistic"), "protocols": ("one_round", "many_rounds")}
        what = {"datasources": ("patients",), "columns": ("age", "sex", "weight", "pressure"), **kinds}
        grant = Grant(id=name, pod=pod, analyst=analyst, alias="Ana", not_before=now, expires=now + 86_400, max_runs=100, **what)
        database = PodDatabase.of(folder=pod_folder(pod), pod=pod)
        GrantStore(database).add(name, sign_grant(grant, custodian=key.fingerprint, sign=key.sign), now=now)
        database.close()

    def _settled(self, name: str) -> bool:
        state = self.state(name)
        return state.get("phase") == "serving" and set(state["datasources"].values()) == {"full"}


def patients(path: Path, rows: int, *, seed: int) -> Path:
    """A CSV of `patient` (the key), `age`, `sex` and two measurements."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(seed)
    columns = {
        "patient": [f"p{seed}-{number:07d}" for number in range(rows)],
        "age": random.integers(18, 95, rows),
        "sex": random.choice(["f", "m"], rows),
        "weight": random.normal(75, 12, rows).round(1),
        "pressure": random.integers(90, 190, rows),
    }
    pd.DataFrame(columns).to_csv(path, index=False)
    return path
