"""What a custodian does in Prefect's UI, done: buttons pressed in a real Chromium, consequences read from the pod's own tables.

Her yes and no are here too: the real Resume button and its form, and what comes of it at the analyst's.
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from chromium import Contacted, find, ui
from playwright.sync_api import Locator, Page, expect
from prefect_view import ask_prefect, flow_runs
from town import Town, until

import podium
from podium.contracts import Status

try:
    find()
except FileNotFoundError as missing:
    if os.environ.get("PODIUM_BROWSER") == "required":
        raise
    pytest.skip(str(missing), allow_module_level=True)

POD = "north@demo"
COUNT: dict[str, Any] = {"pods": ["demo/north"], "datasource": "patients"}


def form(page: Page, flow: str) -> None:
    """Open the form of the pod's deployment, as one comes to it: deployments, its row, Run."""
    page.goto(f"{ui()}/deployments?tags[0]={POD}")
    page.locator("tr", has_text=flow).filter(has_text=POD).get_by_role("link").first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    expect(page.get_by_role("button", name="Submit")).to_be_visible()


def shown(page: Page, flow_run: str) -> None:
    page.goto(f"{ui()}/runs/flow-run/{flow_run}")
    expect(page.get_by_text("Task Runs", exact=True).first).to_be_visible()


def test_the_runs_page_shows_every_flow_of_the_pod(page: Page, town: Town):
    page.goto(f"{ui()}/runs?tags[0]={POD}")
    ((run,),) = town.rows("north", "SELECT id FROM run LIMIT 1")
    for name in ("start-north@demo", "schemas-north@demo", "poll-north@demo", f"compute-{run[:8]}"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(page.get_by_text("Released").first).to_be_visible()


def test_a_run_has_a_timeline_and_names_its_steps(page: Page, town: Town):
    ((flow_run,),) = town.rows("north", "SELECT flow_run FROM run LIMIT 1")
    shown(page, flow_run)
    expect(page.locator("canvas").first).to_be_visible()
    page.get_by_text("Task Runs", exact=True).first.click()
    for step in ("admit", "select", "validate", "compute", "release", "reply"):
        expect(page.get_by_role("link", name=step, exact=True).first).to_be_visible()
    page.get_by_text("Artifacts", exact=True).last.click()
    expect(page.get_by_text("released: count for Ana on north@demo")).to_be_visible()


def test_the_form_of_a_deployment_is_filled_in_and_the_schema_is_taken_anew(page: Page, town: Town):
    taken = "SELECT max(at) FROM datasource_schema"
    ((before,),) = town.rows("north", taken)
    form(page, "schema-generation")
    expect(page.get_by_text("Which datasources; none named means all of them.")).to_be_visible()
    page.get_by_role("switch").first.click()
    page.get_by_role("button", name="No items selected").press("ArrowDown")
    page.get_by_role("option", name="patients").click()
    page.get_by_text("Parameters", exact=True).first.click()  # beside the list, which closes it
    page.get_by_role("button", name="Submit").click()
    until(lambda: town.rows("north", taken)[0][0] > before, seconds=90, why=lambda: town.log("north.log"))
    last = flow_runs("schema-generation", POD)[-1]
    assert last["parameters"] == {"pod": POD, "datasources": ["patients"], "force": True}


@pytest.mark.parametrize(("text", "said"), [("", "'run' is a required property"), ("' OR 1=1 --", "does not match")])
def test_a_wrong_parameter_is_refused_in_the_form(page: Page, town: Town, text: str, said: str):
    asked = {"deployments": {"name": {"any_": [POD]}}, "flows": {"name": {"any_": ["computation"]}}}
    before = ask_prefect("/flow_runs/count", asked)
    form(page, "computation")
    if text:
        page.locator("textarea").first.fill(text)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text(said).first).to_be_visible()
    expect(page.get_by_role("button", name="Submit")).to_be_visible()
    assert ask_prefect("/flow_runs/count", asked) == before


def test_cancel_ends_the_run_tells_the_analyst_and_frees_its_place(page: Page, town: Town):
    session = town.session()
    answer = session.ask(podium.algorithms.Mean(column="age"), wait=False, **COUNT)
    worker = town.worker("north")
    worker.suspend()  # it stands in the middle of its work
    ((run, flow_run),) = town.rows("north", "SELECT id, flow_run FROM run WHERE status = 'running'")
    shown(page, flow_run)
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Confirm").click()
    ended = f"SELECT status, code FROM run WHERE id = '{run}'"
    until(lambda: town.rows("north", ended) == [("cancelled", "cancelled")], seconds=40, why=lambda: town.log("north.log"))
    assert answer.wait(60).runs["demo/north"].status is Status.CANCELLED
    assert not worker.is_running()
    until(lambda: town.state("north")["running"] == 0)
    expect(page.get_by_text("Cancelled").first).to_be_visible()
    assert town.rows("north", f"SELECT count(*) FROM result WHERE run = '{run}'") == [(0,)]
    assert session.ask(podium.algorithms.Mean(column="age"), **COUNT, timeout=60).status is Status.RELEASED


def test_no_page_has_asked_any_other_host_for_anything(page: Page, contacted: Contacted):
    for place in ("dashboard", "flows", "deployments", "work-pools", "artifacts", "automations", "events", "settings"):
        page.goto(f"{ui()}/{place}")
        page.wait_for_load_state("networkidle")
    assert contacted.hosts == {"127.0.0.1"}
    page.evaluate("fetch('http://192.0.2.1/').catch(() => 0)")
    assert "192.0.2.1" in contacted.hosts, "the watch is blind"


@pytest.fixture(scope="module")
def asker(town: Town) -> Any:
    """An analyst whose every run wants an approval."""
    session = town.newcomer()
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


def test_yes_and_the_analyst_gets_her_answer(page: Page, town: Town, asker: Any):
    answer, run = asked(town, asker)
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


def test_no_is_what_the_form_says_by_itself(page: Page, town: Town, asker: Any):
    answer, run = asked(town, asker)
    question(page, run).get_by_role("button", name="Submit").click()
    assert answer.wait(120).status is Status.REJECTED
    assert answer.runs["demo/north"].code == "refused"
    assert said(town, run) == ("no", "ui", "")
    until(lambda: states(run) == ["Rejected"], why=lambda: str(states(run)))


def asked(town: Town, asker: Any) -> tuple[Any, str]:
    """A task that waits for its approval, and its run."""
    answer = asker.ask(podium.algorithms.Count(where="sex == 'canarymale'"), wait=False, **COUNT)
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
