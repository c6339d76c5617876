"""Places the project folders in the wheel, and only there.

A checkout imports `flows`, `tasks`, `schemas` and `deployments` as plain packages; a standard wheel carries them under
`podium/_project/`, so that no generic name lands in site-packages. Editable installs get no copy (it would go stale).
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("flows", "tasks", "schemas", "deployments")


class ProjectFolders(BuildHookInterface[Any]):
    """Hatch calls it at every build."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"].update({folder: f"podium/_project/{folder}" for folder in FOLDERS})
