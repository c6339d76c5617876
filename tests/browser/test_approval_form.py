"""A custodian says yes, and no, in Prefect's UI: the real Resume button and its form, and what comes of it at the analyst's."""

from __future__ import annotations

import time
from typing import Any

import pytest
from conftest import ui
from playwright.sync_api import Locator, Page, expect
from prefect_view import ask_prefect
from town import Town, until

import podium
from podium.contracts import Status

ASK: dict[str, Any] = {"pods": ["demo/north"], "datasource": "patients"}


@pytest.fixture(scope="module")
def session(town: Town) -> Any:
    """The analyst; from now on every run of hers wants an approval."""
    session = town.session()
    town.grant("north", session, more=("--approval", "every_run"))
    return session


def question(page: Page, run: str) -> Locator:
    """Open the form as one comes to it: the flow runs that are suspended, the one of this run, Resume."""
    until(lambda: states(run) == ["Suspended"], seconds=180)
    (flow,) = ask_prefect("/flows/filter", {"flows": {"name": {"any_": ["approval"]}}})
    page.goto(f"{ui()}/runs?state=Suspended&flow={flow['id']}")
    page.get_by_text(f"approve-{run[:8]}", exact=True).first.click()
    page.get_by_role("button", name="Resume").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_text("May this task run on north@demo?")).to_be_visible()
    return form


def test_yes_and_the_analyst_gets_her_answer(page: Page, town: Town, session: Any):
    answer, run = asked(town, session)
    form = question(page, run)
    for told in ("Ana", "count", "sex", "patients", "one_round", f"podium approvals show {run[:8]} --pod demo/north"):
        expect(form.get_by_text(told, exact=True).first).to_be_visible()
    assert "canary" not in form.inner_html()
    expect(form.get_by_text("Prefect keeps what you write here: nothing private.")).to_be_visible()
    switch = form.get_by_role("switch")
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()
    form.locator("textarea").last.fill("as agreed")
    form.get_by_role("button", name="Submit").click()
    assert answer.wait(120).status is Status.RELEASED
    assert said(town, run) == ("yes", "ui", "as agreed")
    until(lambda: states(run) == ["Approved"], why=lambda: str(states(run)))
    expect(page.get_by_text("Approved").first).to_be_visible()


def test_no_is_what_the_form_says_by_itself(page: Page, town: Town, session: Any):
    answer, run = asked(town, session)
    question(page, run).get_by_role("button", name="Submit").click()
    assert answer.wait(120).status is Status.REJECTED
    assert answer.runs["demo/north"].code == "refused"
    assert said(town, run) == ("no", "ui", "")
    until(lambda: states(run) == ["Rejected"], why=lambda: str(states(run)))


def asked(town: Town, session: Any) -> tuple[Any, str]:
    """A task that waits for its approval, and its run."""
    answer = session.ask(podium.algorithms.Count(where="sex == 'canarymale'"), wait=False, **ASK)
    run = answer._asked.sent[0].run
    until(lambda: town.rows("north", f"SELECT 1 FROM run WHERE id = '{run}' AND status = 'pending_approval'"))
    return answer, run


def states(run: str) -> list[str]:
    """Of every flow run that asks about this run."""
    time.sleep(0.5)  # asking costs the server more than what is waited for
    found = ask_prefect("/flow_runs/filter", {"flow_runs": {"name": {"any_": [f"approve-{run[:8]}"]}}})
    return [one["state"]["name"] for one in found]


def said(town: Town, run: str) -> tuple[str, str, str]:
    ((decision, by, reason),) = town.rows("north", f"SELECT decision, by, reason FROM approval WHERE run = '{run}'")
    return decision, by, reason
