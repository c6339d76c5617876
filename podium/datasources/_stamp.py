"""A sign that neither the data of a source nor what the custodian set for it has changed."""

from __future__ import annotations

import hashlib

from podium.contracts import canonical
from podium.datasources import Datasource

# What is said about a source, and how its rows are dealt with: neither makes other rows of it.
ASIDE = ("about", "description", "dictionary", "catalogue", "on_drift", "on_bad_rows", "max_bad_share")
RULES = 1  # of what a column is taken for: with other rules every schema is taken anew, from what was seen of the data before


def settings(source: Datasource) -> bytes:
    """All of the configuration that says which rows there are, and what their columns are taken for."""
    return canonical({name: value for name, value in source.dump().items() if name not in ASIDE})


def stamp(source: Datasource) -> str:
    """What a schema carries as its token: the same again, and there is nothing new to see. Raises DataSourceError."""
    said = b"podium-schema/%d\n%b\n%b" % (RULES, settings(source), source.token().encode())
    return hashlib.sha256(said).hexdigest()[:32]
