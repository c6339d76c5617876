"""Messages from the past, from the future, and with too long a life."""

import pytest
from attack_scene import NOW, Scene

DAY = 86_400


@pytest.mark.parametrize(
    ("iat", "exp", "accepted"),
    [
        (NOW + 299, NOW + 3600, True),
        (NOW + 300, NOW + 3600, True),
        (NOW + 301, NOW + 3600, False),
        (NOW - 3600, NOW - 299, True),
        (NOW - 3600, NOW - 300, False),
        (NOW - 3600, NOW - 301, False),
        (NOW, NOW + 7 * DAY, True),
        (NOW, NOW + 7 * DAY + 1, False),
        (NOW, NOW + 365 * DAY, False),
        (NOW + 10, NOW + 10, False),
        (NOW + 10, NOW, False),
    ],
)
def test_clock(scene: Scene, iat: int, exp: int, accepted: bool) -> None:
    raw = scene.seal(iat=iat, exp=exp)
    if accepted:
        assert scene.open(raw).header.exp == exp
    else:
        assert scene.refusal(raw) == "clock"
