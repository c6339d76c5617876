"""What runs: hubs and their clocks, Prefect, pods."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from typing import Any

from podium import config
from podium.cli._doctor import Finding
from podium.cli._pods import known_pods
from podium.errors import HubError, PodiumError
from podium.state import PodState, read_state
from podium.wire import calls
from podium.wire.calls import Call
from podium.wire.hub import HubClient

SECONDS = 5.0
SKEW, TOO_MUCH_SKEW = 60.0, 300.0  # a message from a clock five minutes off is refused


def hubs(named: str = "") -> Iterator[Finding]:
    """Each hub that is meant here: the one that is named, else this home's and those of its pods."""
    pods = _hubs_of_pods()
    usual = named or config.default_hub()
    meant = bool(named or os.environ.get("PODIUM_HUB_URL") or usual in pods or (config.home() / "hub" / "hub.json").is_file())
    for url in dict.fromkeys([usual, *([] if named else pods)]):
        yield from _hub(url, meant=meant or url in pods)


def prefect() -> Iterator[Finding]:
    """The Prefect server of this PODIUM_HOME."""
    if not all(find_spec(name) for name in ("prefect", "psutil")):
        yield Finding("Prefect", "ok", "not installed here; a pod needs it, an analyst or a hub does not")
        return
    from podium.runner import server

    found = server.status()
    match found["state"]:
        case "running" | "external":
            yield Finding("Prefect", "ok", f"answers at {found['ui']}")
        case "stopped":
            yield Finding("Prefect", "ok", "not running; the first pod starts it")
        case "died":
            yield Finding(
                "Prefect", "fail", f"its process (pid {found['pid']}) died; its log is {found['log']}", "Run: podium prefect start"
            )
        case _:
            remedy = "Run: podium prefect stop, then podium prefect start"
            outside = "Start it, or unset PREFECT_API_URL to have Podium run one."
            yield Finding("Prefect", "fail", f"{found['ui']} does not answer.", remedy if "pid" in found else outside)


def pods() -> Iterator[Finding]:
    """Each pod that was started here."""
    known = known_pods()
    if not known:
        yield Finding("pods", "ok", "none was started here")
    for pod in known:
        yield from _pod(pod, read_state(config.pod_folder(pod)))


def _pod(pod: str, state: PodState | None) -> Iterator[Finding]:
    name, log = f"pod {pod}", f"See {config.pod_folder(pod) / 'pod.log'}"
    if state is None or state.phase == "stopped":
        yield Finding(name, "ok", "not running")
        return
    if state.phase == "failed":
        yield Finding(
            name, "fail", f"ended: {state.error.get('message', 'for a reason that it did not tell')}", state.error.get("remedy") or log
        )
        return
    troubles = [f"{source}: {how}" for source, how in state.datasources.items() if how.startswith("broken")]
    troubles += [f"{what}: {how}" for what, how in (("hub", state.hub), ("Prefect", state.prefect)) if how not in ("", "reached")]
    if troubles:
        yield Finding(name, "fail", "; ".join(troubles), log)
    else:
        yield Finding(name, "ok", f"{state.phase}, {len(state.datasources)} datasources")


def _hub(url: str, *, meant: bool) -> Iterator[Finding]:
    name = f"hub {url}"
    try:
        with HubClient(config.check_address(url), timeout=SECONDS) as client:
            health: dict[str, Any] = dict(client.health())
            before = time.time()
            date = client.run(Call("GET", calls.health().path, lambda answer: answer.headers.get("date", "")))
            now = (before + time.time()) / 2
    except ValueError as error:
        yield Finding(name, "fail", f"{error}.", "Correct hub.url, --hub or PODIUM_HUB_URL.")
    except HubError as error:
        remedy = error.remedy if meant else "Start one (podium hub start), or name yours: PODIUM_HUB_URL"
        yield Finding(name, "fail" if meant else "warn", error.message, remedy)
    else:
        yield Finding(name, "ok", f"answers, version {health['version']}")
        yield _clock(date, now)


def _clock(date: str, now: float) -> Finding:
    """Our clock against the hub's, which tells whole seconds."""
    try:
        off = now - parsedate_to_datetime(date).timestamp() - 0.5
    except (ValueError, TypeError):
        return Finding("clock", "warn", "the hub does not tell the time, so the clocks cannot be compared.")
    said = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the hub's"
    if abs(off) <= SKEW:
        return Finding("clock", "ok", "within a minute of the hub's")
    remedy = "Set this machine's clock (or the hub's): messages from a clock five minutes off are refused."
    return Finding("clock", "fail" if abs(off) >= TOO_MUCH_SKEW else "warn", said, remedy)


def _hubs_of_pods() -> list[str]:
    found = []
    for pod in known_pods():
        try:
            found.append(config.saved_pod(pod).hub.url)
        except PodiumError:  # `pods` is told of it where it is started
            continue
    return found
