"""Every attack runs twice: by a writer with an RSA identity and by one with Ed25519."""

import pytest
from attack_scene import Scene

from podium.crypto.keys import RSAKeyPair


@pytest.fixture(scope="session")
def rsa_identity() -> RSAKeyPair:
    return RSAKeyPair.generate()


@pytest.fixture(params=["rsa", "ed25519"])
def scene(request: pytest.FixtureRequest, rsa_identity: RSAKeyPair) -> Scene:
    analyst = rsa_identity if request.param == "rsa" else RSAKeyPair.generate(kind="ed25519")
    return Scene(analyst, RSAKeyPair.generate(kind="ed25519"))
