"""Make the zombie automation twice, spoil it, make it again."""

import asyncio
import json

from prefect.client.orchestration import get_client

from podium.runner.automation import NAME, ensure_zombie_automation


async def main() -> None:
    async with get_client() as client:
        first, second = await ensure_zombie_automation(client), await ensure_zombie_automation(client)
        (rule,) = await client.read_automations_by_name(NAME)
        await client.pause_automation(rule.id)
        third = await ensure_zombie_automation(client)
        (rule,) = await client.read_automations_by_name(NAME)
    print(json.dumps({"ids": list(map(str, (first, second, third))), "rule": rule.model_dump(mode="json")}))


asyncio.run(main())
