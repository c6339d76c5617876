"""The access manager's own side: it stays in this process, whatever it is, and answers the pod's process over a socket."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import socket
import threading
from collections.abc import Awaitable
from typing import Any

from podium.policy.access import AccessManager, TaskView

log = logging.getLogger("podium")


class Gatekeeper:
    """`theirs` is for the pod's process. An async manager is awaited in `loop`, or, without one, in a loop of its own."""

    def __init__(self, manager: AccessManager, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.manager, self.loop = manager, loop
        self.ours, self.theirs = socket.socketpair()
        self._lock = threading.Lock()

    def open(self) -> None:
        """Answer from now on, each question in a thread of its own. The other end belongs to the pod's process alone."""
        self.theirs.close()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with self.ours, self.ours.makefile("rb") as questions:
            for line in questions:
                threading.Thread(target=self._answer, args=(json.loads(line),), daemon=True).start()

    def _answer(self, question: dict[str, Any]) -> None:
        allowed: bool | None = None
        try:
            said = self._asked(TaskView.model_validate(question["task"]))
            if not isinstance(said, bool):
                raise TypeError(f"check() returned a {type(said).__name__}, and neither True nor False")
            allowed = said
        except BaseException:
            log.exception("the access manager failed, which is a no")
        try:
            with self._lock:
                self.ours.sendall(json.dumps({"id": question["id"], "allowed": allowed}).encode() + b"\n")
        except OSError:
            log.warning("the pod was gone before its access manager had answered")

    def _asked(self, task: TaskView) -> object:
        said = self.manager.check(task)
        if not inspect.isawaitable(said):
            return said
        if self.loop is None:
            return asyncio.run(_awaited(said))
        return asyncio.run_coroutine_threadsafe(_awaited(said), self.loop).result()


async def _awaited(said: Awaitable[bool]) -> bool:
    return await said
