"""Does Prefect's server answer? One connection, kept open: this is asked every second and before every run."""

from __future__ import annotations

import os

import httpx


class Health:
    """Asks the server that PREFECT_API_URL names."""

    def __init__(self) -> None:
        self.url = f"{os.environ['PREFECT_API_URL']}/health"
        self.client = httpx.AsyncClient(timeout=3, trust_env="127.0.0.1" not in self.url)

    async def answers(self) -> bool:
        """Whether it is there. A busy server may take a while: up to three seconds are given."""
        try:
            return (await self.client.get(self.url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False
