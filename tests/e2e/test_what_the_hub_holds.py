"""What the hub holds of a datasource under each `catalogue`: its files, its log and its answers, searched for planted values.

A worker takes the schema of a real file, and the pod's own step publishes it to a hub that is a process of its own.
"""

from __future__ import annotations

import httpx
import pandas as pd
import pytest
from hub_process import HubProcess, statement

from podium import project
from podium.config import parse_pod
from podium.contracts import Card
from podium.datasources import load_source

project.activate()

from tasks.desk import Desk  # noqa: E402
from tasks.profile import _profiled  # noqa: E402
from tasks.publish import publish  # noqa: E402

NEVER = ("canary", "987654", "777777", "4242424", "1803-02", '"1803"', "99.73", '"rows": 203', '"rows":203')
LABEL, LEVEL, DESCRIPTION, SPAN = "a-label-of-the-code-book", "commonlevel", "words of the custodian", '"low"'
POLICIES = {"names": [DESCRIPTION], "types": [DESCRIPTION, LABEL], "counts": [DESCRIPTION, LABEL, '"distinct"']}
POLICIES["full"] = [*POLICIES["counts"], LEVEL, SPAN]
QUANTILES = [i / 100 for i in range(101)]


def planted(path):
    """203 rows with, in each kind of column, something that must not leave: an identifier, a text, what few rows have, an extreme."""
    n = 203
    frame = pd.DataFrame({"patient": [f"canaryid{i:04d}" for i in range(n)], "note": [f"canarynote {i % 120} was here" for i in range(n)]})
    frame["ward"] = ["canaryrare" if i < 3 else LEVEL if i % 2 else "otherlevel" for i in range(n)]
    frame["code"] = [4242424 if i < 4 else i % 3 for i in range(n)]
    frame["amount"] = [987654321.25 if i == 7 else -777777.5 if i == 8 else 50 + i / 7 for i in range(n)]
    frame["born"] = ["1803-02-27" if i == 9 else f"19{50 + i % 40}-0{1 + i % 9}-11" for i in range(n)]
    frame["agreed"] = ["yes" if i % 2 else "no" for i in range(n)]
    frame["seldom"] = [99.73 + i if i < 5 else None for i in range(n)]
    frame.to_csv(path, index=False)
    return frame


def with_quantiles(schema, frame):
    """As a profile that takes them: of the same rows."""
    taken = {"amount": frame["amount"], "born": pd.to_datetime(frame["born"]).astype("datetime64[s]").astype("int64")}
    columns = [
        column.model_copy(update={"quantiles": tuple(taken[column.name].quantile(QUANTILES))}) if column.name in taken else column
        for column in schema.columns
    ]
    return schema.model_copy(update={"columns": tuple(columns)})


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "pods"))
    found = HubProcess(tmp_path / "home").start()
    yield found
    found.close()


async def test_no_more_than_the_custodian_lets_it(hub, tmp_path):
    frame = planted(tmp_path / "a.csv")
    about = {"ward": {"description": DESCRIPTION, "labels": {"canar": LABEL}}}
    entry = {"kind": "csv", "name": "a", "path": str(tmp_path / "a.csv"), "about": about}
    config = parse_pod({"pod": {"name": "north", "owner": "demo"}, "hub": {"url": hub.url}, "datasources": [entry]})
    desk = Desk(config)
    try:
        desk.hub.api_key = hub.enrol("demo", identity=desk.identity).client.api_key
        await desk.hub.register_pod("demo/north", statement=statement(desk.identity, tmp_path))
        schema = with_quantiles(await _profiled(desk, "a", "full"), frame)
        kinds = {column.name: column.semantic for column in schema.columns}
        assert kinds["patient"] == "identifier"
        assert (kinds["ward"], kinds["code"], kinds["note"], kinds["amount"]) == ("categorical", "categorical", "text", "continuous")
        assert [level.value for level in schema.column("ward").categories][-1] == "canaryrare"  # the pod knows; the hub must not
        assert schema.column("amount").max == 987654321.25

        for policy in ("names", "types", "counts", "full", "types", "full", "names"):  # and less once there was more
            desk.config = config.model_copy(update={"datasources": ({**entry, "catalogue": policy},)})
            assert load_source(desk.config.datasources[0]).catalogue == policy
            await publish.fn(desk, schema)
            told = held(hub, desk.hub.api_key)
            assert [word for word in NEVER if word in told] == [], policy
            for word in (LABEL, LEVEL, SPAN, DESCRIPTION, '"distinct"'):
                assert (word in told) == (word in POLICIES[policy]), f"{policy}: {word}"
    finally:
        await desk.close()
    hub.process.terminate()
    log = hub.process.stderr.read()
    assert [word for word in (*NEVER, LEVEL, DESCRIPTION) if word in log] == []


def held(hub, api_key):
    """All that this hub has of the datasource: every file of its folder, and what it answers."""
    files = [path.read_bytes() for path in (hub.home / "hub").iterdir() if path.is_file()]
    assert len(files) >= 2
    header = {"authorization": f"Bearer {api_key}"}
    answers = [httpx.get(f"{hub.url}/v1/pods{rest}", headers=header) for rest in ("", "/demo/north/catalogue/a")]
    assert [answer.status_code for answer in answers] == [200, 200]
    Card.model_validate(answers[1].json())
    return "".join([*(raw.decode("latin-1") for raw in files), *(answer.text for answer in answers)])
