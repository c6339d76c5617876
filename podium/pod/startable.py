"""What a pod cannot be started with, told before anything is started."""

from __future__ import annotations

from podium.config import PodConfig, PrivacySection
from podium.errors import ConfigError


def startable(config: PodConfig) -> None:
    """Raises ConfigError for what no pod can be started with: nothing to serve, or a wish that this version cannot fulfil."""
    if not config.datasources:
        raise ConfigError("there is nothing to serve.", field="datasources", remedy="Name at least one datasource.")
    if config.aggregation.approved_pods:
        raise ConfigError(
            "this version has no secure aggregation, so no pod can be approved for it.",
            field="aggregation.approved_pods",
            remedy="Leave it out: without it this pod shares no task with another.",
            code="not_available",
        )
    if config.privacy != PrivacySection():
        raise ConfigError(
            "this version has no differential privacy, and will not start as if it had.",
            field="privacy",
            remedy="Leave it out, and limit what a grant covers and how often: podium grant create --max-runs.",
            code="not_available",
        )
