"""The data dictionary that REDCap exports: which columns a line of it stands for, and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping

VARIABLE = "variable / field name"
_LABEL, _TYPE, _CHOICES = "field label", "field type", "choices, calculations, or slider labels"
_CODED = ("", "radio", "dropdown")  # of the other types the choices are a formula, or words beside a slider
_FIXED = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}


def redcap_words(cells: Mapping[str, str]) -> dict[str, tuple[str, dict[str, str]]]:
    """Column → (description, labels). A heading stands for no column, and a field with several boxes for one a box."""
    name, description = cells[VARIABLE].strip(), cells.get(_LABEL, "").strip()
    kind, choices = cells.get(_TYPE, "").strip().lower(), cells.get(_CHOICES, "")
    if kind == "descriptive":
        return {}
    if kind == "checkbox":
        boxes = {f"{name}___{code.lower()}": f"{description}: {choice}" for code, choice in _choices(choices).items()}
        return {column: (said, {"0": "Unchecked", "1": "Checked"}) for column, said in boxes.items()}
    return {name: (description, _FIXED.get(kind) or (_choices(choices) if kind in _CODED else {}))}


def _choices(cell: str) -> dict[str, str]:
    """`1, Male | 2, Female`."""
    pairs = [part.partition(",") for part in cell.split("|")]
    return {code.strip(): choice.strip() for code, comma, choice in pairs if comma and code.strip() and choice.strip()}
