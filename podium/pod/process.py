"""The pod's process, from the side of whoever started it."""

from __future__ import annotations

import subprocess
import sys
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from pathlib import Path

from podium.config import PodConfig, keep_pod, pod_folder
from podium.errors import PodRegistrationError
from podium.files import private_folder
from podium.pod.gatekeeper import Gatekeeper
from podium.pod.startable import startable
from podium.policy.access import AccessManager
from podium.state import PodState, alone, read_state

STOP_SECONDS = 6.0


class PodProcess:
    """One pod's process. `access_manager` is asked by it for as long as this process lives."""

    def __init__(self, config: PodConfig, *, show: Callable[[str], None] = print, access_manager: AccessManager | None = None) -> None:
        self.config, self.show, self.access_manager = config, show, access_manager
        self.child: subprocess.Popen[str] | None = None

    @property
    def folder(self) -> Path:
        """Where the pod keeps its things."""
        return pod_folder(self.config.identifier)

    def prepare(self) -> list[str]:
        """Write pod.json; the command that runs the pod. Raises ConfigError, or PodRegistrationError when it runs already."""
        startable(self.config)
        private_folder(self.folder)
        with alone(self.folder):
            (self.folder / "state.json").unlink(missing_ok=True)
            keep_pod(self.config)
        return [sys.executable, "-P", "-m", "podium.runner", self.config.identifier]

    def spawn(self, *, detached: bool = False, loop: AbstractEventLoop | None = None) -> None:
        """Start the process, which ends with this one unless `detached`. Raises PodRegistrationError when this pod runs already.

        An async access manager is awaited in `loop` where one is given.
        """
        command = [*self.prepare(), *([] if detached else ["--lifeline"])]
        gatekeeper = Gatekeeper(self.access_manager, loop=loop) if self.access_manager is not None else None
        pipe = [gatekeeper.theirs.fileno()] if gatekeeper else []
        self.child = subprocess.Popen(
            [*command, *(f"--access-manager={number}" for number in pipe)],
            pass_fds=pipe,
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            stdout=subprocess.DEVNULL if detached else subprocess.PIPE,  # pod.log has it all
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; we end the child in good order
        )
        if gatekeeper:
            gatekeeper.open()
        if not detached:
            threading.Thread(target=self._forward, daemon=True).start()

    def state(self) -> PodState | None:
        """What the process says of itself; None until it has, or where another process is the pod."""
        state = read_state(self.folder)
        return state if state is not None and self.child is not None and state.pid == self.child.pid else None

    def ready(self) -> PodState | None:
        """The state, once the pod serves and every datasource's schema is full or broken. Raises PodRegistrationError when it has ended."""
        state = self.state()
        if state is not None and state.phase == "serving" and all(s not in ("checked", "partial") for s in state.datasources.values()):
            return state
        if self.child is not None and self.child.poll() is not None:
            raise self._failure()
        return None

    def wait(self) -> None:
        """Wait for the end of the process. Raises PodRegistrationError if it ended because it could not start."""
        assert self.child is not None
        self.child.wait()
        if self.child.returncode:
            raise self._failure()

    def stop(self) -> None:
        """End the process in good order, within seconds."""
        if self.child is None or self.child.poll() is not None:
            return
        if self.child.stdin is not None:
            self.child.stdin.close()
        else:
            self.child.terminate()
        for act in (self.child.terminate, self.child.kill):
            try:
                self.child.wait(STOP_SECONDS)
                return
            except subprocess.TimeoutExpired:
                act()
        self.child.wait()

    def _failure(self) -> PodRegistrationError:
        state = self.state()
        error = state.error if state else {}
        if state is None and read_state(self.folder) is not None:
            return PodRegistrationError(f"{self.config.identifier} is running already.", field="pod", remedy="Stop it first.")
        message = error.get("message") or f"the pod's process ended with code {self.child.returncode if self.child else '?'}."
        return PodRegistrationError(message, field=error.get("field", ""), remedy=error.get("remedy") or self._see_log())

    def _see_log(self) -> str:
        return f"See {self.folder / 'pod.log'}."

    def _forward(self) -> None:
        assert self.child is not None
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.show(line.rstrip("\n"))
