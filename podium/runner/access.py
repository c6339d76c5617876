"""The pod's side of the access manager, which lives in the process that started the pod and is asked over a socket.

One line of JSON a question, `{"id", "task"}`, and one an answer, `{"id", "allowed"}` (null: it failed). Whatever is not a clear
yes in time is a no: an answer that cannot be read, a process that is gone, silence.
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
from concurrent.futures import Future

from podium.policy.access import FAILED, SAID_NO, TaskView

SECONDS = 30.0


class AccessPipe:
    """Asks from any thread, several questions at a time."""

    def __init__(self, sock: socket.socket, *, seconds: float = SECONDS) -> None:
        self._sock, self._seconds = sock, seconds
        self._lock, self._ids = threading.Lock(), itertools.count(1)
        self._waiting: dict[int, Future[object]] = {}
        self._open = True
        sock.set_inheritable(False)
        threading.Thread(target=self._listen, daemon=True).start()

    def refusal(self, task: TaskView) -> str:
        """Empty for a yes, else the reason of the no, a word of `podium.policy.decide.REASONS`."""
        number, answer = next(self._ids), Future[object]()
        self._waiting[number] = answer
        try:
            with self._lock:
                if not self._open:
                    return FAILED
                self._sock.sendall(json.dumps({"id": number, "task": task.model_dump(mode="json")}).encode() + b"\n")
            said = answer.result(self._seconds)
        except (OSError, TimeoutError):
            return FAILED
        finally:
            self._waiting.pop(number, None)
        return "" if said is True else SAID_NO if said is False else FAILED

    def _listen(self) -> None:
        try:
            for line in self._sock.makefile("rb"):
                said = json.loads(line)
                if waiting := self._waiting.pop(said["id"], None):
                    waiting.set_result(said["allowed"])
        except (OSError, ValueError, KeyError, TypeError):
            self._sock.close()  # whoever speaks nonsense is not heard again
        finally:
            self._open = False
            for waiting in list(self._waiting.values()):
                waiting.set_result(None)
