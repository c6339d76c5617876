"""The nouns: what crosses a border between two rooms, two processes or two machines.

All are frozen and refuse unknown fields. Times are whole seconds since 1970, UTC. Nothing here does I/O.
"""

from __future__ import annotations

import hashlib
import json
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from podium.errors import ConfigError
from podium.names import check_name
from podium.plugin import Frozen, nearest
from podium.repeating import Repeat as Repeat

Value = str | int | float | bool | None
SemanticType = Literal["continuous", "categorical", "text", "date", "image", "identifier", "boolean"]
Catalogue = Literal["names", "types", "counts", "full"]
ColumnType = Literal["integer", "number", "text", "boolean", "date", "timestamp", "binary", "other"]
# A number of rows as it may be told: rounded, or `fewer than` the smallest that is.
Count = Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^fewer than [0-9]{1,9}$")]


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: the bytes that digests and signatures are taken over."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


class Status(StrEnum):
    """Of a run; an answer has these and `partial`. `suppressed` is never zero, `failed` never finished."""

    PENDING_APPROVAL = "pending_approval"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    HELD_FOR_RELEASE = "held_for_release"
    RELEASED = "released"
    SUPPRESSED = "suppressed"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PARTIAL = "partial"

    @property
    def final(self) -> bool:
        """Whether a run stays in this status for good."""
        return self in FINAL


FINAL = frozenset({Status.RELEASED, Status.SUPPRESSED, Status.REJECTED, Status.FAILED, Status.CANCELLED, Status.EXPIRED})


class Category(Frozen):
    """One level of a categorical column and the number of rows that have it."""

    value: Value
    rows: int = Field(ge=0)

    @property
    def text(self) -> str:
        """The value as text, as labels name it: `true`, and `1` for 1.0."""
        value = self.value
        if isinstance(value, bool):
            return str(value).lower()
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


class Column(Frozen):
    """One column as profiled. Statistics are None where they were not taken; `reason` says why the semantic type was chosen.

    `description`, `unit` and `labels` (what a stored value stands for, by the value as text) are the custodian's words. `quantiles`: values
    at evenly spaced shares of the rows that have one, from the least to the greatest; of dates, seconds since 1970.
    """

    name: str
    type: ColumnType
    semantic: SemanticType
    reason: str = ""
    description: str = ""
    unit: str = ""
    labels: dict[str, str] = {}
    nullable: bool = True
    nulls: int | None = None
    distinct: int | None = None
    min: Value = None
    max: Value = None
    mean: float | None = None
    sd: float | None = None
    quantiles: tuple[float, ...] = ()
    categories: tuple[Category, ...] = ()


class Part(Frozen):
    """A part of a datasource that can be read by itself. Equal tokens, equal rows. `where` is the kind's own note of how to find it."""

    id: str
    token: str
    where: dict[str, Any] = {}


class DatasourceSchema(Frozen):
    """What a datasource looks like: `partial` from a first sample (rows None), `full` after a complete pass."""

    v: Literal[1] = 1
    datasource: str
    stage: Literal["partial", "full"]
    rows: int | None = None
    columns: tuple[Column, ...]
    token: str = ""
    generated_at: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError."""
        return next(c for c in self.columns if c.name == name) if name in self.names else _missing(name)


class CardColumn(Frozen):
    """What the hub may show of a column; what the card's policy does not tell is left out.

    `low` and `high`: values near the 5th and the 95th percentile, rounded.
    """

    name: str
    type: ColumnType | None = None
    semantic: SemanticType | None = None
    description: str = ""
    unit: str = ""
    labels: dict[str, str] = {}
    nullable: bool = True
    nulls: Count | None = None
    distinct: Count | None = None
    categories: tuple[Category, ...] = ()
    low: float | str | None = None
    high: float | str | None = None


class Card(Frozen):
    """The catalogue card of one datasource: what the hub may hold and an analyst may read before asking.

    `catalogue` is the custodian's policy: the names and what she says of them; types too; rounded counts too; levels and ranges too.
    """

    v: Literal[1] = 1
    datasource: str
    description: str = ""
    stage: Literal["partial", "full"]
    catalogue: Catalogue = "types"
    rows: Count | None = None
    columns: tuple[CardColumn, ...]
    algorithms: tuple[str, ...] = ()
    generated_at: int = 0

    def column(self, name: str, *, field: str) -> CardColumn:
        """The column of that name. Raises ConfigError for `field`, with the nearest name."""
        for column in self.columns:
            if column.name == name:
                return column
        known = [column.name for column in self.columns]
        message = f"datasource {self.datasource!r} has no column {name!r}."
        raise ConfigError(message, field=field, remedy=nearest(name, known), code="unknown_column")


class Task(Frozen):
    """What an analyst asks of one pod; the body of a sealed `task` message. With `repeat` it stands, and is asked again by itself."""

    v: Literal[1] = 1
    protocol: dict[str, Any]
    algorithm: dict[str, Any]
    datasource: str
    new_data_only: bool = False
    repeat: Repeat | None = None

    @field_validator("datasource")
    @classmethod
    def _named(cls, name: str) -> str:
        return check_name(name, "datasource")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical task, hex: what a decision and an approval are bound to."""
        said = self.model_dump(mode="json", exclude={"repeat"} if self.repeat is None else None)
        return hashlib.sha256(canonical(said)).hexdigest()


class Disclosure(Frozen):
    """What an algorithm's cells would reveal. A value that is in neither list never leaves.

    `rounded` values are counts and are rounded to `round_to`; `exact` ones leave as they are once the minimum sizes hold.

    `params` is how many parameters are fitted to a cell's rows. `supports` are counts that every cell must state beside its figures and
    that never leave; each has the rule that is told when it is under `min_cell`.
    """

    rounded: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    params: int = Field(default=0, ge=0)
    supports: dict[str, str] = {}


class Cell(Frozen):
    """One group: its levels in the order of `Partial.by`, the rows that contributed, the named figures, and what they rest on."""

    key: tuple[Value, ...] = ()
    n: int = Field(ge=0)
    values: dict[str, int | float]
    supports: dict[str, int] = {}


class Partial(Frozen):
    """One pod's share of an answer, before the gate. It never leaves a pod as it is."""

    by: tuple[str, ...] = ()
    rows: int = Field(ge=0)
    cells: tuple[Cell, ...]


class ReleasedCell(Frozen):
    """A cell that passed the gate."""

    key: tuple[Value, ...] = ()
    values: dict[str, int | float]


class Suppression(Frozen):
    """Something was kept back. `rule` is a disclosure rule's name; `scope` says whether cells or the whole result."""

    rule: str
    scope: Literal["cells", "result"]


class Released(Frozen):
    """What the gate let out. Cells kept back are told by rule only, without their levels or their number.

    `rows` is the rounded number of rows behind the released cells.
    """

    by: tuple[str, ...] = ()
    rows: int = 0
    cells: tuple[ReleasedCell, ...] = ()
    suppressed: tuple[Suppression, ...] = ()

    @property
    def status(self) -> Status:
        """`suppressed` if nothing passed, else `released`."""
        return Status.SUPPRESSED if any(s.scope == "result" for s in self.suppressed) else Status.RELEASED


class Round(Frozen):
    """What the analyst says after a round, the body of a sealed `share` message: the parameters of round `no`, or that there is none."""

    v: Literal[1] = 1
    no: int = Field(ge=2)
    parameters: dict[str, Any] | None = None


class Cancel(Frozen):
    """That no answer is wanted any more: the body of a sealed `cancel` message. Which run is meant is in its header."""

    v: Literal[1] = 1


class Reply(Frozen):
    """One run as the analyst may know it: the body of a sealed `result` or `reject` message, its end, or of a `share`, one round of it.

    `round` is 0 at the end; a round's reply has the status `waiting` and what the gate let out. `stands`: the task will be asked again
    by itself, so that this is not its last reply.
    """

    v: Literal[1] = 1
    run: str
    status: Status
    round: int = Field(default=0, ge=0)
    stands: bool = False
    released: Released | None = None
    code: str = ""
    message: str = ""


class Decision(Frozen):
    """A yes or no to one task under one grant, written down before any row is read."""

    allowed: bool
    reasons: tuple[str, ...] = ()
    grant: str = ""
    task_digest: str
    at: int


class Outcome(IntEnum):
    """What became of a datapoint in a run, as the history keeps it: each is a row only where something is to be said.

    `moved`: unchanged, but found in another part than before; `gone`: it is not in the source any more.
    """

    DONE = 0
    QUARANTINED = 1
    GONE = 2
    MOVED = 3


class Survey(Frozen):
    """What a source is made of at this moment, before a row is read. `same`: its token is the one asked about, and no part is listed.

    Tokens cover how the source is configured too: equal tokens, equal datapoints with equal digests.
    """

    token: str
    same: bool = False
    parts: tuple[Part, ...] = ()


class PartReport(Frozen):
    """One part as a run has read it: counts of datapoints, and packed digests of those that are to be written down.

    `rows` are all of the part, each in one of the next four counts: `quarantined` where it was judged and is bad, else `new` (as is one
    that stood in quarantine and is good now), `changed` or `unchanged`. `used`: those in the figures. `failures` counts rows by the
    contract's rule they break, or the kind's reason; what begins with `!` is not about single rows, and there is no state then. `keys`,
    `fingerprints` (16 bytes each) and `outcomes` (1 byte) are in the order of the keys; `reasons` has one byte a quarantined one, in that
    order: the place of its rule in `rules`. `unseen`: keys that were known in this part and were not met in it. `state` is what the
    algorithm made of the used rows, where its states add. `digest` stands for the very rows that were used, in their order and version.
    `results`: what the algorithm gives each new or changed datapoint, in the order of the keys (float64, little-endian; NaN: nothing).
    """

    rows: int = Field(ge=0)
    new: int = Field(ge=0)
    changed: int = Field(ge=0)
    unchanged: int = Field(ge=0)
    quarantined: int = Field(ge=0)
    used: int = Field(ge=0)
    failures: dict[str, int] = {}
    rules: tuple[str, ...] = ()
    state: dict[str, Any] | None = None
    keys: bytes = b""
    fingerprints: bytes = b""
    outcomes: bytes = b""
    reasons: bytes = b""
    unseen: bytes = b""
    digest: bytes = b""
    results: bytes = b""


class Reported(Frozen):
    """What a report of results holds: of the source's `rows` those `written`, and `without` a number among them.

    `elsewhere`: results of datapoints that the source does not have now.
    """

    rows: int = Field(ge=0)
    written: int = Field(ge=0)
    without: int = Field(ge=0)
    elsewhere: int = Field(ge=0)


class ValidationReport(Frozen):
    """How rows stand against a contract: of each broken rule by how many, never a value."""

    rows: int
    ok: bool
    failures: dict[str, int] = {}


def _missing(name: str) -> Column:
    raise KeyError(name)
