"""What a person may write into the form of a deployment. Prefect refuses anything else before a run begins."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

_NAME = "[a-z0-9][a-z0-9._-]{0,62}"

PodName = Annotated[str, Field(title="Pod", description="The pod, written name@owner.", pattern=f"^{_NAME}@{_NAME}$")]
RunId = Annotated[
    str,
    Field(title="Run", description="A run's id, 32 characters, as `podium pod history` shows it.", pattern="^[0-9a-f]{32}$"),
]
Sources = Annotated[
    list[Annotated[str, Field(pattern=f"^{_NAME}$")]],
    Field(title="Datasources", description="Which datasources; none named: all of them."),
]
Force = Annotated[bool, Field(title="Force", description="Read the data again, also where nothing seems to have changed.")]
