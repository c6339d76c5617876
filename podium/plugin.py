"""A plugin is its own configuration: one frozen class that has a `kind`, its fields, its behaviour and a `sample()`.

A family (datasources, algorithms, protocols) is an abstract subclass that names its package. Its kinds are the modules of that
package, one each, and the entry points of the group `podium.<family>` in other distributions. Nothing is imported before it is
asked for, and there is no list to keep.
"""

from __future__ import annotations

import difflib
import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, ClassVar, Self, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from podium.errors import ConfigError, UnknownKind
from podium.text import shortened

M = TypeVar("M", bound=BaseModel)


class Frozen(BaseModel):
    """Immutable value; an unknown field is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Plugin(Frozen):
    """Base of every kind. Subclass a family, set `kind`, add fields and methods, write `sample()`."""

    package: ClassVar[str]
    kind: ClassVar[str]
    _kinds: ClassVar[dict[str, type[Plugin]]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "package" in cls.__dict__:
            cls._kinds = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """A kind is known once its class is finished: another thread may be waiting for it."""
        super().__pydantic_init_subclass__(**kwargs)
        if "kind" in cls.__dict__ and "package" not in cls.__dict__:
            cls._kinds[cls.kind] = cls

    @classmethod
    def kinds(cls) -> list[str]:
        """The known kinds, sorted: built in, registered by import, or offered by an entry point."""
        folder = importlib.import_module(cls.package).__path__
        modules = {name for _, name, _ in pkgutil.iter_modules(folder) if not name.startswith("_")}
        return sorted(modules | set(cls._kinds) | {point.name for point in entry_points(group=cls.package)})

    @classmethod
    def of(cls, kind: str) -> type[Self]:
        """The class of that kind. Raises UnknownKind, with the nearest known one."""
        if kind not in cls._kinds:
            cls._import(kind)
        if kind not in cls._kinds:
            raise UnknownKind(f"there is no {shortened(repr(kind))}.", field="kind", remedy=nearest(kind, cls.kinds()))
        return cls._kinds[kind]  # type: ignore[return-value]

    @classmethod
    def load(cls, fields: Mapping[str, Any]) -> Self:
        """Build an instance from `{"kind": …, **fields}`. Raises UnknownKind, or ConfigError naming the first wrong field."""
        rest = dict(fields)
        if not all(isinstance(key, str) for key in rest):
            raise ConfigError("keys must be text.", field=cls.__name__.lower(), remedy="Put quotes around them.")
        kind = cls.of(str(rest.pop("kind", "")))
        return read_strictly(kind, rest, prefix=kind.kind)

    def dump(self) -> dict[str, Any]:
        """What `load` takes back, as JSON values."""
        return {"kind": self.kind, **self.model_dump(mode="json", exclude_defaults=True)}

    @classmethod
    def sample(cls, *args: Any) -> Self:
        """A tiny working instance for the contract suite."""
        raise NotImplementedError(f"{cls.__name__} has no sample(): the contract suite needs one.")

    @classmethod
    def _import(cls, kind: str) -> None:
        if kind.isidentifier() and not kind.startswith("_"):
            try:
                importlib.import_module(f"{cls.package}.{kind}")
            except ModuleNotFoundError as error:
                if error.name != f"{cls.package}.{kind}":
                    raise
        for point in entry_points(group=cls.package, name=kind):
            point.load()


def lazy_kinds(package: str) -> Callable[[str], Any]:
    """A `__getattr__` for a family's package: `Mean` is found in its module `mean`, imported when it is asked for."""

    def find(name: str) -> Any:
        module = f"{package}.{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name).lower()}"
        if name[:1].isupper():
            try:
                return getattr(importlib.import_module(module), name)
            except ModuleNotFoundError as error:
                if error.name != module:
                    raise
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find


def read_strictly(model: type[M], fields: Mapping[str, Any], *, prefix: str = "") -> M:
    """An instance from what a file or a message holds, read as JSON is: `yes` is no number, and neither is "4".

    Raises ConfigError naming the field, the problem and the nearest known key.
    """
    try:
        return model.model_validate_json(json.dumps(fields, default=str), strict=True)  # str: what YAML takes for a date is text
    except ValidationError as error:
        raise config_error(error, model, prefix=prefix) from None


def config_error(error: ValidationError, model: type[BaseModel], *, prefix: str = "") -> ConfigError:
    """The first problem of a pydantic error as one sentence that names the field and, for an unknown one, the nearest known.

    The offending value is left out: it may be a secret or a cell.
    """
    problems = error.errors(include_input=False, include_url=False)
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])  # most often the cause of the rest
    path = shortened(".".join(str(part) for part in (prefix, *first["loc"]) if part != ""))
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, first["loc"][:-1])
        return ConfigError("unknown key.", field=path, remedy=nearest(str(first["loc"][-1]), known), code="unknown_key")
    message = "this key must be given" if first["type"] == "missing" else str(first["msg"]).removeprefix("Value error, ")
    return ConfigError(f"{shortened(message.rstrip('.'), 300)}.", field=path)


def _fields_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    inner: Any = model
    for part in path:
        if get_origin(inner) is dict:
            inner = get_args(inner)[1]
        elif isinstance(part, str) and part in model.model_fields:
            inner = model.model_fields[part].annotation
            inner = next((one for one in get_args(inner) if isinstance(one, type) and issubclass(one, BaseModel)), inner)  # or none
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return list(model.model_fields)


def nearest(name: str, known: list[str]) -> str:
    """A remedy for a name that is not known: the one that was probably meant, and all that there are."""
    if not known:
        return "None is known yet."
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}Known: {', '.join(known)}."
