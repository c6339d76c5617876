"""The class `Pod`: what it takes, what it has, what it does."""

from __future__ import annotations

import asyncio
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from podium.config import PodConfig, local_user, parse_pod, pod_folder
from podium.contracts import DatasourceSchema
from podium.crypto.keys import RSAKeyPair, fingerprint
from podium.datasources import Datasource
from podium.errors import ConfigError, DataSourceError, PodiumError, PodRegistrationError
from podium.pod.arguments import (
    JWT,
    APIKeys,
    DatasourceContainerConfig,
    DPPodConfig,
    HubConfig,
    MessageServiceConfig,
    PodDataConfig,
    PodDbConfig,
    PodDetailsConfig,
)
from podium.pod.process import PodProcess
from podium.pod.refreshing import refresh_schemas
from podium.pod.sections import sections
from podium.pod.sign_in import sign_in
from podium.pod.sources import gather, of_path
from podium.pod.startable import startable
from podium.policy.access import AccessManager

log = logging.getLogger("podium")
T = TypeVar("T")


class Pod:
    """Serve private data to a hub. Every argument but `access_manager` and `secrets` has its place in a pod file, which says more.

    Args:
        name: the pod's name; its identifier is `username/name`. An only datasource without a name goes by it.
        data: a file to serve, of the kind that its name tells, or a folder of such files.
        datasource: deprecated: give `datasources`.
        datasources: what to serve, each plain or in a `DatasourceContainerConfig`.
        username: the owner, by default the OS user.
        data_config: deprecated: columns to ignore and types to force, of all datasources or by their names.
        schema: deprecated: the only datasource's schema, or the path of a saved one. Generated where none is given.
        pod_details_config: deprecated: how the hub shows the pod.
        hub: the hub's address. Left out: PODIUM_HUB_URL, else the hub of this PODIUM_HOME, which is started where none runs.
        message_service: where messages are fetched and sent, and how long a poll waits; at the hub where left out.
        access_manager: asked, in this process, after the grants have said yes; only its `True` lets a task go on.
        pod_keys: the pod's identity; made and kept in the pod's folder where absent.
        approved_pods: the pods with which this one takes part in secure aggregation.
        differential_privacy: what differential privacy may cost here.
        pod_db: whether datapoints and results are kept, and in which database.
        update_schema: take every schema anew at the start, also where one is given or nothing has changed.
        secrets: the hub's API key. Left out: the one that is kept, else a code is asked for on the terminal, if this is one.

    Raises DataSourceError for a source that was not initialised or that the pod's process could not rebuild, ConfigError for any other
    argument that makes no sense. What this version cannot do is refused by `start()`.
    """

    def __init__(
        self,
        name: str,
        *,
        data: str | os.PathLike[str] | None = None,
        datasource: Datasource | None = None,
        datasources: Iterable[Datasource | DatasourceContainerConfig] | None = None,
        username: str | None = None,
        data_config: PodDataConfig | None = None,
        schema: DatasourceSchema | str | os.PathLike[str] | None = None,
        pod_details_config: PodDetailsConfig | None = None,
        hub: str | HubConfig | None = None,
        message_service: MessageServiceConfig | None = None,
        access_manager: AccessManager | None = None,
        pod_keys: RSAKeyPair | None = None,
        approved_pods: Iterable[str] | None = None,
        differential_privacy: DPPodConfig | None = None,
        pod_db: bool | PodDbConfig = False,
        update_schema: bool = False,
        secrets: APIKeys | JWT | None = None,
    ) -> None:
        _deprecated(
            datasource=(datasource, "give datasources=[…]"),
            data_config=(data_config, "give it in a DatasourceContainerConfig"),
            schema=(schema, "give it in a DatasourceContainerConfig"),
            pod_details_config=(pod_details_config, "set display_name and description in a pod file"),
        )
        given = [one for one in (data, datasource, datasources) if one is not None]
        if len(given) > 1:
            raise ConfigError("give one of data, datasource and datasources.", field="datasources")
        who = {"name": name, "owner": local_user() if username is None else username}
        parse_pod({"pod": who, "datasources": ()})  # a wrong name is told as the pod's, before a datasource goes by it
        sources: Any = of_path(data) if data is not None else [datasource] if datasource is not None else datasources or ()
        self.served = gather(name, sources, data_config=_of(PodDataConfig, data_config, "data_config"), schema=schema)
        self.datasources = tuple(one.source for one in self.served)
        self.access_manager = _of(AccessManager, access_manager, "access_manager")
        self.pod_keys = _of(RSAKeyPair, pod_keys, "pod_keys")
        self.secrets = _of((APIKeys, JWT), secrets, "secrets")
        self.config: PodConfig = parse_pod(
            sections(
                pod=who,
                datasources=[one.entry() for one in self.served],
                details=_of(PodDetailsConfig, pod_details_config, "pod_details_config"),
                hub=HubConfig(hub) if isinstance(hub, str) else _of(HubConfig, hub, "hub"),
                message_service=_of(MessageServiceConfig, message_service, "message_service"),
                approved_pods=approved_pods,
                privacy=_of(DPPodConfig, differential_privacy, "differential_privacy"),
                pod_db=_of((bool, PodDbConfig), pod_db, "pod_db"),
                update_schema=_of(bool, update_schema, "update_schema"),
            )
        )

    @property
    def name(self) -> str:
        """The pod's name, without its owner's."""
        return self.config.pod.name

    @property
    def pod_identifier(self) -> str:
        """`owner/name`."""
        return self.config.identifier

    @property
    def datasource(self) -> Datasource | None:
        """The only datasource. With several, or none, a warning is logged and this is None."""
        if len(self.datasources) == 1:
            return self.datasources[0]
        log.warning("pod %s has %d datasources: use pod.datasources", self.pod_identifier, len(self.datasources))
        return None

    @property
    def private_key(self) -> Any:
        """The identity's private key, once there is one."""
        path = self._key_path
        return self.pod_keys.private_key if self.pod_keys else RSAKeyPair.load(path).private_key if path.is_file() else None

    def start(self) -> None:
        """Start, and answer tasks until Ctrl-C. Raises PodRegistrationError when the pod cannot be registered or started."""
        process = self._signed_in()
        process.spawn()
        try:
            process.wait()
        except KeyboardInterrupt:
            pass
        finally:
            process.stop()

    async def start_async(self) -> None:
        """The same, awaited; cancelling it ends the pod."""
        process = await asyncio.to_thread(self._signed_in)
        process.spawn(loop=asyncio.get_running_loop())
        try:
            while process.child is not None and process.child.poll() is None:
                await asyncio.sleep(0.1)
            process.wait()
        finally:
            await asyncio.to_thread(process.stop)

    async def schema_manager(self) -> None:
        """Have the running pod bring every schema up to date, and wait until it has.

        Raises PodRegistrationError where the pod does not run, DataSourceError when a schema could not be taken.
        """
        await refresh_schemas(self.config)

    def process(self, *, show: Callable[[str], None] = print) -> PodProcess:
        """The process that would do this pod's work, not yet started."""
        if self.pod_keys is not None:
            self._keep_keys(self.pod_keys)
        placed = tuple(one.entry(placed_for=self.pod_identifier) for one in self.served)
        return PodProcess(self.config.model_copy(update={"datasources": placed}), show=show, access_manager=self.access_manager)

    @property
    def _key_path(self) -> Path:
        return pod_folder(self.pod_identifier) / "keys" / "identity.pem"

    def _signed_in(self) -> PodProcess:
        with _registering():
            startable(self.config)  # before anything is written
            process = self.process()
            sign_in(self.config, self._key_path, self.secrets)
        return process

    def _keep_keys(self, keys: RSAKeyPair) -> None:
        if not self._key_path.exists():
            keys.save(self._key_path)
        elif RSAKeyPair.load(self._key_path).fingerprint != fingerprint(keys.public_key):
            raise ConfigError(
                "this pod already has another identity.", field="pod_keys", remedy=f"Leave it out, or remove {self._key_path}."
            )


@contextmanager
def _registering() -> Iterator[None]:
    """Whatever keeps a pod from being registered is a PodRegistrationError, with its own words, field and remedy."""
    try:
        yield
    except (PodRegistrationError, DataSourceError):
        raise
    except PodiumError as error:
        raise PodRegistrationError(error.message, field=error.field, remedy=error.remedy, code=error.code) from None


def _deprecated(**arguments: tuple[object, str]) -> None:
    for name, (value, instead) in arguments.items():
        if value is not None:
            warnings.warn(f"Pod({name}=…) is deprecated: {instead}.", DeprecationWarning, stacklevel=3)


def _of(kind: type[T] | tuple[type[Any], ...], value: Any, field: str) -> Any:
    if value is None or isinstance(value, kind):
        return value
    known = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
    raise ConfigError(f"{type(value).__name__} is not what it takes.", field=field, remedy=f"Give {known}.")
