"""From the arguments of `Pod` to the sections of a pod file, so that both are checked by the same rules and mean the same."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from podium.errors import ConfigError
from podium.pod.arguments import DPPodConfig, HubConfig, MessageServiceConfig, PodDbConfig, PodDetailsConfig


def sections(
    *,
    pod: dict[str, Any],
    datasources: list[dict[str, Any]],
    details: PodDetailsConfig | None,
    hub: HubConfig | None,
    message_service: MessageServiceConfig | None,
    approved_pods: Iterable[str] | None,
    privacy: DPPodConfig | None,
    pod_db: bool | PodDbConfig,
    update_schema: bool,
) -> dict[str, Any]:
    """What `podium.config.parse_pod` takes. What was left out is left out."""
    fields: dict[str, Any] = {
        "pod": pod,
        "datasources": datasources,
        "history": _history(pod_db) if isinstance(pod_db, PodDbConfig) else {"pod_db": pod_db},
        "prefect": {"update_schema": update_schema},
    }
    if details is not None:
        fields["pod"] |= {"display_name": details.display_name, "description": details.description}
    if hub is not None and hub.url is not None:
        fields["hub"] = {"url": hub.url}
    if message_service is not None:
        fields["message_service"] = {"url": message_service.url or "", "poll_seconds": message_service.poll_seconds}
    if approved_pods is not None:
        fields["aggregation"] = {"approved_pods": approved_pods if isinstance(approved_pods, str) else list(approved_pods)}
    if privacy is not None and privacy.epsilon is None:
        raise ConfigError("it needs an epsilon.", field="differential_privacy")
    if privacy is not None:
        fields["privacy"] = {"epsilon": privacy.epsilon, "delta": privacy.delta}
    return fields


def _history(given: PodDbConfig) -> dict[str, Any]:
    if given.url is not None and given.path is not None:
        raise ConfigError("give url or path, not both.", field="pod_db")
    file = Path(os.fspath(given.path)).expanduser().absolute() if given.path is not None else None
    return {"pod_db": True, "url": f"sqlite:///{file}" if file else given.url or ""}
