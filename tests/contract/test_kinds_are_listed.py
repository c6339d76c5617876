"""Every kind is in the import contract that keeps kinds apart."""

import tomllib
from pathlib import Path

from podium.algorithms import Algorithm
from podium.datasources import Datasource
from podium.protocols import Protocol


def test_every_built_in_kind_is_held_apart_from_the_others():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    contracts = {c["name"]: c for c in project["tool"]["importlinter"]["contracts"]}
    families = (Algorithm, Datasource, Protocol)
    # a kind that a test has registered has no module of its own in the package
    built_in = {f"{f.package}.{kind}" for f in families for kind in f.kinds() if (Path(*f.package.split(".")) / f"{kind}.py").is_file()}
    assert set(contracts["Kinds do not know one another"]["modules"]) == built_in
