"""One asked task on the analyst's disk, so that any process of hers can send the rest of it, wait for it and read it.

1. The task, its sealed messages and its reply keys are on disk before the first message is posted.
2. A message leaves the outbox when the hub has it; posting it again in between changes nothing, for it is the same bytes.
3. A reply is on disk before it is acknowledged to the hub. A pod's reply key is deleted once its last reply is there.
4. Of one pod's replies the one with the highest `seq` counts; a pod's final reply is never replaced. What it said in earlier rounds
   is kept beside it.
5. A round has begun when its file is there: messages in the outbox that belong to no round were never sent, and never will be. The same
   goes for a cancel, of which a task has one at most.

6. A standing task has a reply of its own from each pod for every repeat; the reply key stays until the pod says that one is its last.

Layout: PODIUM_HOME/analyst/tasks/TASK/ task.json, outbox/MID, keys/MID, rounds/NO.json, cancel.json, replies/MID.json,
replies/MID.NO.json, repeats/MID.NO.json (MID: of our task message to that pod; in the outbox, of the message).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from podium.contracts import Reply, Status, Task
from podium.crypto.encryption import EncryptionKey
from podium.crypto.header import MAX_LIFE
from podium.crypto.keys import RSAKeyPair
from podium.crypto.replay import in_order
from podium.errors import TaskError
from podium.files import private_folder, read_private, write_private
from podium.plugin import Frozen

_HEX = frozenset("0123456789abcdef")
LINGER = MAX_LIFE  # the last repeat may have begun just before `until`, and its reply waits so long at the hub


class Sent(Frozen):
    """Our message to one pod. `reference` is what its answers put in `re`; `public_key` the pod's identity key as accepted then.

    `recipient` is the key, in base64, that later messages of this task are sealed to.
    """

    pod: str
    mid: str
    run: str
    reference: str
    public_key: str
    reply_key: str
    exp: int
    recipient: str = ""


class Word(Frozen):
    """Our message to one pod about a later round, or that it is to end."""

    pod: str
    mid: str
    reference: str


class Turn(Frozen):
    """A later round as we have asked for it, of the pods that still take part."""

    no: int
    words: tuple[Word, ...]


class Cancelled(Frozen):
    """That the task is to end, as we have told the pods that had not answered."""

    words: tuple[Word, ...]


class Asked(Frozen):
    """A task as it was asked."""

    v: Literal[1] = 1
    task: str
    hub: str
    owner: str
    identity: str
    asked_at: int
    question: Task
    allow_partial: bool = False
    sent: tuple[Sent, ...]


class Received(Frozen):
    """The latest reply of one pod. `mid` is empty where we closed the run ourselves, because our message expired unread."""

    mid: str
    seq: int
    digest: str
    at: int
    reply: Reply


@dataclass(frozen=True)
class Outgoing:
    """A message ready to be sent, with the private key of its replies."""

    sent: Sent
    raw: bytes
    key: EncryptionKey


class TaskStore:
    """The folder of one task."""

    def __init__(self, home: Path, task: str) -> None:
        if len(task) != 32 or not set(task) <= _HEX:
            raise TaskError("a task's identifier is 32 characters of 0-9 and a-f.", field="task", remedy="podium task list shows them.")
        self.folder = tasks_folder(home) / task
        self.task = task

    def create(self, asked: Asked, outgoing: list[Outgoing]) -> None:
        """Put a new task on disk, whole or not at all."""
        parent = self.folder.parent
        making = parent / f".{self.task}"
        for part in ("outbox", "keys", "replies"):
            private_folder(making / part)
        for item in outgoing:
            write_private(making / "keys" / item.sent.mid, item.key.private)
            write_private(making / "outbox" / item.sent.mid, item.raw)
        write_private(making / "task.json", asked.model_dump_json())
        making.rename(self.folder)

    def asked(self) -> Asked:
        """The task. Raises TaskError when it was not asked from this PODIUM_HOME."""
        path = self.folder / "task.json"
        if not path.is_file():
            remedy = "See: podium task list (in Python: session.tasks())."
            raise TaskError(f"there is no task {self.task} here.", field="task", remedy=remedy, code="unknown_task")
        return Asked.model_validate_json(read_private(path))

    def outbox(self) -> Iterator[tuple[str, bytes]]:
        """(mid, message) of each message that the hub may not have yet."""
        known = {sent.mid for sent in self.asked().sent} | {word.mid for word in self.words()}
        for path in sorted((self.folder / "outbox").iterdir()):
            if path.name in known:
                yield path.name, read_private(path)

    def posted(self, mid: str) -> None:
        """The hub has this message."""
        (self.folder / "outbox" / mid).unlink(missing_ok=True)

    def turns(self) -> list[Turn]:
        """The rounds after the first, as far as they were asked for."""
        folder = self.folder / "rounds"
        found = [Turn.model_validate_json(read_private(path)) for path in folder.glob("*.json")] if folder.is_dir() else []
        return sorted(found, key=lambda turn: turn.no)

    def begin(self, turn: Turn, messages: dict[str, bytes]) -> bool:
        """Put a further round and its sealed messages (by mid) on disk; False if another process of ours has begun it already."""
        return self._say_once(self.folder / "rounds" / f"{turn.no}.json", turn, messages)

    def cancelled(self) -> Cancelled | None:
        """What we have told the pods, once the task was cancelled."""
        path = self.folder / "cancel.json"
        return Cancelled.model_validate_json(read_private(path)) if path.is_file() else None

    def cancel(self, cancelled: Cancelled, messages: dict[str, bytes]) -> bool:
        """Put a cancel and its sealed messages (by mid) on disk; False if there is one already."""
        return self._say_once(self.folder / "cancel.json", cancelled, messages)

    def words(self) -> list[Word]:
        """Every message of ours after the task itself."""
        cancelled = self.cancelled()
        return [word for turn in self.turns() for word in turn.words] + list(cancelled.words if cancelled else ())

    def exchanges(self) -> dict[str, tuple[Sent, int]]:
        """What a pod's reply may answer: each of our messages to it, by its reference, with the number of its round."""
        asked = {sent.pod: sent for sent in self.asked().sent}
        later = {word.reference: (asked[word.pod], turn.no) for turn in self.turns() for word in turn.words}
        return {sent.reference: (sent, 1) for sent in asked.values()} | later

    def replies(self) -> list[dict[str, Reply]]:
        """Round by round, what each pod asked then has answered so far; its end stands where it ended."""
        every = {sent.pod: sent for sent in self.asked().sent}
        asked = [tuple(every), *(tuple(word.pod for word in turn.words) for turn in self.turns())]
        return [
            {pod: reply for pod in pods if (reply := self._said(every[pod], no)) is not None} if pods else {}
            for no, pods in enumerate(asked, start=1)
        ]

    @cached_property
    def identity(self) -> RSAKeyPair:
        """Our identity key. Loaded once: to check an RSA key takes longer than all else that a round asks of us."""
        return RSAKeyPair.load(self.folder.parent.parent / "identity.pem")

    def key(self, sent: Sent) -> EncryptionKey | None:
        """The key that this pod's replies are sealed to, until its last one is in."""
        path = self.folder / "keys" / sent.mid
        return EncryptionKey.from_private(read_private(path)) if path.is_file() else None

    def rounds_of(self, sent: Sent) -> int:
        """How many rounds this pod has answered."""
        return sum(1 for _ in (self.folder / "replies").glob(f"{sent.mid}.*.json"))

    def received(self, sent: Sent) -> Received | None:
        """The latest reply of this pod."""
        path = self._reply(sent)
        return Received.model_validate_json(read_private(path)) if path.is_file() else None

    def receive(self, sent: Sent, received: Received) -> bool:
        """Keep a reply; False if a final or later one is there already. The key goes with the final one."""
        known = self.received(sent)
        if known is not None and (known.reply.status.final or known.seq >= received.seq):
            return False
        if received.reply.round:
            write_private(self._reply(sent, received.reply.round), received.model_dump_json())
        write_private(self._reply(sent), received.model_dump_json())
        if received.reply.status.final:
            self._close(sent, received.reply)
            self.posted(sent.mid)
        return True

    def repeats(self, sent: Sent) -> dict[int, Reply]:
        """This pod's replies to a standing task after its first, by the number of the repeat."""
        found = (self.folder / "repeats").glob(f"{sent.mid}.*.json")
        return {int(path.name.split(".")[1]): Received.model_validate_json(read_private(path)).reply for path in found}

    def repeat(self, sent: Sent, no: int) -> Received | None:
        """This pod's reply to that repeat."""
        path = self.folder / "repeats" / f"{sent.mid}.{no}.json"
        return Received.model_validate_json(read_private(path)) if path.is_file() else None

    def receive_repeat(self, sent: Sent, no: int, received: Received) -> bool:
        """Keep a reply to a repeat; False if there is one. The key goes with the last one."""
        if self.repeat(sent, no) is not None:
            return False
        write_private(private_folder(self.folder / "repeats") / f"{sent.mid}.{no}.json", received.model_dump_json())
        self._close(sent, received.reply)
        return True

    def stands(self, sent: Sent, *, now: int) -> bool:
        """Whether this pod will ask the task again, by what it has said; one that has not answered yet is not known to."""
        repeat, known = self.asked().question.repeat, self.received(sent)
        if repeat is None or known is None or not known.reply.stands or now >= repeat.until + LINGER:
            return False
        return all(reply.stands for reply in self.repeats(sent).values())

    def close(self, sent: Sent, status: Status, *, code: str, message: str, now: int) -> bool:
        """End a run ourselves, because the pod never got our message; False if it has ended."""
        reply = Reply(run=sent.run, status=status, code=code, message=message)
        return self.receive(sent, Received(mid="", seq=2**31, digest="", at=now, reply=reply))

    def claim(self, *, sender: str, mid: str, task: str, seq: int, expires: int, run: str) -> str | None:
        """The reading rules' replay store, for one pod's replies (`run` is ours). The claim is the reply kept by `receive`.

        Between the two nothing is lost: a reply that was opened but not kept is delivered and opened again.
        """
        sent = next((sent for sent in self.asked().sent if sent.run == run), None)
        known = self.received(sent) if sent else None
        if known is None:
            return None if in_order(0, seq) else "sequence"
        if known.mid == mid:
            return None
        return None if in_order(known.seq, seq) else "sequence"

    def remove(self) -> None:
        """Forget the task and everything received for it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget_keys(self, *, now: int) -> None:
        """Delete the reply keys of a standing task that is over by the clock: no reply can come any more."""
        repeat = self.asked().question.repeat
        if repeat is not None and now >= repeat.until + LINGER:
            for sent in self.asked().sent:
                (self.folder / "keys" / sent.mid).unlink(missing_ok=True)

    def _close(self, sent: Sent, last: Reply) -> None:
        if not (last.stands and self.asked().question.repeat):
            (self.folder / "keys" / sent.mid).unlink(missing_ok=True)

    def _say_once(self, path: Path, what: Turn | Cancelled, messages: dict[str, bytes]) -> bool:
        for mid, raw in messages.items():
            write_private(self.folder / "outbox" / mid, raw)
        try:
            write_private(path, what.model_dump_json(), exclusive=True)
        except FileExistsError:
            for mid in messages:
                self.posted(mid)
            return False
        return True

    def _said(self, sent: Sent, no: int) -> Reply | None:
        path = self._reply(sent, no)
        if path.is_file():
            return Received.model_validate_json(read_private(path)).reply
        latest = self.received(sent)
        return latest.reply if latest is not None and latest.reply.status.final else None

    def _reply(self, sent: Sent, no: int = 0) -> Path:
        return self.folder / "replies" / (f"{sent.mid}.{no}.json" if no else f"{sent.mid}.json")


def tasks_folder(home: Path) -> Path:
    """Where the tasks asked from this PODIUM_HOME are kept."""
    return private_folder(home / "analyst" / "tasks")


def stored_tasks(home: Path) -> list[TaskStore]:
    """Every task asked from here, the newest first."""
    stores = [TaskStore(home, path.name) for path in tasks_folder(home).iterdir() if len(path.name) == 32 and path.is_dir()]
    return sorted(stores, key=lambda store: (store.asked().asked_at, store.task), reverse=True)
