"""Ending: a run's status, in Prefect's words."""

from __future__ import annotations

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from podium.contracts import Status


def ending(status: Status, code: str = "") -> State[object]:
    """The last state of a flow run whose run ended like this. `code` is all that is said of why."""
    match status:
        case Status.FAILED:
            return Failed(name="Failed", message=code)
        case Status.CANCELLED:
            return Cancelled(name="Cancelled", message=code)
    return Completed(name=outcome(status), message=code)


def outcome(status: Status) -> str:
    """The state's name in Prefect, such as `Released` or `Suppressed`."""
    return status.value.replace("_", " ").title().replace(" ", "")
