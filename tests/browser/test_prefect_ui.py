"""What a custodian does in Prefect's UI, done: buttons pressed in a real Chromium, consequences read from the pod's own tables."""

from __future__ import annotations

import os
from typing import Any

import pytest
from chromium import Contacted, find, ui
from playwright.sync_api import Page, expect
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
