"""What a person may write into the form of a deployment: Prefect refuses anything else before a run begins.

What each field is for stands below `Args` in the flow's docstring, which is where Prefect's form takes it from.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

_NAME = "[a-z0-9][a-z0-9._-]{0,62}"

PodName = Annotated[str, Field(pattern=f"^{_NAME}@{_NAME}$")]
RunId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Sources = list[Annotated[str, Field(pattern=f"^{_NAME}$")]]
