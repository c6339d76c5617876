"""Prefect's API as a person with its password uses it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import httpx


def ask_prefect(path: str, body: dict[str, Any], environ: Mapping[str, str] = os.environ) -> Any:
    """POST to the server that `environ` names; the answer."""
    url, (user, _, password) = environ["PREFECT_API_URL"], environ["PREFECT_API_AUTH_STRING"].partition(":")
    with httpx.Client(auth=(user, password), trust_env=False) as client:
        token = client.get(f"{url}/csrf-token", params={"client": "test"}).json()["token"]
        answer = client.post(f"{url}{path}", json=body, headers={"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "test"})
    assert answer.is_success, answer.text
    return answer.json()


def flow_runs(flow: str, pod: str) -> list[dict[str, Any]]:
    """The flow runs of that flow for the pod `name@owner`, oldest first; those that are only scheduled left out."""
    asked = {
        "flows": {"name": {"any_": [flow]}},
        "flow_runs": {"tags": {"all_": [pod]}, "start_time": {"is_null_": False}},
        "sort": "START_TIME_ASC",
    }
    return list(ask_prefect("/flow_runs/filter", asked))


def flow_run_state(flow_run: str) -> str:
    """The state's name of one flow run."""
    (found,) = ask_prefect("/flow_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
    return str(found["state"]["name"])
