"""A kind is known once its class is finished, and no sooner: another thread that finds it builds an instance at once."""

from pydantic_core import core_schema

from podium.plugin import Plugin


def test_a_kind_is_not_known_while_its_class_is_being_made():
    known = []

    class Family(Plugin):
        package = "podium.protocols"

    class Looking(str):
        @classmethod
        def __get_pydantic_core_schema__(cls, source, handler):
            known.append("looking" in Family.kinds())
            return core_schema.str_schema()

    class Kind(Family):
        kind = "looking"
        field: Looking

    assert known
    assert not any(known)
    assert "looking" in Family.kinds()
    assert Family.load({"kind": "looking", "field": "x"}) == Kind(field="x")
