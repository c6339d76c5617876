"""Whose signature makes a grant valid at a pod: the custodian's, whose key is kept apart from the pod's own."""

from __future__ import annotations

from pathlib import Path

from podium.config import PodConfig, home
from podium.crypto.keys import PublicKey, RSAKeyPair, fingerprint, load_public, public_pem
from podium.errors import ConfigError
from podium.files import write_private


def custodian_key() -> RSAKeyPair:
    """The custodian's identity of this PODIUM_HOME, made on first use."""
    return RSAKeyPair.load_or_create(home() / "custodian" / "identity.pem")


def trusted_custodian(config: PodConfig, folder: Path) -> PublicKey:
    """The public key that this pod obeys.

    `policy.custodian` may hold a PEM file's path; else the custodian key of this PODIUM_HOME is taken at the first start and pinned
    in the pod's folder. Raises ConfigError when the configured key is another than the pinned one.
    """
    pinned = folder / "keys" / "custodian.pem"
    named = Path(config.policy.custodian).expanduser() if config.policy.custodian else None
    if named is not None and not named.is_file():
        raise ConfigError(f"there is no key file {named}.", field="policy.custodian", remedy="Write it with: podium keys show --pem")
    if not pinned.is_file():
        public = load_public(named.read_bytes()) if named else custodian_key().public_key
        write_private(pinned, public_pem(public))
    kept = load_public(pinned.read_bytes())
    if named is not None and fingerprint(load_public(named.read_bytes())) != fingerprint(kept):
        raise ConfigError(
            "the custodian's key has changed since this pod first started.",
            field="policy.custodian",
            remedy=f"If you mean it, remove {pinned}: grants by the old key then no longer count.",
        )
    return kept
