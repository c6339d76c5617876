"""The hub's page tells of every endpoint, refusal and counter, and of nothing else."""

from __future__ import annotations

import re
from typing import get_type_hints

from pages import ROOT, reference, sections

from podium.hub import settings
from podium.hub.app import create_app
from podium.hub.routes.mailbox import ROUTES
from podium.hub.settings import HubSettings
from podium.wire.shapes import Counters


def page(section):
    return sections(reference("hub"))[section]


def test_endpoints(tmp_path):
    paths = create_app(HubSettings(folder=tmp_path)).openapi()["paths"]
    real = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    real |= {f"{method} " + re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", path.pattern) for path, method, _ in ROUTES}
    assert set(re.findall(r"^\| `([A-Z]+ /v1/[^`]*)`", page("Endpoints"), re.MULTILINE)) == real


def test_refusals():
    source = "".join(path.read_text() for path in (ROOT / "podium" / "hub").rglob("*.py"))
    real = set(re.findall(r'(?:Refused\(\s*\d+,\s*|_later\()"(\w+)"', source))
    from_frames = {"not_found", "bad_request", "message_refused"}  # Starlette's, FastAPI's and the envelope's own
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page("Refusals"), re.MULTILINE)
    assert {code for row in rows for code in re.findall(r"`(\w+)`", row)} == real | from_frames


def test_counters():
    real = set()
    for name, shape in get_type_hints(Counters).items():
        real |= {f"{name}.{inner}" for inner in get_type_hints(shape)} if hasattr(shape, "__annotations__") else {name}
    rows = re.findall(r"^\| (`.*`) \|", page("Counters"), re.MULTILINE)
    assert {counter for row in rows for counter in re.findall(r"`([\w.]+)`", row)} == real


def test_limits_on_what_waits():
    text = page("Limits")
    assert f"{settings.SENDER_WAITING:,}" in text
    assert f"{settings.ADDRESS_WAITING:,}" in text
    assert f"{settings.MESSAGE_BYTES // 1024} KiB" in text
