"""No kind knows another, directly or through something else: whoever removes one file removes one kind."""

from itertools import permutations
from pathlib import Path

import grimp

from podium.algorithms import Algorithm
from podium.datasources import Datasource
from podium.protocols import Protocol


def test_no_kind_imports_another():
    families = (Algorithm, Datasource, Protocol)
    # a kind that a test has registered has no module of its own in the package
    kinds = {f"{f.package}.{kind}" for f in families for kind in f.kinds() if (Path(*f.package.split(".")) / f"{kind}.py").is_file()}
    assert {"podium.algorithms.mean", "podium.datasources.csv", "podium.protocols.one_round"} <= kinds
    graph = grimp.build_graph("podium", cache_dir=None)
    chains = [chain for one, other in permutations(sorted(kinds), 2) if (chain := graph.find_shortest_chain(one, other))]
    assert not chains
