"""The shape of rows, and of the pod's own records."""

import os

# pandera sets it where it is not, for a library that is not used here; and pyarrow would take the zone from every time that has one.
os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "")
