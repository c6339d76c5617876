import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_pod import CARD, ScriptedPod, nothing, table

import podium
from podium.algorithms import Count, Mean
from podium.client import Answer, Session
from podium.client.session import open_answer
from podium.contracts import CardColumn, Category, Released, ReleasedCell, Reply, Status
from podium.crypto.envelope import run_id
from podium.errors import ConfigError, HubError, HubUnavailable, TaskError, TrustError

MakePod = Callable[[str], ScriptedPod]


def start(session: Session, *pods: ScriptedPod, algorithm: object = None, **options: object) -> Answer:
    names = [pod.identifier for pod in pods]
    return session.ask(algorithm or Count(by="sex"), pods=names, datasource="patients", wait=False, **options)  # type: ignore[arg-type]


def test_two_pods_one_answer(session: Session, pod: MakePod) -> None:
    one, two = pod("one"), pod("two")
    answer = start(session, one, two)
    assert answer.status == Status.QUEUED
    assert answer.result is None
    task = one.answer(table({"F": 20, "M": 10}))
    assert (task.datasource, task.algorithm, task.protocol) == ("patients", {"kind": "count", "by": "sex"}, {"kind": "one_round"})
    seen: list[dict[str, Status]] = []
    answer.wait(0.3, on_progress=lambda found: seen.append({name: run.status for name, run in found.runs.items()}))
    assert seen == [{one.identifier: Status.RELEASED, two.identifier: Status.QUEUED}]
    assert answer.status == Status.QUEUED
    two.answer(table({"F": 5}))
    answer.wait(5)
    assert answer.status == Status.RELEASED
    assert dict(zip(answer.result["sex"], answer.result["count"], strict=True)) == {"F": 25, "M": 10}
    assert (answer.rows, answer.suppressed) == (35, ())
    assert answer.id in repr(answer)
    assert "released" in repr(answer)


def test_ask_waits_by_itself(session: Session, pod: MakePod) -> None:
    one = pod("one")
    helper = threading.Thread(target=one.answer, args=(table({None: 30}, by=[]),))
    helper.start()
    answer = session.ask(Count(), pods=[one.identifier], datasource="patients", timeout=10)
    helper.join()
    assert (answer.status, answer.result) == (Status.RELEASED, 30)


def test_suppressed_levels_and_partial_answers(session: Session, pod: MakePod) -> None:
    one, two = pod("one"), pod("two")
    for allow in (False, True):
        answer = start(session, one, two, allow_partial=allow)
        one.answer(table({"F": 20, "M": 10}))
        two.answer(table({"F": 10}, rules=["min_cell"]))
        answer.wait(5)
        assert answer.suppressed == ("min_cell",)
        assert answer.runs[two.identifier].suppressed == ("min_cell",)
        found = answer.result.set_index("sex")
        if allow:
            assert answer.status == Status.PARTIAL
            assert (found.loc["M", "count"], found["partial"].to_dict()) == (10, {"F": False, "M": True, "(kept back)": True})
        else:
            assert answer.status == Status.RELEASED
            assert found["count"].isna().to_dict() == {"F": False, "M": True}


def test_a_wholly_suppressed_pod_is_never_zero(session: Session, pod: MakePod) -> None:
    one, two = pod("one"), pod("two")
    answer = start(session, one, two)
    one.answer(table({"F": 20}))
    two.answer(nothing("min_rows"))
    answer.wait(5)
    assert (answer.status, answer.result, answer.suppressed) == (Status.SUPPRESSED, None, ("min_rows",))
    assert answer.runs[one.identifier].status == Status.RELEASED


def test_rejected_and_failed_pods_are_named(session: Session, pod: MakePod) -> None:
    one, two, three = pod("one"), pod("two"), pod("three")
    answer = start(session, one, two, three)
    one.answer(table({"F": 20}))
    two.answer(status=Status.REJECTED, code="refused", message="No grant allows this.")
    three.answer(status=Status.FAILED, code="worker")
    answer.wait(5)
    assert answer.status == Status.PARTIAL
    assert answer.result["count"].tolist() == [20]
    assert (answer.runs[two.identifier].status, answer.runs[two.identifier].message) == (Status.REJECTED, "No grant allows this.")
    assert answer.runs[three.identifier].code == "worker"


def test_progress_then_result(session: Session, pod: MakePod) -> None:
    one = pod("one")
    answer = start(session, one)
    opened, raw = one.take()
    for seq, status in enumerate((Status.PENDING_APPROVAL, Status.RUNNING), start=1):
        one.hub.post(one.sealed_reply(opened, raw, seq=seq, reply=Reply(run=run_id(raw), status=status)))
        assert answer.wait(0.3).status == status
    one.hub.post(one.sealed_reply(opened, raw, seq=3))
    assert answer.wait(5).status == Status.RELEASED


def test_another_process_finds_the_answer(session: Session, pod: MakePod, home: Path) -> None:
    one = pod("one")
    answer = start(session, one)
    one.answer(table({"F": 20}))
    script = "import podium, sys; a = podium.connect(user='ann').answer(sys.argv[1]).wait(10); print(a.status, a.result['count'].tolist())"
    environment = {**os.environ, "PODIUM_HOME": str(home)}
    found = subprocess.run([sys.executable, "-c", script, answer.id], env=environment, capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == "released [20]", found.stderr
    assert answer.status == Status.QUEUED
    assert answer.refresh().status == Status.RELEASED
    assert session.answer(answer.id).status == Status.RELEASED
    assert [task.id for task in session.tasks()] == [answer.id]


def test_a_finished_answer_needs_no_hub(session: Session, pod: MakePod) -> None:
    one = pod("one")
    answer = start(session, one)
    one.answer(table({"F": 20}))
    answer.wait(5)
    alone = open_answer(answer.id)
    assert (alone.wait(1).status, alone.refresh().result["count"].tolist()) == (Status.RELEASED, [20])
    assert list((session._asker.home / "analyst" / "tasks" / answer.id / "keys").iterdir()) == []
    assert list((session._asker.home / "analyst" / "tasks" / answer.id / "outbox").iterdir()) == []


def test_task_files_are_private(session: Session, pod: MakePod) -> None:
    answer = start(session, pod("one"))
    folder = session._asker.home / "analyst" / "tasks"
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert len(list((folder / answer.id / "keys").iterdir())) == 1


def test_unknown_pod_datasource_column_and_wrong_type(session: Session, pod: MakePod) -> None:
    one = pod("one")
    near = one.identifier[:-1] + "x"

    def ask(algorithm: object, name: str = one.identifier, datasource: str = "patients") -> None:
        session.ask(algorithm, pods=[name], datasource=datasource, wait=False)  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match="no pod") as unknown:
        ask(Count(), near)
    assert one.identifier in unknown.value.remedy
    with pytest.raises(ConfigError, match="has no datasource") as source:
        ask(Count(), datasource="patient")
    assert "'patients'" in source.value.remedy
    with pytest.raises(ConfigError, match="no column 'agee'") as column:
        ask(Mean(column="agee"))
    assert "'age'" in column.value.remedy
    with pytest.raises(ConfigError, match="no mean"):
        ask(Mean(column="note"))
    for wrong in ("nobody", "Demo/X", "a/b/c"):
        with pytest.raises(ConfigError):
            ask(Count(), wrong)
    with pytest.raises(ConfigError):
        ask(Count(), datasource="../x")
    with pytest.raises(ConfigError, match="algorithm"):
        ask("count")
    for pods in ([], one.identifier, [one.identifier] * 2):
        with pytest.raises(ConfigError):
            session.ask(Count(), pods=pods, datasource="patients", wait=False)
    assert session.tasks() == []
    assert one.hub.lease(one.identifier, wait=0) is None


def test_what_there_is_to_ask(session: Session, pod: MakePod) -> None:
    one = pod("one")
    pods = session.pods().set_index("identifier")
    assert pods.loc[one.identifier, "status"] == "online"
    assert pods.loc[one.identifier, "datasources"] == ["patients"]
    schema = session.schema(one.identifier, "patients")
    assert schema["column"].tolist() == ["age", "sex", "note"]
    assert schema["semantic"].tolist() == ["continuous", "categorical", "text"]
    assert session.card(one.identifier, "patients").algorithms == ("count", "mean")


def test_what_the_custodian_says_of_columns_is_shown(session: Session, pod: MakePod) -> None:
    one = pod("one")
    sex = CardColumn(name="sex", type="text", semantic="categorical", description="at birth", labels={"1": "male", "2": "female"})
    age = CardColumn(
        name="age", type="integer", semantic="continuous", unit="years", nulls="fewer than 8", distinct=70, low=20.0, high=88.0
    )
    counted = sex.model_copy(update={"nulls": 0, "distinct": 2, "categories": (Category(value=1, rows=100), Category(value=3, rows=10))})
    one.hub.publish_card(one.identifier, CARD.model_copy(update={"columns": (age, sex)}))
    schema = session.schema(one.identifier, "patients").set_index("column")
    assert schema.columns.tolist() == ["type", "semantic", "nullable", "description", "unit", "labels"]
    assert schema.loc["sex", ["description", "unit", "labels"]].tolist() == ["at birth", "", "1 = male; 2 = female"]
    full = {"columns": (age, counted), "catalogue": "full", "rows": 110}
    one.hub.publish_card(one.identifier, CARD.model_copy(update=full))
    schema = session.schema(one.identifier, "patients")
    assert schema.attrs["rows"] == 110
    assert schema.loc[0, ["unit", "nulls", "distinct", "levels", "low", "high"]].tolist() == ["years", "fewer than 8", 70, "", 20.0, 88.0]
    assert schema.loc[1, "levels"] == "male (100); 3 (10)"


def test_a_card_of_names_leaves_types_to_the_pod(session: Session, pod: MakePod) -> None:
    one = pod("one")
    names = tuple(CardColumn(name=column.name) for column in CARD.columns)
    one.hub.publish_card(one.identifier, CARD.model_copy(update={"columns": names, "catalogue": "names"}))
    with pytest.raises(ConfigError, match=r"no column 'agee'.*Did you mean 'age'"):
        session.ask(Mean(column="agee"), pods=[one.identifier], datasource="patients", wait=False)
    for algorithm in (Mean(column="note", by="sex"), Count(where="age > 40")):
        session.ask(algorithm, pods=[one.identifier], datasource="patients", wait=False)
        one.take()


def test_a_pod_whose_key_changes_is_not_asked(session: Session, pod: MakePod) -> None:
    one = pod("one")
    start(session, one)
    session._asker.trust.pin(one.identifier, "00" * 32)
    with pytest.raises(TrustError, match="not the one") as changed:
        start(session, one)
    assert one.identity.fingerprint in changed.value.remedy
    assert len(session.tasks()) == 1
    session.accept_key(one.identifier, one.identity.fingerprint)
    start(session, one)
    with podium.connect(user="ann", trust="pinned") as pinned, pytest.raises(TrustError, match="not known"):
        start(pinned, pod("two"))


def test_a_reply_that_is_not_the_pods_changes_nothing(session: Session, pod: MakePod) -> None:
    """Signed by another pod, for another run, or answering something else: dropped, and the true one still counts."""
    one, two = pod("one"), pod("two")
    answer = start(session, one, two)
    opened, raw = one.take()
    forged = [
        two.sealed_reply(opened, raw),
        two.sealed_reply(opened, raw, re=f"{opened.header.mid}.{'00' * 32}"),
        one.sealed_reply(opened, raw, run="0" * 32),
        one.sealed_reply(opened, raw, body=b'{"run":"x"}'),
        one.sealed_reply(opened, raw, body=b'{"v":1,"v":1}', seq=2),
        one.sealed_reply(opened, raw, typ="reject", seq=3),
        one.sealed_reply(opened, raw, seq=4, reply=Reply(run=run_id(raw), status=Status.RELEASED)),
        one.sealed_reply(opened, raw, seq=5, reply=Reply(run=run_id(raw), status=Status.SUPPRESSED, released=table({"F": 1}))),
        one.sealed_reply(opened, raw, seq=6, reply=Reply(run=run_id(raw), status=Status.RELEASED, released=nothing())),
    ]
    for message in forged:
        (two if message in forged[:2] else one).hub.post(message)
    answer.wait(1)
    assert {run.status for run in answer.runs.values()} == {Status.QUEUED}
    true = one.sealed_reply(opened, raw)
    one.hub.post(true)
    two.answer(table({"F": 1}))
    assert answer.wait(5).status == Status.RELEASED


def test_figures_that_do_not_fit_are_an_error_not_an_answer(session: Session, pod: MakePod) -> None:
    one = pod("one")
    answer = start(session, one)
    one.answer(Released(by=("sex",), rows=10, cells=(ReleasedCell(key=("F",), values={"other": 3}),)))
    answer.wait(5)
    with pytest.raises(TaskError) as caught:
        _ = answer.result
    assert caught.value.code == "shape"


def test_hub_down_and_wrong_address(home: Path) -> None:
    with pytest.raises(HubUnavailable, match=r"127\.0\.0\.1:9"):
        podium.connect("http://127.0.0.1:9", user="ann")
    with pytest.raises(ConfigError):
        podium.connect("ftp://example", user="ann")
    with pytest.raises(ConfigError):
        podium.connect(user="Ann Lee")


def test_a_stranger_needs_a_code(home: Path, hub_process: tuple[str, Path]) -> None:
    (home / "hub" / "admin.key").unlink()
    with pytest.raises(HubError, match="podium hub invite bob"):
        podium.connect(hub_process[0], user="bob")


def test_unknown_task(session: Session) -> None:
    for wrong in ("0" * 32, "../../etc", "x"):
        with pytest.raises(TaskError):
            session.answer(wrong)


def test_an_online_pod_brings_no_warning(session: Session, pod: MakePod) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        start(session, pod("one"))
