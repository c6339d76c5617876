"""An edited dictionary holds from the next refresh on, though the data did not change and are not read."""

from __future__ import annotations

import pytest

from podium import project
from podium.config import parse_pod
from podium.datasources._dressing import dressed
from podium.files import write_private
from podium.workers.profile import profile

project.activate()

from tasks.adopt import _adopted  # noqa: E402
from tasks.desk import Desk  # noqa: E402
from tasks.keep import keep  # noqa: E402
from tasks.profile import _profiled  # noqa: E402
from tasks.refresh import due  # noqa: E402


@pytest.fixture
def words(tmp_path):
    return tmp_path / "words.csv"


@pytest.fixture
async def desk(tmp_path, words, monkeypatch):
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "home"))
    (tmp_path / "a.csv").write_text("age,sex\n" + "41,1\n52,2\n" * 20)
    words.write_text("column,description\nage,Age at admission\n")
    entry = {
        "kind": "csv",
        "name": "a",
        "path": str(tmp_path / "a.csv"),
        "dictionary": str(words),
        "about": {"sex": {"labels": {"1": "m"}}},
    }
    desk = Desk(parse_pod({"pod": {"name": "north", "owner": "demo"}, "datasources": [entry]}))
    yield desk
    await desk.close()


async def test_words_are_kept_and_edits_are_seen_without_the_data(desk, words):
    keep(desk, await _profiled(desk, "a", "full"))  # by a worker
    taken = desk.schema("a")
    assert (taken.column("age").description, taken.column("sex").labels) == ("Age at admission", {"1": "m"})
    assert await due(desk, "a") == taken

    words.write_text("column,description,unit\nage,Age at discharge,years\n")
    anew = await due(desk, "a")
    assert (anew.column("age").description, anew.column("age").unit) == ("Age at discharge", "years")
    assert desk.schema("a") == anew
    assert "Age at discharge" in (desk.folder / "schemas" / "a.json").read_text()

    words.write_text("column,type\nage,text\n")
    assert await due(desk, "a") is None  # a type is for the data to say
    words.write_text("column,description\nagee,x\n")
    assert await due(desk, "a") is None  # and what is wrong is told where the schema is taken


@pytest.mark.parametrize(
    "settings",
    [{"ignore_columns": ["sex"]}, {"force_types": {"age": "text"}}, {"types": {"sex": "text"}}, {"nulls": ["52"]}],
    ids=lambda settings: next(iter(settings)),
)
async def test_settings_that_come_or_go_are_seen_though_the_data_stay(desk, settings):
    bare = {key: value for key, value in desk.config.datasources[0].items() if key != "about"}

    def set_to(entry):
        desk.config = desk.config.model_copy(update={"datasources": (entry,)})

    def taken():
        keep(desk, schema := dressed(profile(desk.source("a"), "full"), desk.source("a")))
        return schema

    write_private(desk.contract("a"), b"")
    set_to(bare)
    plain = taken()
    assert await due(desk, "a") == plain
    set_to({**bare, **settings})
    assert await due(desk, "a") is None
    other = taken()
    assert other.columns != plain.columns
    assert await due(desk, "a") == other
    set_to({**bare, "description": "said of it", "catalogue": "full", "on_drift": "stop"})
    assert await due(desk, "a") is None
    again = taken()
    assert again.columns == plain.columns
    set_to(bare)
    assert await due(desk, "a") == again  # what is said of it makes no other schema


async def test_a_dictionary_that_is_wider_than_the_data_is_told_in_the_log(desk, words, caplog):
    words.write_text("column,description\nage,Age\nweight,Weight\n")
    assert (await _profiled(desk, "a", "full")).column("age").description == "Age"
    assert "describes a column that is not there: weight" in caplog.text


async def test_a_given_schema_is_dressed_too(desk):
    columns = [
        {"name": "age", "type": "integer", "semantic": "continuous", "description": "as given"},
        {"name": "sex", "type": "integer", "semantic": "categorical", "description": "as given"},
    ]
    given = {"datasource": "elsewhere", "stage": "full", "rows": 40, "columns": columns}
    desk.config = desk.config.model_copy(update={"datasources": ({**desk.config.datasources[0], "schema": given},)})
    age, sex = (await _adopted(desk, "a")).columns
    assert (age.description, age.semantic) == ("Age at admission", "continuous")
    assert (sex.description, sex.labels) == ("as given", {"1": "m"})
