"""What an analyst imports: `connect` to a hub, ask pods through the `Session`, read the `Answer`."""

from podium.client.answers import Answer
from podium.client.figures import Run
from podium.client.session import Session, connect

__all__ = ["Answer", "Run", "Session", "connect"]
