"""`python -P -m podium.runner OWNER/NAME`: one pod's process.

The event loop runs in a thread of its own and the main thread waits for signals: Prefect takes over SIGTERM in whatever thread its
flows run, and would raise from anywhere in the middle of a transaction. `--lifeline` ends the pod when standard input does, so that
a pod never outlives whoever started it; `--terminal` tells a failure on standard error too; with `--json` as well, standard output is
one JSON value, where the pod is or why it is not, and the log goes to standard error. `--access-manager=FD` is the socket on which the
access manager of whoever started the pod is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module

from podium import project
from podium.config import HubSection, keep_pod, named_hub, pod_folder, prefect_name, saved_pod
from podium.errors import PodiumError, PodRegistrationError
from podium.files import private_folder
from podium.local_log import local_log
from podium.runner import hub, server
from podium.runner.access import AccessPipe
from podium.state import StateFile, alone

GRACE_SECONDS = 4.0


def main(argv: list[str]) -> int:
    """Run the pod until it is told to stop; the exit code of `podium.errors` when it could not start."""
    os.umask(0o077)
    identifier, folder = argv[0], private_folder(pod_folder(argv[0]))
    log = local_log(folder, sys.stderr if "--json" in argv else None)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if "--lifeline" in argv:
        threading.Thread(target=_until_end_of_input, args=(stop,), daemon=True).start()
    try:
        with alone(folder):
            told = partial(_tell, identifier) if "--json" in argv else int
            return _live(identifier, StateFile(folder), stop, log=log, on_serving=told, access=_access_manager(argv))
    except PodiumError as error:
        log.error("%s", error)
        if "--json" in argv:
            fields = {"code": error.code, "message": error.message, "field": error.field, "remedy": error.remedy}
            print(json.dumps({"error": fields}), flush=True)
        elif "--terminal" in argv:
            print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _tell(identifier: str) -> None:
    print(json.dumps({"pod": identifier, "pid": os.getpid(), "folder": str(pod_folder(identifier))}), flush=True)


def _live(
    identifier: str,
    state: StateFile,
    stop: threading.Event,
    *,
    log: logging.Logger,
    on_serving: Callable[[], object],
    access: AccessPipe | None,
) -> int:
    state.begin()
    try:
        project.activate()
        _settle_hub(identifier, stop, log)
        prefect = server.ensure(holder=os.getpid(), progress=log.info, unless=stop.is_set, meanwhile=_load)
        if stop.is_set():
            state.set(phase="stopped")
            return 0
        state.set(prefect="reached", prefect_url=prefect.ui)
        return _run(identifier, state, stop, on_serving=on_serving, access=access)
    except PodiumError as error:
        state.failed(error)
        raise
    finally:
        server.leave(os.getpid())
        hub.leave(os.getpid())


def _load(prefect: server.Server) -> None:
    """While the server starts or answers, load what will run the pod: that takes seconds, and Prefect reads its environment then."""
    os.environ.update(server.environment(prefect))
    gc.disable()  # thousands of modules, none of them garbage; `serve` turns it on again
    threading.Thread(target=_load_flows, daemon=True).start()


def _load_flows() -> None:
    with contextlib.suppress(Exception):  # `_run` needs them: there it is told
        import_module("podium.runner.serve").Flows()


def _settle_hub(identifier: str, stop: threading.Event, log: logging.Logger) -> None:
    """A pod that names no hub learns here which it is; from now on pod.json says so."""
    config = saved_pod(identifier)
    if not config.hub.url:
        url = named_hub() or hub.ensure(holder=os.getpid(), progress=log.info, unless=stop.is_set)
        keep_pod(config.model_copy(update={"hub": HubSection(url=url)}))


def _run(identifier: str, state: StateFile, stop: threading.Event, *, on_serving: Callable[[], object], access: AccessPipe | None) -> int:
    from podium.runner.serve import serve

    closing: list[Callable[[], object]] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            asyncio.run(serve(prefect_name(identifier), closing.append, on_serving, access=access))
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            failure.append(error)
        finally:
            stop.set()

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    stop.wait()
    for close in closing:
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            close()
    thread.join(GRACE_SECONDS)
    if not failure:
        state.set(phase="stopped", running=0)
        return 0
    raise _as_registration_error(failure[0])


def _as_registration_error(failure: BaseException) -> PodiumError:
    if isinstance(failure, PodiumError):
        return failure
    if not hasattr(failure, "code"):
        logging.getLogger("podium.pod").error("the pod could not start", exc_info=failure)
    code, message = getattr(failure, "code", "internal"), getattr(failure, "message", "") or "the pod could not start."
    return PodRegistrationError(message, code=code, remedy=getattr(failure, "remedy", "") or "See the pod's log.")


def _access_manager(argv: list[str]) -> AccessPipe | None:
    numbers = [int(part.partition("=")[2]) for part in argv if part.startswith("--access-manager=")]
    return AccessPipe(socket.socket(fileno=numbers[0])) if numbers else None


def _until_end_of_input(stop: threading.Event) -> None:
    while os.read(0, 1024):
        time.sleep(0)
    stop.set()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # threads of libraries must not hold the process up
