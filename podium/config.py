"""What people configure: `PODIUM_*` in the environment, and the pod file.

One class a section; an unknown key is refused with the nearest known one. Sections stand in the order of the pod file.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from podium.errors import ConfigError
from podium.files import close_folder, private_folder, write_private
from podium.names import IDENTIFIER_SCHEMA, NAME_SCHEMA, check_name
from podium.plain_yaml import read_yaml
from podium.plugin import Frozen, read_strictly
from podium.repeating import Repeat
from podium.text import shortened

HUB_PORT, PREFECT_PORT = 8700, 4200
HUB_URL = f"http://127.0.0.1:{HUB_PORT}"
ADDRESS = r"^https?://[^/\s]+"


class Settings(BaseSettings):
    """The environment's say: PODIUM_HOME, PODIUM_HUB_URL, PODIUM_HUB_CODE."""

    model_config = SettingsConfigDict(env_prefix="PODIUM_", extra="ignore")

    home: Path = Path("~/.podium")
    hub_url: str = HUB_URL
    hub_code: str = ""


def home() -> Path:
    """PODIUM_HOME, made with mode 0700 where it is missing, closed to others where it is not. Raises ConfigError."""
    try:
        return close_folder(private_folder(Settings().home.expanduser().absolute()), what="PODIUM_HOME")
    except (OSError, RuntimeError) as error:  # RuntimeError: ~nobody
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"there can be no such folder: {reason}.", field="PODIUM_HOME", remedy="Set it to a folder of your own."
        ) from None


def local_user() -> str:
    """The OS user's name as a valid owner; `local` where it cannot be one."""
    try:
        name = re.sub(r"[^a-z0-9._-]", "-", getpass.getuser().lower())
        return check_name(name)
    except (OSError, KeyError, ValueError):
        return "local"


class PodSection(Frozen):
    """Who the pod is. The identifier is `owner/name`."""

    name: str = Field(json_schema_extra=NAME_SCHEMA)
    owner: str = Field(default_factory=local_user, json_schema_extra=NAME_SCHEMA)
    display_name: str = ""
    description: str = ""

    @field_validator("name", "owner")
    @classmethod
    def _named(cls, value: str) -> str:
        return check_name(value)


def default_hub() -> str:
    """PODIUM_HUB_URL where it is set, else the hub that was last started from this PODIUM_HOME, else http://127.0.0.1:8700."""
    settings = Settings()
    if "hub_url" not in settings.model_fields_set:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return str(json.loads((home() / "hub" / "hub.json").read_bytes())["url"])
    return settings.hub_url


def named_hub() -> str:
    """PODIUM_HUB_URL where it is set, else nothing: then a pod that names no hub takes, or starts, the one of this PODIUM_HOME."""
    settings = Settings()
    return settings.hub_url.rstrip("/") if "hub_url" in settings.model_fields_set else ""


def check_address(url: str) -> str:
    """The hub's address without a slash at its end; empty stays empty. Raises ValueError for one that cannot be a hub's."""
    try:
        good = not url or (re.match(ADDRESS, url) and urlsplit(url).port != 0)
    except ValueError:  # a bracket that stays open, a port that is no number
        good = False
    if not good:
        raise ValueError("must be an http or https address, such as http://127.0.0.1:8700")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(check_address), Field(json_schema_extra={"pattern": f"^$|{ADDRESS}"})]


class HubSection(Frozen):
    """Which hub. Empty: PODIUM_HUB_URL where it is set, else the hub of this PODIUM_HOME, which the pod starts where none runs."""

    url: Url = ""


class MessageServiceSection(Frozen):
    """Where sealed messages are fetched and sent (empty: at the hub's address), and how many seconds one poll waits for the next."""

    url: Url = ""
    poll_seconds: int = Field(default=50, ge=1, le=60)


class PolicySection(Frozen):
    """Whose signature makes a grant valid here: a file with the custodian's public key (PEM); empty: the key of this PODIUM_HOME."""

    custodian: str = ""


class DisclosureSection(Frozen):
    """The smallest sizes that may leave, in rows. See `podium.privacy.disclosure` for each rule."""

    min_cell: int = Field(default=8, ge=1)
    min_rows: int = Field(default=10, ge=1)
    round_to: int = Field(default=5, ge=1)
    max_levels: int = Field(default=40, ge=1)
    max_result_rows: int = Field(default=5000, ge=1)
    max_params_ratio: float = Field(default=0.10, gt=0, le=1)
    max_rounds: int = Field(default=25, ge=1)


class PrivacySection(Frozen):
    """What differential privacy may cost here. This version has none: a pod with an epsilon does not start."""

    epsilon: float | None = Field(default=None, gt=0)
    delta: float = Field(default=1e-6, gt=0, lt=1)


class AggregationSection(Frozen):
    """With which other pods this one takes part in secure aggregation. This version has none: a pod with such a list does not start."""

    approved_pods: tuple[Annotated[str, Field(json_schema_extra=IDENTIFIER_SCHEMA)], ...] = ()

    @field_validator("approved_pods")
    @classmethod
    def _identifiers(cls, pods: tuple[str, ...]) -> tuple[str, ...]:
        for pod in pods:
            owner, slash, name = pod.partition("/")
            if not slash:
                raise ValueError(f"{shortened(repr(pod))} must be written owner/name")
            check_name(owner, "owner")
            check_name(name)
        return pods


class HistorySection(Frozen):
    """Whether datapoints and results are kept, for how long, and in which database (any SQLAlchemy URL; empty: SQLite here).

    `keep_events_days`: how long the history tells what became of a datapoint before its newest word, which stays.
    """

    pod_db: bool = True
    url: str = ""
    keep_days: int = Field(default=365, ge=1)
    keep_events_days: int = Field(default=3650, ge=1)


class LimitsSection(Frozen):
    """What one run may use. Times in seconds, memory in MiB.

    `wait_seconds`: how long a run waits for the analyst's next round; `approval_seconds`: for the custodian's yes or no.
    `warm_seconds`: how long a loaded worker is kept ready after a run.
    """

    runs_at_once: int = Field(default=4, ge=1, le=4)
    run_seconds: int = Field(default=3600, ge=1)
    wait_seconds: int = Field(default=3600, ge=1)
    approval_seconds: int = Field(default=604_800, ge=1)
    warm_seconds: int = Field(default=300, ge=0)
    worker_memory_mb: int = Field(default=4096, ge=256)
    heartbeat_seconds: int = Field(default=10, ge=1, le=15)


CRON = r"^$|^[0-9*/,A-Za-z#-]+( +[0-9*/,A-Za-z#-]+){4}$"


def _is_cron(value: str) -> str:
    if not re.match(CRON, value) or "\n" in value:
        raise ValueError("must be a cron line of five fields (minute, hour, day, month, weekday), such as '0 3 * * *', or empty for never")
    return value


Cron = Annotated[str, AfterValidator(_is_cron), Field(json_schema_extra={"pattern": CRON})]


class PrefectSection(Frozen):
    """When schemas are refreshed and upkeep runs by themselves (cron, the pod's local time; empty: never), and how long runs are shown.

    `update_schema`: whether each start takes every schema anew. `growth_minutes`: how often a standing task that waits for its source to
    grow has a look at it.
    """

    schema_cron: Cron = "0 3 * * *"
    upkeep_cron: Cron = "30 3 * * *"
    keep_days: int = Field(default=30, ge=1)
    update_schema: bool = False
    growth_minutes: int = Field(default=15, ge=1, le=1440)


class PodConfig(Frozen):
    """A pod file. `datasources` are plugin fields: `{name, kind, …}`, and `schema` where one is given."""

    pod: PodSection
    hub: HubSection = HubSection()
    message_service: MessageServiceSection = MessageServiceSection()
    datasources: tuple[dict[str, Any], ...]
    policy: PolicySection = PolicySection()
    disclosure: DisclosureSection = DisclosureSection()
    privacy: PrivacySection = PrivacySection()
    aggregation: AggregationSection = AggregationSection()
    history: HistorySection = HistorySection()
    limits: LimitsSection = LimitsSection()
    prefect: PrefectSection = PrefectSection()

    @field_validator("datasources")
    @classmethod
    def _distinct(cls, sources: tuple[dict[str, Any], ...], info: ValidationInfo) -> tuple[dict[str, Any], ...]:
        if len(sources) == 1 and not sources[0].get("name") and (pod := info.data.get("pod")):
            sources = ({**sources[0], "name": pod.name},)  # the only datasource may go by the pod's name
        names = [str(source.get("name", "")) for source in sources]
        for name in names:
            check_name(name, "datasource")
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise ValueError(f"two datasources are called {twice!r}. Give one of them another name")
        return sources

    @property
    def identifier(self) -> str:
        """`owner/name`."""
        return f"{self.pod.owner}/{self.pod.name}"

    @cached_property
    def folder(self) -> Path:
        """Where this pod keeps its keys, database, contracts and log."""
        return pod_folder(self.identifier)


class AskFile(Frozen):
    """An ask file: one question to some pods. `protocol` and `algorithm` are plugin fields: `{kind, …}`; the protocol may be left out.

    `repeat`: the task stands, and is asked again by itself.
    """

    pods: tuple[Annotated[str, Field(json_schema_extra=IDENTIFIER_SCHEMA)], ...] = Field(min_length=1)
    datasource: str = Field(json_schema_extra=NAME_SCHEMA)
    algorithm: dict[str, Any]
    protocol: dict[str, Any] | None = None
    new_data_only: bool = False
    allow_partial: bool = False
    repeat: Repeat | None = None
    hub: Url = ""

    @field_validator("pods")
    @classmethod
    def _identifiers(cls, pods: tuple[str, ...]) -> tuple[str, ...]:
        for pod in pods:
            owner, slash, name = pod.partition("/")
            if not slash:
                raise ValueError(f"pod {shortened(repr(pod))} must be written owner/name")
            check_name(owner, "owner")
            check_name(name)
        return pods

    @field_validator("datasource")
    @classmethod
    def _named(cls, name: str) -> str:
        return check_name(name, "datasource")


def read_ask_file(path: Path) -> AskFile:
    """The ask file, checked. Raises ConfigError naming the field, the problem and the nearest known key."""
    return read_strictly(AskFile, read_yaml(path))


def pod_folder(identifier: str) -> Path:
    """`PODIUM_HOME/pods/OWNER/NAME`."""
    owner, name = split_identifier(identifier)
    return home() / "pods" / owner / name


def split_identifier(identifier: str) -> tuple[str, str]:
    """(owner, name) of `owner/name`. Raises ConfigError."""
    owner, slash, name = identifier.partition("/")
    try:
        if not slash:
            raise ValueError(f"pod {identifier!r} must be written owner/name")
        return check_name(owner, "owner"), check_name(name)
    except ValueError as error:
        raise ConfigError(
            f"{error}.", field="pod", remedy="podium pod status lists the pods here, session.pods() those at the hub."
        ) from None


def prefect_name(identifier: str) -> str:
    """`name@owner`: the identifier as Prefect can hold it (it bans the slash)."""
    owner, name = split_identifier(identifier)
    return f"{name}@{owner}"


def from_prefect_name(name: str) -> str:
    """`owner/name` of `name@owner`."""
    pod, _, owner = name.rpartition("@")
    return "/".join(split_identifier(f"{owner}/{pod}"))


def read_pod_file(path: Path) -> PodConfig:
    """The pod file, checked; relative paths are taken from the file's own folder. Raises ConfigError."""
    fields = read_yaml(path)
    folder = path.resolve().parent
    sources = fields.get("datasources")
    entries = list(enumerate(sources if isinstance(sources, list) else ()))
    paths = [(f"datasources.{i}", source, key) for i, source in entries for key in ("path", "schema", "dictionary", "password_file")]
    for name, section, key in [*paths, ("policy", fields.get("policy"), "custodian")]:
        if isinstance(section, dict) and isinstance(section.get(key), str) and section[key]:
            section[key] = _absolute(folder, section[key], field=f"{name}.{key}")
    return parse_pod(fields)


def _absolute(folder: Path, written: str, *, field: str) -> str:
    try:
        return str((folder / Path(written).expanduser()).resolve())
    except (ValueError, OSError, RuntimeError):  # a NUL; too long; ~nobody, or links that run in a circle
        raise ConfigError(
            "there can be no such path.", field=field, remedy="Write the path of a file, with / or ~/ at its start."
        ) from None


def parse_pod(fields: dict[str, Any]) -> PodConfig:
    """A PodConfig from plain values. Raises ConfigError naming the field, the problem and the nearest known key."""
    try:
        return read_strictly(PodConfig, fields)
    except TypeError:
        raise ConfigError("keys must be text.", field="pod file", remedy="Put quotes around them.") from None


def keep_pod(config: PodConfig) -> None:
    """Write the pod's configuration to its folder (0700) as pod.json (0600): a datasource's address may hold a password."""
    write_private(private_folder(config.folder) / "pod.json", json.dumps(config.model_dump(mode="json"), indent=1))


def saved_pod(identifier: str) -> PodConfig:
    """The configuration a started pod wrote to its folder. Raises ConfigError when it was never started here."""
    path = pod_folder(identifier) / "pod.json"
    if not path.is_file():
        raise ConfigError(
            f"pod {identifier} was never started here.", field="pod", remedy="Start it: podium pod start FILE", code="unknown_pod"
        )
    try:
        return parse_pod(json.loads(path.read_bytes()))
    except (ValueError, RecursionError):
        raise ConfigError("its pod.json is not what was written there.", field="pod", remedy="Start it: podium pod start FILE") from None
