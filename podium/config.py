"""What people configure: `PODIUM_*` in the environment, and the pod file.

One class a section; an unknown key is refused with the nearest known one. Sections stand in the order of the pod file.
"""

from __future__ import annotations

import getpass
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from podium.errors import ConfigError
from podium.files import private_folder
from podium.names import check_name
from podium.plugin import Frozen, config_error

HUB_PORT, PREFECT_PORT = 8700, 4200
HUB_URL = f"http://127.0.0.1:{HUB_PORT}"
MAX_CONFIG_BYTES = 256 * 1024


class Settings(BaseSettings):
    """The environment's say: PODIUM_HOME, PODIUM_HUB_URL, PODIUM_HUB_CODE."""

    model_config = SettingsConfigDict(env_prefix="PODIUM_", extra="ignore")

    home: Path = Path("~/.podium")
    hub_url: str = HUB_URL
    hub_code: str = ""


def home() -> Path:
    """PODIUM_HOME, made with mode 0700 where it is missing."""
    return private_folder(Settings().home.expanduser().absolute())


def local_user() -> str:
    """The OS user's name as a valid owner; `local` where it cannot be one."""
    try:
        name = re.sub(r"[^a-z0-9._-]", "-", getpass.getuser().lower())
        return check_name(name)
    except (OSError, KeyError, ValueError):
        return "local"


class PodSection(Frozen):
    """Who the pod is. The identifier is `owner/name`."""

    name: str
    owner: str = Field(default_factory=local_user)
    display_name: str = ""
    description: str = ""

    @field_validator("name", "owner")
    @classmethod
    def _named(cls, value: str) -> str:
        return check_name(value)


class HubSection(Frozen):
    """Which hub, and how far its word about keys is trusted (`tofu`: the first key seen is kept; `hub`: demo only)."""

    url: str = Field(default_factory=lambda: Settings().hub_url)
    trust: Literal["pinned", "tofu", "hub"] = "tofu"

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not re.match(r"^https?://[^/\s]+", value):
            raise ValueError("must be an http or https address, such as http://127.0.0.1:8700")
        return value.rstrip("/")


class PolicySection(Frozen):
    """Whose signature makes a grant valid here: a fingerprint, or empty for the custodian key of this PODIUM_HOME."""

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


class HistorySection(Frozen):
    """Whether datapoints and results are kept, and in which database (any SQLAlchemy URL; empty: SQLite beside the pod)."""

    pod_db: bool = True
    url: str = ""


class LimitsSection(Frozen):
    """What one run may use. Times in seconds, memory in MiB. `wait_seconds`: how long a run waits for the analyst's next round."""

    runs_at_once: int = Field(default=4, ge=1, le=4)
    run_seconds: int = Field(default=3600, ge=1)
    wait_seconds: int = Field(default=3600, ge=1)
    worker_memory_mb: int = Field(default=4096, ge=256)
    heartbeat_seconds: int = Field(default=10, ge=1, le=15)


class PrefectSection(Frozen):
    """How often schemas are refreshed by themselves (cron, the pod's local time; empty: never)."""

    schema_cron: str = "0 3 * * *"


class PodConfig(Frozen):
    """A pod file. `datasources` are plugin fields: `{name, kind, …}`."""

    pod: PodSection
    hub: HubSection = Field(default_factory=HubSection)
    datasources: tuple[dict[str, Any], ...]
    policy: PolicySection = PolicySection()
    disclosure: DisclosureSection = DisclosureSection()
    history: HistorySection = HistorySection()
    limits: LimitsSection = LimitsSection()
    prefect: PrefectSection = PrefectSection()

    @field_validator("datasources")
    @classmethod
    def _distinct(cls, sources: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        names = [str(source.get("name", "")) for source in sources]
        if not names:
            raise ValueError("name at least one datasource")
        for name in names:
            check_name(name, "datasource")
        if len(set(names)) < len(names):
            raise ValueError("two datasources have the same name")
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
    """An ask file: one question to some pods. `protocol` and `algorithm` are plugin fields: `{kind, …}`; the protocol may be left out."""

    pods: tuple[str, ...] = Field(min_length=1)
    datasource: str
    algorithm: dict[str, Any]
    protocol: dict[str, Any] | None = None
    new_data_only: bool = False
    allow_partial: bool = False
    hub: str = ""


def read_ask_file(path: Path) -> AskFile:
    """The ask file, checked. Raises ConfigError naming the field, the problem and the nearest known key."""
    try:
        return AskFile(**read_yaml(path))
    except ValidationError as error:
        raise config_error(error, AskFile) from None


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
        raise ConfigError(f"{error}.", field="pod") from None


def prefect_name(identifier: str) -> str:
    """`name@owner`: the identifier as Prefect can hold it (it bans the slash)."""
    owner, name = split_identifier(identifier)
    return f"{name}@{owner}"


def from_prefect_name(name: str) -> str:
    """`owner/name` of `name@owner`."""
    pod, _, owner = name.rpartition("@")
    return "/".join(split_identifier(f"{owner}/{pod}"))


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping from a file of at most 256 KiB; anchors and object tags are refused. Raises ConfigError."""
    if not path.is_file():
        raise ConfigError(f"there is no file {path}.", field="file")
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_CONFIG_BYTES} bytes.", field="file")
    try:
        text = path.read_text("utf-8")
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise ConfigError("aliases (*name) are not allowed.", field=path.name, remedy="Write the value out.")
        loaded = yaml.safe_load(text)
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text.", field="file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"not valid YAML{where}.", field=path.name, remedy="Check indentation and colons there.") from None
    if not isinstance(loaded, dict):
        raise ConfigError("must be a mapping of keys to values.", field=path.name)
    return loaded


def read_pod_file(path: Path) -> PodConfig:
    """The pod file, checked; relative datasource paths are taken from the file's own folder. Raises ConfigError."""
    fields = read_yaml(path)
    for source in fields.get("datasources") or []:
        if isinstance(source, dict) and isinstance(source.get("path"), str):
            source["path"] = str((path.resolve().parent / Path(source["path"]).expanduser()).resolve())
    return parse_pod(fields)


def parse_pod(fields: dict[str, Any]) -> PodConfig:
    """A PodConfig from plain values. Raises ConfigError naming the field, the problem and the nearest known key."""
    try:
        return PodConfig(**fields)
    except ValidationError as error:
        raise config_error(error, PodConfig) from None
    except TypeError:
        raise ConfigError("keys must be text.", field="pod file") from None


def saved_pod(identifier: str) -> PodConfig:
    """The configuration a started pod wrote to its folder. Raises ConfigError when it was never started here."""
    path = pod_folder(identifier) / "pod.json"
    if not path.is_file():
        raise ConfigError(f"pod {identifier} was never started here.", field="pod", remedy="Start it: podium pod start FILE")
    return parse_pod(json.loads(path.read_bytes()))
