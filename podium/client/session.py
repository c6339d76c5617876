"""The analyst's way in: `connect` signs in at a hub; the Session shows what there is to ask, and asks."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from podium.algorithms import Algorithm
from podium.client.answers import Answer
from podium.client.asking import Asker, ask, card_of, pod_record
from podium.client.store import TaskStore, stored_tasks
from podium.config import HubSection, default_hub, local_user
from podium.config import home as podium_home
from podium.contracts import Card, Task
from podium.crypto.keys import RSAKeyPair
from podium.crypto.trust import Mode, TrustStore
from podium.errors import ConfigError
from podium.files import private_folder
from podium.names import check_name
from podium.protocols import Protocol, usual
from podium.repeating import Repeat, as_repeat, check_repeat
from podium.wire.credentials import saved_owner, sign_in
from podium.wire.hub import HubClient

if TYPE_CHECKING:
    import pandas as pd


def connect(
    url: str | None = None, *, user: str | None = None, code: str | None = None, home: Path | str | None = None, trust: Mode = "tofu"
) -> Session:
    """Sign in at the hub and return a Session.

    `url`: see `podium.config.default_hub` for when it is left out. `user`: the name the operator knows you by; when left out, the name you
    enrolled under, else the local user's. `code`: the operator's one-time code, needed once. `home`: where your key, the accepted keys of
    pods and your tasks are kept; PODIUM_HOME when left out. `trust`: what is believed about a pod's key, see `podium.crypto.trust`.
    Raises HubUnavailable, HubError with the remedy, ConfigError.
    """
    try:
        address = HubSection(url=url or default_hub()).url
        check_name(user or "user", "user")
    except ValueError:
        raise ConfigError("the user's name or the hub's address is malformed.", field="connect", remedy="See podium.connect.") from None
    folder = _folder(home)
    identity = RSAKeyPair.load_or_create(private_folder(folder / "analyst") / "identity.pem")
    owner = user or saved_owner(address, identity.fingerprint) or local_user()
    hub = HubClient(address)
    try:
        hub.health()  # a hub that is away is told apart from one that does not know us
        sign_in(hub, identity, owner, code or "")
    except BaseException:
        hub.close()
        raise
    return Session(Asker(owner, identity, hub, TrustStore(folder / "analyst" / "trust.json", trust), folder))


def open_answer(task_id: str, *, home: Path | str | None = None) -> Answer:
    """An answer from disk alone; the hub it was asked through is signed in to only when there is something left to fetch."""
    store = TaskStore(_folder(home), task_id)
    asked = store.asked()
    return Answer(store, _once(lambda: connect(asked.hub, user=asked.owner, home=home)))


class Session:
    """An analyst signed in at a hub. Made by `connect`."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        weakref.finalize(self, asker.hub.close)  # a notebook closes nothing by hand

    @property
    def hub(self) -> HubClient:
        """The hub's client."""
        return self._asker.hub

    @property
    def user(self) -> str:
        """The name we are known by."""
        return self._asker.owner

    @property
    def fingerprint(self) -> str:
        """Our identity key's fingerprint: what a custodian's grant names."""
        return self._asker.identity.fingerprint

    def pods(self) -> pd.DataFrame:
        """Every registered pod: identifier, status (online, offline), datasources, display_name, description."""
        import pandas as pd

        names = ["identifier", "status", "datasources", "display_name", "description"]
        return pd.DataFrame([{name: record[name] for name in names} for record in self._records()], columns=names)

    def card(self, pod: str, datasource: str) -> Card:
        """The catalogue card of one datasource. Raises ConfigError, with the nearest name, when there is none."""
        return card_of(self._asker, pod, datasource, pod_record(self._asker, pod))

    def schema(self, pod: str, datasource: str) -> pd.DataFrame:
        """The columns of a datasource as published: column, type, semantic, nullable, description, unit, labels.

        And where the custodian's catalogue tells them: nulls, distinct; levels, low, high. The number of rows is in its `attrs["rows"]`.
        """
        from podium.client.columns import columns_of

        return columns_of(self.card(pod, datasource))

    def ask(
        self,
        algorithm: Algorithm,
        *,
        pods: Sequence[str],
        datasource: str,
        protocol: Protocol | None = None,
        new_data_only: bool = False,
        repeat: Repeat | Mapping[str, Any] | None = None,
        allow_partial: bool = False,
        wait: bool = True,
        timeout: float | None = None,
        on_progress: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Ask the pods one question.

        `protocol`: when left out, many rounds for an algorithm that is answered in rounds, else one. With `wait`, returns when every pod
        has answered or `timeout` seconds are over; the answer's status says which. Rounds go on only while somebody waits. An offline
        pod is warned of, and its message waits up to 7 days. With `repeat` the task stands: each pod asks it again by itself, at the times
        of `cron` or when the source has grown, on what is new or with `cumulative` on all data; see `answer.repeats`.

        Raises ConfigError, TrustError or HubError before anything is sent.
        """
        if not isinstance(algorithm, Algorithm):
            raise ConfigError("give an algorithm, such as podium.algorithms.Count().", field="algorithm")
        protocol = protocol or Protocol.of(usual(type(algorithm)))()
        protocol.check(algorithm)
        stands = None if repeat is None else as_repeat(repeat)
        if stands is not None:
            new_data_only = new_data_only or not stands.cumulative
            check_repeat(stands, protocol=protocol.kind, new_data_only=new_data_only, now=int(time.time()))
        try:
            task = Task(
                protocol=protocol.dump(), algorithm=algorithm.dump(), datasource=datasource, new_data_only=new_data_only, repeat=stands
            )
        except ValueError:
            raise ConfigError("not a valid datasource name.", field="datasource", remedy="See session.pods().") from None
        store = ask(self._asker, task, pods=pods, algorithm=algorithm, allow_partial=allow_partial)
        answer = Answer(store, lambda: self.hub)
        return answer.wait(timeout, on_progress) if wait else answer

    def answer(self, task_id: str) -> Answer:
        """The answer to a task asked from this PODIUM_HOME, by this process or another."""
        store = TaskStore(self._asker.home, task_id)
        if store.asked().hub != self.hub.url:
            return open_answer(task_id, home=self._asker.home)
        return Answer(store, lambda: self.hub)

    def tasks(self) -> list[Answer]:
        """Every task asked from this PODIUM_HOME, the newest first, as far as its answer is known here."""
        return [self.answer(store.task) for store in stored_tasks(self._asker.home)]

    def accept_key(self, pod: str, fingerprint: str) -> None:
        """Accept this identity key for the pod from now on: only after its owner has confirmed it by another way than the hub."""
        self._asker.trust.pin(pod, fingerprint)

    def close(self) -> None:
        """Let the connections to the hub go; answers can still be read."""
        self.hub.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Session({self.user} at {self.hub.url})"

    def _records(self) -> list[dict[str, Any]]:
        return [dict(record) for record in self.hub.pods()]


def _folder(home: Path | str | None) -> Path:
    return private_folder(Path(home).expanduser().absolute()) if home else podium_home()


def _once(make: Callable[[], Session]) -> Callable[[], HubClient]:
    made: list[Session] = []

    def get() -> HubClient:
        if not made:
            made.append(make())
        return made[0].hub

    return get
