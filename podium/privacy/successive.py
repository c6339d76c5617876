"""What a standing task may tell by being answered again and again. The gate looks at one release; this looks at two.

Who has both of two answers can take one from the other. What is left is an answer about the datapoints in which they differ. So:

1. A repeat whose datapoints differ from those of the task's last release by fewer than `min_cell` is kept back whole, by the rule
   `too_few_new`. What differs: datapoints that came, that changed and that went. One that left quarantine came; one that entered it is
   not counted, so that the rule may wait longer than it must and never shorter.
2. One that is answered on new data only stands on what came and changed, and on nothing else: what went is in no figure of it and does not
   help it over the line.
3. The difference is taken to the last release of this very task, never to a repeat that was kept back: what was too few adds up.
4. The first release has none before it, and this rule says nothing about it.

It counts datapoints in all, not in each cell: eight new ones may be seven in one group and one in another, and the group of the one has
then changed by one. See the threat model.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Datapoints, by how they differ between the last release and now. Each is counted once."""

    new: int = 0
    changed: int = 0
    gone: int = 0


def too_few_new(difference: Difference, *, cumulative: bool, min_cell: int) -> bool:
    """Whether the repeat has to wait for more."""
    return difference.new + difference.changed + (difference.gone if cumulative else 0) < min_cell
