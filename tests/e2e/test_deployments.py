"""The card's own command: `prefect deployment run 'schema-generation/clinic-a@demo' --watch`, from a shell of the custodian's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from town import Town, patients

PREFECT = Path(sys.executable).parent / "prefect"


def test_a_schema_is_refreshed_by_its_deployment_and_has_a_daily_schedule(town: Town):
    town.start_hub()
    source = town.csv("a", patients(100))
    town.start_pod("a", source)
    before = town.rows("a", "SELECT count(*) FROM datasource_schema")[0][0]
    frame = patients(120)
    frame["weight"] = 70
    frame.to_csv(source["path"], index=False)
    shell = {**town.env, "PREFECT_CLI_COLORS": "false"}
    run = [str(PREFECT), "deployment", "run", "schema-generation/a@demo", "--watch"]
    done = subprocess.run(run, env=shell, cwd=town.folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr + town.log("a.log")
    assert town.rows("a", "SELECT count(*) FROM datasource_schema")[0][0] == before + 1
    assert "weight" in town.session().schema("demo/a", "patients")["column"].tolist()
    found = subprocess.run(
        [str(PREFECT), "deployment", "inspect", "schema-generation/a@demo", "-o", "json"],
        env=shell, cwd=town.folder, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert [s["schedule"]["cron"] for s in json.loads(found.stdout)["schedules"]] == ["0 3 * * *"]
