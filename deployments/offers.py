"""What a person or a schedule may start of a pod: one line a flow. The same flows stand in `prefect.yaml`, for a work pool."""

from __future__ import annotations

from dataclasses import dataclass, field

from podium.config import PodConfig


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One flow of `flows/`. `cron` starts it by itself; `choices` are the values that its form offers, by parameter."""

    entrypoint: str
    description: str
    cron: str = ""
    choices: dict[str, list[str]] = field(default_factory=dict)


def offers(config: PodConfig) -> list[Offer]:
    """Every deployment of this pod."""
    return [
        Offer(
            entrypoint="flows/pod_startup.py:pod_startup",
            description="Look at the datasources, sign in at the hub and register there again. Runs that are under way are left alone.",
        ),
        Offer(
            entrypoint="flows/schema_generation.py:schema_generation",
            description="Bring the schemas of this pod up to date. `force` reads unchanged sources again.",
            cron=config.prefect.schema_cron,
            choices={"datasources": [str(source["name"]) for source in config.datasources]},
        ),
        Offer(
            entrypoint="flows/computation.py:computation",
            description="See a run through to its end and show it. A run that has ended shows how it ended, and nothing is done again.",
        ),
        Offer(
            entrypoint="flows/approval.py:approval",
            description="Ask the custodian about one run. The pod starts it by itself; answer with Resume, or with `podium approvals`.",
        ),
        Offer(
            entrypoint="flows/standing_task.py:standing_task",
            description="Ask a standing task again, if something has come since. The pod makes a schedule for each by itself.",
        ),
        Offer(
            entrypoint="flows/upkeep.py:upkeep",
            description="End what nobody decided in time, change encryption keys that are due, remove what was kept long enough.",
            cron=config.prefect.upkeep_cron,
        ),
    ]
