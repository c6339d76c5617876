"""Podium: a self-hosted Pod (Processor of Data). Import what you need; nothing heavy is loaded before it is used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podium import algorithms, datasources, protocols
    from podium.client import Answer, Session, connect
    from podium.crypto.keys import RSAKeyPair
    from podium.errors import ConfigError, DataSourceError, HubError, PodiumError, PodRegistrationError, TaskError
    from podium.pod import Pod

__version__ = "0.1.0"

_HOMES = {
    "Answer": "podium.client",
    "ConfigError": "podium.errors",
    "DataSourceError": "podium.errors",
    "HubError": "podium.errors",
    "Pod": "podium.pod",
    "PodRegistrationError": "podium.errors",
    "PodiumError": "podium.errors",
    "RSAKeyPair": "podium.crypto.keys",
    "Session": "podium.client",
    "TaskError": "podium.errors",
    "connect": "podium.client",
}
__all__ = [
    "Answer", "ConfigError", "DataSourceError", "HubError", "Pod", "PodRegistrationError", "PodiumError", "RSAKeyPair", "Session",
    "TaskError", "algorithms", "connect", "datasources", "protocols",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in ("algorithms", "datasources", "protocols"):
        return importlib.import_module(f"podium.{name}")
    raise AttributeError(f"module 'podium' has no attribute {name!r}")
