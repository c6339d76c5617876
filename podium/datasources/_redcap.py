"""The data dictionary that REDCap exports: which columns a line of it stands for, and what it says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from podium.contracts import SemanticType

VARIABLE = "variable / field name"
_LABEL, _TYPE, _CHOICES, _IDENTIFIER = "field label", "field type", "choices, calculations, or slider labels", "identifier?"
_CODED = ("", "radio", "dropdown")  # of the other types the choices are a formula, or words beside a slider
_FIXED = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
_TYPES: dict[str, SemanticType] = {"notes": "text", "checkbox": "boolean", "yesno": "boolean", "truefalse": "boolean"}
_BOX = {"0": "Unchecked", "1": "Checked"}
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>")  # of labels written with REDCap's editor
Said = tuple[str, dict[str, str], SemanticType | None]


def redcap_words(cells: Mapping[str, str]) -> dict[str, Said]:
    """Column → (description, labels, type). A heading stands for no column, and a field with several boxes for one a box.

    A field that the project marked as an identifier is one, notes are text, boxes and questions of yes or no are boolean. All other types
    are for the data to tell.
    """
    name, description = cells[VARIABLE].strip(), _plain(cells.get(_LABEL, ""))
    kind, choices = cells.get(_TYPE, "").strip().lower(), cells.get(_CHOICES, "")
    semantic = _TYPES.get(kind)
    if cells.get(_IDENTIFIER, "").strip().lower() == "y":
        semantic = "identifier"
    if kind == "descriptive":
        return {}
    if kind == "checkbox":
        boxes = {f"{name}___{_ending(code)}": f"{description}: {choice}" for code, choice in _choices(choices).items()}
        return {column: (said, _BOX, semantic) for column, said in boxes.items()}
    return {name: (description, _FIXED.get(kind) or (_choices(choices) if kind in _CODED else {}), semantic)}


def _choices(cell: str) -> dict[str, str]:
    """`1, Male | 2, Female`."""
    pairs = [part.partition(",") for part in cell.split("|")]
    return {code.strip(): _plain(choice) for code, comma, choice in pairs if comma and code.strip() and choice.strip()}


def _ending(code: str) -> str:
    """A code as it stands in a column's name: in small letters, and without a minus."""
    return code.lower().replace("-", "_")


def _plain(label: str) -> str:
    return " ".join(_MARKUP.sub(" ", label).split()) if _MARKUP.search(label) else label.strip()
