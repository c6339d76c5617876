import pytest

from podium.contracts import Task
from podium.crypto import strict_json
from podium.crypto.envelope import read_body
from podium.errors import MessageRefused


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":1}', '{"x":{"a":1,"a":2}}', "NaN", "[Infinity]", "-Infinity", "1e999", "{", "", "1 2", "[" * 40 + "]" * 40, "[" * 100_000],
)
def test_loose_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        strict_json.read(text.encode())


def test_strict_json_is_read() -> None:
    assert strict_json.read(b'{"a":[1,2.5,null,true,"\xc3\xa9"]}') == {"a": [1, 2.5, None, True, "é"]}
    with pytest.raises(ValueError, match="whole"):
        strict_json.read(b"[1.0]", floats=False)
    assert strict_json.read(b"[[1]]", depth=2) == [[1]]
    with pytest.raises(ValueError, match="deep"):
        strict_json.read(b"[[1]]", depth=1)


def test_a_body_is_read_as_its_model_or_refused() -> None:
    task = Task(protocol={"kind": "one_round"}, algorithm={"kind": "mean", "column": "age"}, datasource="patients")
    assert read_body(task.model_dump_json().encode(), Task) == task
    for body in (b"", b"[]", b'{"v":1}', task.model_dump_json().encode()[:-1] + b',"v":1}', b"\xff", b"1" * 5000):
        with pytest.raises(MessageRefused) as caught:
            read_body(body, Task)
        assert caught.value.rule == "body"
