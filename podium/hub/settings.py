"""What a hub is started with, and the limits it keeps."""

from __future__ import annotations

from pathlib import Path

from podium.plugin import Frozen

MESSAGE_BYTES = 256 * 1024
JSON_BYTES = 64 * 1024
CARD_BYTES = 2 * 1024 * 1024  # a card of 10,000 columns
HEAD_BYTES = 64 * 1024  # of a request, before its body
HEAD_SECONDS = 20.0  # a head that takes longer to arrive closes the connection
HEADERS = 100
REQUESTS_AHEAD = 16  # on one connection, before the first is answered
BODY_SECONDS = 30.0  # a body that takes longer to arrive is refused
HEARTBEAT_SECONDS = 10  # what pods are told
OFFLINE_SECONDS = 30
WAIT_SECONDS = 60.0  # the longest poll
LEASE_SECONDS = 3600  # the longest lease
KEPT_SECONDS = 86400  # how long the state of an expired message can still be asked for
KEY_SECONDS = 90 * 86400
SENDER_WAITING = 5_000  # messages not yet acknowledged, of one key
ADDRESS_WAITING = 20_000  # and at one address
UPKEEP_SECONDS = 60.0


class HubSettings(Frozen):
    """`folder` holds the hub's private files; `database` is any SQLAlchemy URL, SQLite in that folder when empty."""

    folder: Path
    database: str = ""
    sender_waiting: int = SENDER_WAITING
    address_waiting: int = ADDRESS_WAITING

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database or f"sqlite:///{self.folder / 'hub.db'}"
