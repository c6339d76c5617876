"""Rows held against the datasource's contract: of each the first rule that it breaks, and of each rule how many rows break it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.project import load
from podium.workers.survey import beyond_the_key

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

FATAL = "!"  # before a rule that is not about single rows: a type, a missing column, what must not be there twice


class Sifting:
    """The contract of one run, of which these columns are read. `key`: those that the run itself sees to be unique together."""

    def __init__(self, contract: Path, *, columns: Sequence[str], key: Sequence[str]) -> None:
        document = load("schemas.contract_file").load(contract)  # a slip in it is told before a row is read
        self._path, self._columns = contract, columns
        self._unique = any(beyond_the_key(document, key))
        self._sifter: Any = None  # its library is loaded while the first part is read

    def sift(
        self, batches: Iterable[pa.RecordBatch], reasons: Sequence[str], *, last: bool
    ) -> tuple[npt.NDArray[np.uint16], list[str], dict[str, int]]:
        """Codes (0: good, else 1 + the place in the rules), the rules, and how many rows break each; FATAL before what is about none.

        `reasons`: those of datapoints that the kind has kept out; they stand last. With the `last` part uniqueness is judged.
        """
        import numpy as np

        sifter = self._made()
        failures, fatal = Counter(sifter.failures), Counter(sifter.fatal)
        codes = [np.empty(0, dtype=np.uint16), *(verdicts for _, verdicts in sifter.sift(batches))]
        if last:
            sifter.finish()
        rules, words = list(sifter.rules), list(dict.fromkeys(reasons))
        codes.append(np.array([1 + len(rules) + words.index(reason) for reason in reasons], dtype=np.uint16))
        found = Counter(sifter.failures) - failures + Counter(reasons)
        found.update({f"{FATAL}{rule}": count for rule, count in (Counter(sifter.fatal) - fatal).items()})
        return np.concatenate(codes), [*rules, *words], dict(found)

    def _made(self) -> Any:
        if self._sifter is None:
            contracts = load("schemas.datasource")
            self._sifter = contracts.Sifter(contracts.only(contracts.read(self._path), self._columns), unique=self._unique)
        return self._sifter
