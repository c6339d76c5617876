"""Every error that Podium raises on purpose.

    PodiumError                      code, message, field, remedy
    ├── ConfigError                  whoever wrote the file or the arguments can mend it
    │   └── UnknownKind              no such datasource, algorithm or protocol
    ├── DataSourceError              the data cannot be read, or the source was not initialised
    ├── PodRegistrationError         the pod could not be registered or started
    ├── HubError                     the hub answered, and the answer was no
    │   └── HubUnavailable           the hub did not answer; worth trying again
    ├── MessageRefused               a sealed message broke a reading rule; one code outside, the rule in the pod's log
    ├── TrustError                   a key is unknown, changed or revoked
    ├── TaskError                    a task failed or was refused; carries the status
    ├── WorkerError                  the process that reads rows died or answered nonsense
    └── PrefectUnavailable           no Prefect server answers

`code` is short, stable and free of data: it is what a flow run, a reply or a hub may show. `message` may name files, columns
and fields, never a cell. `transient` says whether trying again can help.
"""

from __future__ import annotations


class PodiumError(Exception):
    """Base class. `str(error)` is the message, then the field and the remedy where they are known."""

    code = "podium_error"
    exit_code = 1
    transient = False

    def __init__(self, message: str, *, field: str = "", remedy: str = "", code: str = "") -> None:
        self.message, self.field, self.remedy = message, field, remedy
        if code:
            self.code = code
        super().__init__(message)

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{where}{self.message}{remedy}"


class ConfigError(PodiumError):
    code, exit_code = "config", 2


class UnknownKind(ConfigError):
    code = "unknown_kind"


class DataSourceError(PodiumError):
    code, exit_code = "datasource", 3


class PodRegistrationError(PodiumError):
    code, exit_code = "registration", 4


class HubError(PodiumError):
    code, exit_code = "hub_refused", 5


class HubUnavailable(HubError):
    code, transient = "hub_unavailable", True


class MessageRefused(PodiumError):
    """`rule` names the reading rule that was broken; it is for the local log only. Outside, `code` is all there is."""

    code, exit_code = "message_refused", 6

    def __init__(self, rule: str, message: str = "") -> None:
        self.rule = rule
        super().__init__(message or rule)


class TrustError(PodiumError):
    code, exit_code = "trust", 6


class TaskError(PodiumError):
    code, exit_code = "task", 7

    def __init__(self, message: str, *, status: str = "failed", field: str = "", remedy: str = "", code: str = "") -> None:
        self.status = status
        super().__init__(message, field=field, remedy=remedy, code=code)


class WorkerError(PodiumError):
    code, exit_code = "worker", 8


class PrefectUnavailable(PodiumError):
    code, exit_code, transient = "prefect_unavailable", 9, True
