"""A run's way through the parts of a source: read, choose, sift by the contract, and make a state of what is good.

A part's rows are never in memory all at once: those that are judged go to a snapshot. What grows by the row is 33 bytes, 41 with results,
while its part is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.algorithms import Additive, Algorithm
from podium.contracts import Part, PartReport
from podium.datasources import ARROW, Datasource
from podium.errors import ConfigError, DataSourceError, WorkerError
from podium.history.fingerprints import digests
from podium.workers.alike import ByContent
from podium.workers.choosing import ByKey, Chooser
from podium.workers.judged import report
from podium.workers.picked import Good, Picked
from podium.workers.records import Records
from podium.workers.scoring import scored
from podium.workers.sifting import FATAL, Sifting
from podium.workers.snapshot import Snapshot

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Order:
    """What a run wants: the parts in the order in which they will be read (None: all of the source), and what to do with them.

    Without a `secret` no digests are taken. `algorithm`: whose states the parts come to; else their rows are kept, to compute on.
    `results`: what it gives each datapoint is wanted too.
    """

    parts: Sequence[Part | None]
    secret: bytes
    new_only: bool
    contract: Path
    algorithm: dict[str, Any] | None
    results: bool = False


class Reading:
    """One run. Every part is read once, in order."""

    def __init__(self, source: Datasource, order: Order, records: Records, *, progress: Callable[[int], None]) -> None:
        import pyarrow as pa

        self._source, self._order, self._progress = source, order, progress
        self._algorithm = None if order.algorithm is None else additive(order.algorithm)
        shape = dict(source.columns())
        asked = () if self._algorithm is None else self._algorithm.columns()
        for name in (*asked, *source.key):
            if name not in shape:
                raise DataSourceError(f"datasource {source.name!r} has no column {name!r}.", code="unknown_column")
        self._schema = pa.schema([(name, pa.type_for_alias(ARROW[kind])) for name, kind in shape.items()])
        self._covered = source.fingerprinted() if order.secret else ()
        self._hidden = [name for name in self._covered if name not in shape]
        self._sifting = Sifting(order.contract, columns=list(shape), key=source.key if order.secret else ())
        self._chooser: Chooser | None = None
        if order.secret:
            self._chooser = ByKey(records) if source.key else ByContent(records, secret=order.secret)
        self._parts = self._rows = 0
        self.good: Good | None = None

    def part(self, place: int) -> PartReport:
        """Read the part. Raises DataSourceError, also `key_not_unique`."""
        if place != self._parts or place >= len(self._order.parts):
            raise WorkerError("parts are read once, in the order they were announced in.", code="worker_command")
        self.close()
        self._parts += 1
        if self._chooser is not None:
            self._chooser.begin(place)
        picked = Picked(self._chooser, new_only=self._order.new_only)
        snapshot = self._read(self._order.parts[place], picked)
        reasons = self._kept_out(picked)
        self._check_key()
        codes, rules, failures = self._sifting.sift(snapshot.batches(), reasons, last=self._parts == len(self._order.parts))
        self.good = Good(snapshot, codes)
        state = scores = None
        if self._algorithm is not None and not any(rule.startswith(FATAL) for rule in failures):
            batches = self.good.batches(self._algorithm.columns())
            state, scores = scored(self._algorithm, batches) if self._order.results else (self._algorithm.state(batches), None)
            self.close()
        unseen = b"" if self._chooser is None else self._chooser.unseen_here()
        return report(picked, codes, rules=rules, failures=failures, state=state, scores=scores, unseen=unseen)

    def unseen(self) -> bytes:
        """After the last part: keys that are in no part any more."""
        if self._parts < len(self._order.parts):
            raise WorkerError("not every part was read.", code="worker_command")
        return b"" if self._chooser is None else self._chooser.unseen()

    def close(self) -> None:
        """Forget the rows of the part that was read last."""
        if self.good is not None:
            self.good.close()
            self.good = None

    def _read(self, part: Part | None, picked: Picked) -> Snapshot:
        import pyarrow as pa

        snapshot, names = Snapshot(self._schema), list(self._schema.names)
        for batch in self._batches(part, [*names, *self._hidden]):
            shown = batch.select(names) if self._hidden else batch
            if not shown.schema.equals(self._schema):
                message = f"datasource {self._source.name!r} returned other columns or types than it was asked for."
                raise DataSourceError(message, code="over_read")
            judged = picked.take(batch.num_rows, *self._digests(batch))
            if judged.any():
                snapshot.add(shown if judged.all() else shown.filter(pa.array(judged)))
            self._rows += batch.num_rows
            self._progress(self._rows)
        snapshot.seal()
        return snapshot

    def _batches(self, part: Part | None, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return self._source.read(columns) if part is None else self._source.read_part(part, columns)

    def _digests(self, batch: pa.RecordBatch) -> tuple[bytes, bytes]:
        """Of each row its key and fingerprint; without a key its content's digest is both."""
        secret, key = self._order.secret, self._source.key
        if not secret:
            return b"", b""
        if not key:
            content = digests(batch, secret=secret, purpose="key", columns=self._covered)
            return content, content
        keys = digests(batch, secret=secret, purpose="key", columns=key)
        return keys, digests(batch, secret=secret, purpose="row", columns=self._covered)

    def _kept_out(self, picked: Picked) -> list[str]:
        """What the kind kept out is a datapoint too, by its path; the reasons of those that are judged."""
        import pyarrow as pa

        if not (found := self._source.kept_out()):
            return []
        batch = pa.RecordBatch.from_pydict({"path": list(found), "reason": list(found.values())})
        keys = prints = b""
        if secret := self._order.secret:
            prints = digests(batch, secret=secret, purpose="row")
            keys = digests(batch, secret=secret, purpose="key", columns=["path"]) if self._source.key else prints
        judged = picked.take(batch.num_rows, keys, prints)
        self._rows += batch.num_rows
        return [reason for reason, its in zip(found.values(), judged.tolist(), strict=True) if its]

    def _check_key(self) -> None:
        source = self._source
        if self._chooser is not None and (twice := self._chooser.twice):
            raise DataSourceError(
                f"the key {', '.join(source.key)} of datasource {source.name!r} does not tell rows apart: {twice} repeat another's.",
                field=f"datasources.{source.name}.key",
                remedy="Declare more key columns, or none: then a row's whole content is its key.",
                code="key_not_unique",
            )


def additive(fields: dict[str, Any]) -> Additive:
    """The algorithm, whose states add. Raises ConfigError for another."""
    algorithm = Algorithm.load(fields)
    if not isinstance(algorithm, Additive):
        raise ConfigError("the states of this algorithm do not add up.", field=f"algorithm.{algorithm.kind}", code="not_additive")
    return algorithm
