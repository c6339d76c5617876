"""`podium pod eject`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from podium.cli._frame import JsonFlag, emit

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.", show_default=False)]

TEXT = """Copied {folders} of Podium {version} to {place}.
Change them there, and start a pod from them:

  podium pod start FILE --project {place}

or, for every command of this shell: export PODIUM_PROJECT={place}

The copy stays as it is when Podium is updated: compare it with a new one then."""


def eject(folder: Folder, as_json: JsonFlag = False) -> None:
    """Copy the flows, tasks, schemas and deployments to a folder of your own, to change them."""
    import shlex

    from podium import __version__, project

    place = project.eject(folder, version=__version__)
    text = TEXT.format(folders=", ".join(project.FOLDERS), version=__version__, place=shlex.quote(str(place)))
    emit({"project": str(place), "folders": list(project.FOLDERS), "version": __version__}, as_json=as_json, human=text)
