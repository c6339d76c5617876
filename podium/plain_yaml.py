"""YAML read so that a person and this program see the same file: no aliases, no tags, no key twice, and a limit of size and depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from podium.errors import ConfigError
from podium.text import shortened

MAX_BYTES, MAX_DEPTH = 256 * 1024, 20


class _Loader(yaml.SafeLoader):
    """Refuses what the module says, with the line."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text)
        self._file, self._depth = file, 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise self._refusal("anchors and aliases (&name, *name) are not allowed", event, "Write the value out.")
        if getattr(event, "tag", None) is not None:
            raise self._refusal("tags (!name) are not allowed", event, "Write the value without it.")
        if self._depth == MAX_DEPTH:
            raise self._refusal(f"nested more than {MAX_DEPTH} deep", event, "See the reference of the file for its sections.")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise self._refusal("a key must be text", key, "Put quotes around it.")
            if key.value in seen:
                what = f"the key {shortened(repr(key.value))} stands twice, first at line {seen[key.value]} and again"
                raise self._refusal(what, key, "Keep the one that you mean.")
            seen[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, int) and value.bit_length() > 63:
                raise OverflowError
        except (ValueError, ArithmeticError):  # 2024-13-45 looks like a date, and is none; nor are thousands of digits a number
            raise self._refusal("no such date or number", node, "Put quotes around it where text is meant.") from None
        return value

    def _refusal(self, what: str, at: yaml.Node | yaml.Event, remedy: str) -> ConfigError:
        line = at.start_mark.line + 1 if at.start_mark else 1
        return ConfigError(f"{what}, at line {line}.", field=self._file, remedy=remedy)


def read_yaml(path: Path, *, most: int = MAX_BYTES) -> dict[str, Any]:
    """A YAML mapping from a file of at most 256 KiB, or `most` bytes, read as the module says. Raises ConfigError."""
    if not path.is_file():
        raise ConfigError(f"there is no file {path}.", field="file", remedy="Write its path from here or from /.")
    file = shortened(path.name)
    try:
        with path.open("rb") as source:
            read = source.read(most + 1)
        if len(read) > most:
            raise ConfigError(f"{path} is larger than {most} bytes.", field="file")
        loaded = _Loader(read.decode(), file).get_single_data()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", field="file", remedy="May you read it?") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text.", field="file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"not valid YAML{where}.", field=file, remedy="Check indentation and colons there.") from None
    if not isinstance(loaded, dict):
        raise ConfigError("must be a mapping of keys to values.", field=file)
    return loaded
