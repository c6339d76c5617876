"""Podium: a self-hosted Pod (Processor of Data). Import what you need; nothing heavy is loaded before it is used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podium import algorithms, datasources, protocols
    from podium.client import Answer, Session, connect
    from podium.contracts import DatasourceSchema
    from podium.crypto.keys import RSAKeyPair
    from podium.datasources import BaseSource
    from podium.errors import ConfigError, DataSourceError, HubError, PodiumError, PodRegistrationError, TaskError
    from podium.pod import Pod
    from podium.pod.arguments import (
        JWT,
        APIKeys,
        DatasourceContainerConfig,
        DPPodConfig,
        HubConfig,
        MessageServiceConfig,
        PodDataConfig,
        PodDbConfig,
        PodDetailsConfig,
    )
    from podium.policy.access import AccessManager, TaskView
    from podium.repeating import Repeat

__version__ = "0.1.0"

_HOMES = {
    "AccessManager": "podium.policy.access",
    "Answer": "podium.client",
    "APIKeys": "podium.pod.arguments",
    "BaseSource": "podium.datasources",
    "ConfigError": "podium.errors",
    "connect": "podium.client",
    "DatasourceContainerConfig": "podium.pod.arguments",
    "DataSourceError": "podium.errors",
    "DatasourceSchema": "podium.contracts",
    "DPPodConfig": "podium.pod.arguments",
    "HubConfig": "podium.pod.arguments",
    "HubError": "podium.errors",
    "JWT": "podium.pod.arguments",
    "MessageServiceConfig": "podium.pod.arguments",
    "Pod": "podium.pod",
    "PodDataConfig": "podium.pod.arguments",
    "PodDbConfig": "podium.pod.arguments",
    "PodDetailsConfig": "podium.pod.arguments",
    "PodiumError": "podium.errors",
    "PodRegistrationError": "podium.errors",
    "Repeat": "podium.repeating",
    "RSAKeyPair": "podium.crypto.keys",
    "Session": "podium.client",
    "TaskError": "podium.errors",
    "TaskView": "podium.policy.access",
}
__all__ = [
    "AccessManager", "algorithms", "Answer", "APIKeys", "BaseSource", "ConfigError", "connect", "DatasourceContainerConfig",
    "DataSourceError", "datasources", "DatasourceSchema", "DPPodConfig", "HubConfig", "HubError", "JWT", "MessageServiceConfig", "Pod",
    "PodDataConfig", "PodDbConfig", "PodDetailsConfig", "PodiumError", "PodRegistrationError", "protocols", "Repeat", "RSAKeyPair",
    "Session", "TaskError", "TaskView",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in ("algorithms", "datasources", "protocols"):
        return importlib.import_module(f"podium.{name}")
    raise AttributeError(f"module 'podium' has no attribute {name!r}")
