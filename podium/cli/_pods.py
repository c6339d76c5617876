"""Which pod a person means: `OWNER/NAME`, its bare NAME, or the pod file it was started from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Which = Annotated[str, typer.Argument(metavar="[POD]", help="OWNER/NAME, NAME or the pod file; every pod here when left out.")]


def known_pods() -> list[str]:
    """Every pod that was started from this PODIUM_HOME, sorted."""
    from podium.config import home

    return sorted("/".join(path.parent.parts[-2:]) for path in home().glob("pods/*/*/pod.json"))


def find_pod(wanted: str) -> str:
    """The identifier of the pod that is meant. Raises ConfigError for one that was never started here, or could be two."""
    from podium.config import read_pod_file
    from podium.errors import ConfigError
    from podium.plugin import nearest
    from podium.text import shortened

    known = known_pods()
    if wanted in known:
        return wanted
    if Path(wanted).is_file():
        named = read_pod_file(Path(wanted)).identifier
        if named in known:
            return named
        raise ConfigError(f"pod {named} was never started here.", field="POD", remedy=f"Start it: podium pod start {wanted}")
    fitting = [pod for pod in known if pod.split("/")[1] == wanted]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ConfigError(f"{wanted!r} could be {' or '.join(fitting)}.", field="POD", remedy="Write it as OWNER/NAME.")
    remedy = nearest(wanted, known) if known else "Start it: podium pod start FILE"
    raise ConfigError(f"pod {shortened(repr(wanted))} was never started here.", field="POD", remedy=remedy)


def pods_meant(wanted: str) -> list[str]:
    """The one that is named, or every pod here."""
    return [find_pod(wanted)] if wanted else known_pods()
