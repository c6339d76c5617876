"""A pod as its custodian holds it in a script or a notebook, and the process that does its work.

`Pod(...)` does no network I/O. `start()` writes what it was given to `PODIUM_HOME/pods/OWNER/NAME/pod.json`, starts
`python -P -m podium.runner OWNER/NAME`, forwards its log and waits; Ctrl-C or the end of this process ends that one.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from podium.config import PodConfig, local_user, parse_pod, pod_folder
from podium.crypto.keys import RSAKeyPair, fingerprint
from podium.datasources import Datasource, rebuildable
from podium.errors import ConfigError, DataSourceError, PodRegistrationError
from podium.files import private_folder, write_private
from podium.state import PodState, alone, read_state

STOP_SECONDS = 6.0


class PodProcess:
    """One pod's process, from the side of whoever started it."""

    def __init__(self, config: PodConfig, *, show: Callable[[str], None] = print) -> None:
        self.config, self.show = config, show
        self.child: subprocess.Popen[str] | None = None

    @property
    def folder(self) -> Path:
        """Where the pod keeps its things."""
        return pod_folder(self.config.identifier)

    def prepare(self) -> list[str]:
        """Write pod.json; the command that runs the pod. Raises PodRegistrationError when it runs already."""
        private_folder(self.folder)
        with alone(self.folder):
            (self.folder / "state.json").unlink(missing_ok=True)
            write_private(self.folder / "pod.json", json.dumps(self.config.model_dump(mode="json"), indent=1))
        return [sys.executable, "-P", "-m", "podium.runner", self.config.identifier]

    def spawn(self, *, detached: bool = False) -> None:
        """Start the process, which ends with this one unless `detached`. Raises PodRegistrationError when this pod runs already."""
        self.child = subprocess.Popen(
            [*self.prepare(), *([] if detached else ["--lifeline"])],
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            stdout=subprocess.DEVNULL if detached else subprocess.PIPE,  # pod.log has it all
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; we end the child in good order
        )
        if not detached:
            threading.Thread(target=self._forward, daemon=True).start()

    def state(self) -> PodState | None:
        """What the process says of itself; None until it has, or where another process is the pod."""
        state = read_state(self.folder)
        return state if state is not None and self.child is not None and state.pid == self.child.pid else None

    def wait_ready(self, seconds: float = 180.0) -> PodState:
        """Wait until the pod serves and every datasource's schema is full or broken. Raises PodRegistrationError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = self.state()
            if state is not None and state.phase == "serving" and all(s not in ("checked", "partial") for s in state.datasources.values()):
                return state
            if self.child is not None and self.child.poll() is not None:
                raise self._failure()
            time.sleep(0.05)
        raise PodRegistrationError(f"{self.config.identifier} was not ready after {seconds:.0f} s.", remedy=self._see_log())

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


class Pod:
    """Serve private data to a hub. See `podium.config.PodConfig` for what each section of a pod file adds.

    Args:
        name: the pod's name; its identifier is `username/name`.
        datasources: the datasources to serve; see `podium.datasources`.
        username: the owner, by default the OS user.
        hub: the hub's address.
        pod_keys: the pod's identity; made and kept in the pod's folder where absent.
        pod_db: whether datapoints and results are kept in the pod's database.

    Raises DataSourceError for a source that the pod's process could not rebuild, ConfigError for a wrong name or address.
    """

    def __init__(
        self,
        name: str,
        *,
        datasources: Iterable[Datasource],
        username: str | None = None,
        hub: str | None = None,
        pod_keys: RSAKeyPair | None = None,
        pod_db: bool = False,
    ) -> None:
        self.datasources = tuple(datasources)
        for source in self.datasources:
            if not isinstance(source, Datasource):
                raise DataSourceError(
                    f"{type(source).__name__} is not a datasource.", field="datasources", remedy="See podium.datasources."
                )
            rebuildable(source)
        self.name, self.pod_keys = name, pod_keys
        fields: dict[str, Any] = {
            "pod": {"name": name, "owner": username or local_user()},
            "datasources": [source.dump() for source in self.datasources],
            "history": {"pod_db": pod_db},
        }
        if hub is not None:
            fields["hub"] = {"url": hub}
        self.config = parse_pod(fields)

    @property
    def pod_identifier(self) -> str:
        """`owner/name`."""
        return self.config.identifier

    @property
    def private_key(self) -> Any:
        """The identity's private key, once there is one."""
        path = self._key_path
        return self.pod_keys.private_key if self.pod_keys else RSAKeyPair.load(path).private_key if path.is_file() else None

    def start(self) -> None:
        """Start, and answer tasks until Ctrl-C. Raises PodRegistrationError when the pod cannot be registered or started."""
        process = self.process()
        process.spawn()
        try:
            process.wait()
        except KeyboardInterrupt:
            pass
        finally:
            process.stop()

    async def start_async(self) -> None:
        """The same, awaited; cancelling it ends the pod."""
        process = self.process()
        process.spawn()
        try:
            while process.child is not None and process.child.poll() is None:
                await asyncio.sleep(0.1)
            process.wait()
        finally:
            await asyncio.to_thread(process.stop)

    def process(self, *, show: Callable[[str], None] = print) -> PodProcess:
        """The process that would do this pod's work, not yet started."""
        if self.pod_keys is not None:
            self._keep_keys(self.pod_keys)
        placed = tuple(source.placed(pod_folder(self.pod_identifier) / "frames").dump() for source in self.datasources)
        return PodProcess(self.config.model_copy(update={"datasources": placed}), show=show)

    @property
    def _key_path(self) -> Path:
        return pod_folder(self.pod_identifier) / "keys" / "identity.pem"

    def _keep_keys(self, keys: RSAKeyPair) -> None:
        if not self._key_path.exists():
            keys.save(self._key_path)
        elif RSAKeyPair.load(self._key_path).fingerprint != fingerprint(keys.public_key):
            raise ConfigError(
                "this pod already has another identity.", field="pod_keys", remedy=f"Leave it out, or remove {self._key_path}."
            )
