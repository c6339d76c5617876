"""What a datasource of your own is made of, in one place that stays.

`Datasource` is the base of all, `Files` of those made of files. `formed` makes the batches that `read` promises; `explained`, `fault`,
`changed` and `unknown_column` make errors that name the file and never a cell; `look` tells whether a file is still the same.
"""

from podium.contracts import ColumnType, Part
from podium.datasources import ARROW, Datasource
from podium.datasources._faults import changed, explained, fault, unknown_column
from podium.datasources._files import Files, look
from podium.datasources._formed import formed
from podium.errors import DataSourceError
from podium.plugin import Frozen

__all__ = [
    "ARROW",
    "ColumnType",
    "DataSourceError",
    "Datasource",
    "Files",
    "Frozen",
    "Part",
    "changed",
    "explained",
    "fault",
    "formed",
    "look",
    "unknown_column",
]
