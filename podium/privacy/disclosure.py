"""The disclosure rules: the smallest sizes that may leave a pod.

| rule | says | default |
|---|---|---|
| `min_rows` | a result read from fewer rows does not leave | 10 |
| `min_cell` | a cell with fewer rows behind it does not leave, nor its level | 8 |
| `round_to` | released counts are rounded to the nearest multiple | 5 |
| `max_levels` | a result with more groups than this a grouping column does not leave | 40 |
| `max_result_rows` | a result with more cells does not leave | 5000 |
| `max_params_ratio` | a cell with fewer rows than parameters fitted to it, divided by this, does not leave | 0.10 |
| `min_weight` | a weighted sum whose weights add up to less than `min_cell` whole rows does not leave | |
| `max_rounds` | a run that has released so many rounds releases no more | 25 |

Sources of the rules: the NHS Digital and OpenSAFELY rule of counts of 7 or fewer with rounding to 5; DataSHIELD's `nfilter.tab` and
`nfilter.glm`. Why `min_weight`, and what rounds can still tell: docs/adr/0007.
"""

from __future__ import annotations

from podium.config import DisclosureSection

Rules = DisclosureSection


def rounded(count: int, to: int) -> int:
    """`count` to the nearest multiple of `to`, halves upwards."""
    return (2 * count + to) // (2 * to) * to
