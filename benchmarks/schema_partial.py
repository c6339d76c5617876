"""From a running worker to the partial schema on the hub: a CSV of 500,000 rows x 20 columns, and a fifth of it.

Floor: pandas reading as many rows of it.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from benchmarks._measure import Bar, arguments, emit, fresh, median, prove, timed

BARS = (
    Bar(figure="value", most=2, what="published, worker running (s)"),
    Bar(figure="growth", most=1.5, what="time for five times the rows, over that for once"),
)


def main(rows: int, rounds: int) -> None:
    import pandas as pd

    from benchmarks._table import COLUMNS, write_csv
    from benchmarks._town import Town
    from podium.workers.profile import HEAD_ROWS

    with fresh() as folder, Town(folder) as town:
        town.start_hub()
        large, small = write_csv(folder / "large.csv", rows), write_csv(folder / "small.csv", rows // 5)
        found = [{path.stem: asyncio.run(published(town.url, path)) for path in (large, small)} for _ in range(rounds)]
        floor = median([timed(lambda: pd.read_csv(large, nrows=HEAD_ROWS)).wall for _ in range(rounds)])
    value = median([one["large"]["warm"] for one in found])
    checks = {
        "columns_on_the_hub": found[0]["large"]["columns"],
        "stage_on_the_hub": found[0]["large"]["stage"],
        "growth": value / median([one["small"]["warm"] for one in found]),
        "cold": median([one["large"]["cold"] for one in found]),
    }
    prove(checks, columns_on_the_hub=COLUMNS, stage_on_the_hub="partial")
    emit("schema_partial", value=value, unit="s", floor=floor, checks=checks)


async def published(url: str, path: Path) -> dict[str, Any]:
    """Seconds by a worker that is just being started, and by one that runs; then what the hub has."""
    from benchmarks._worker import Watched, session
    from podium.crypto.encryption import KeyRing
    from podium.crypto.keys import RSAKeyPair
    from podium.wire.credentials import sign_in
    from podium.wire.hub import AsyncHubClient, HubClient
    from schemas.catalogue import card_of

    identity, pod = RSAKeyPair.generate(kind="ed25519"), f"demo/{path.stem}-{time.monotonic_ns()}"
    ring = KeyRing(path.parent / identity.fingerprint, identity)
    with HubClient(url) as client:
        sign_in(client, identity, "demo", "")
        client.register_pod(pod, statement=ring.statement(int(time.time())))
        key = client.api_key
    seconds = {}
    async with AsyncHubClient(url, key) as hub:
        for how in ("cold", "warm"):
            began = time.perf_counter()
            async with session(path) as worker:
                if how == "warm":
                    await Watched.idle(worker)
                    began = time.perf_counter()
                schema = await worker.profile("partial")
                await hub.publish_card(pod, card_of(schema, algorithms=("count", "mean")))
                seconds[how] = time.perf_counter() - began
        card = await hub.card(pod, "patients")
    return {**seconds, "columns": len(card.columns), "stage": card.stage}


if __name__ == "__main__":
    given = arguments(rows=500_000, rounds=3)
    main(given.rows, given.rounds)
