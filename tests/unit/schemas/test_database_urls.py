"""The URL of a pod's database that cannot be used: which key, and what helps; never the password that is in it."""

from __future__ import annotations

import pytest

from podium import project
from podium.errors import ConfigError

project.activate()

from schemas.opening import engine, reach  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402


def test_postgresql_is_spoken_to_by_the_driver_that_the_extra_installs():
    for url in ("postgresql://pod@127.0.0.1:1/podium", "postgres://pod@127.0.0.1:1/podium"):
        assert engine(url).url.drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("canary", "no URL of a database"),
        ("canary://u:canary@h/d", "no URL of a database"),
        ("postgresql+psycopg2://u:canary@h/d", "psycopg2 is not installed"),
        ("postgresql://u:canary@127.0.0.1:1/d", "cannot be opened"),
    ],
    ids=["no URL", "no dialect", "no driver", "nobody there"],
)
def test_a_url_that_cannot_be_used(url: str, says: str):
    with pytest.raises(ConfigError, match=says):
        reach(url)
    with pytest.raises(ConfigError, match=says) as caught:
        PodDatabase(url, pod="clinic/north")
    assert (caught.value.field, bool(caught.value.remedy)) == ("history.url", True)
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_looking_at_a_file_does_not_make_it(tmp_path):
    reach(f"sqlite:///{tmp_path / 'pod.db'}")
    assert not list(tmp_path.iterdir())
