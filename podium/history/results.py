"""What an algorithm gives each datapoint, as a pod keeps it: sealed, so that whoever has a copy of the database alone reads nothing.

A model may be a column times one: its results are cells then. So they are encrypted (AES-256-GCM) under a key that HKDF derives from the
pod's secret for the datasource, as those of the digests are, and bound to question, run and batch: moved to another row they do not open.

Opened, a batch's results are the keys (16 bytes each, in their order), and then as many numbers (float64, little-endian; NaN: it was used,
and has none).
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from podium.contracts import Outcome, PartReport
from podium.errors import ConfigError

WIDTH, VALUE, NONCE = 16, 8, 12


def results_of(report: PartReport) -> bytes:
    """Those of one part's new and changed datapoints; empty where there are none."""
    if not report.results:
        return b""
    keys = report.keys
    if len(report.results) * WIDTH < len(keys) * VALUE:
        done = (at * WIDTH for at, outcome in enumerate(report.outcomes) if outcome == Outcome.DONE)
        keys = b"".join(keys[at : at + WIDTH] for at in done)
    return keys + report.results


def divided(results: bytes) -> tuple[bytes, bytes]:
    """The keys and the numbers. Raises ConfigError where they cannot be that."""
    count, rest = divmod(len(results), WIDTH + VALUE)
    if rest:
        raise _unreadable()
    return results[: count * WIDTH], results[count * WIDTH :]


class Sealer:
    """Seals and opens the results of one question's batches."""

    def __init__(self, secret: bytes, *, datasource: str, question: bytes) -> None:
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"podium-results/1\n" + datasource.encode()).derive(secret)
        self._cipher, self._question = AESGCM(key), question

    def seal(self, results: bytes, *, run: str, batch: int) -> bytes:
        """A nonce, and the encrypted results."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, results, self._place(run, batch))

    def open(self, sealed: bytes, *, run: str, batch: int) -> bytes:
        """The results. Raises ConfigError for what was not sealed with this secret for this place."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], self._place(run, batch))
        except (InvalidTag, ValueError):
            raise _unreadable() from None

    def _place(self, run: str, batch: int) -> bytes:
        return b"podium-results/1\n" + self._question + run.encode() + batch.to_bytes(8, "big")


def _unreadable() -> ConfigError:
    remedy = "Restore the keys/history.key that the pod had when the run ended."
    return ConfigError("results of datapoints cannot be opened with the pod's secret.", field="keys", remedy=remedy, code="sealed")
