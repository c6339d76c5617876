"""Places the project folders in the wheel, and only there.

A checkout imports `flows`, `tasks`, `schemas` and `deployments` as plain packages; a standard wheel carries them under
`podium/_project/`, so that no generic name lands in site-packages. Editable installs get no copy (it would go stale).
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("flows", "tasks", "schemas", "deployments")
SCHEMAS = ("pod-file.schema.json", "ask-file.schema.json")  # what `podium pod init` points editors to


class ProjectFolders(BuildHookInterface[Any]):
    """Hatch calls it at every build."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"].update({folder: f"podium/_project/{folder}" for folder in FOLDERS})
            build_data["force_include"].update({f"docs/reference/{name}": f"podium/_reference/{name}" for name in SCHEMAS})
