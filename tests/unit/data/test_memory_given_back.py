"""What a worker has used and needs no more goes back to the system."""

import ctypes
import sys

import pytest

from podium.workers.__main__ import resident
from podium.workers.memory import give_back

pytestmark = pytest.mark.skipif(sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's allocator")


def test_freed_memory_below_something_in_use_goes_back():
    held = [bytes(100_000) + bytes([number % 256]) for number in range(800)]
    last = held[-1]  # what lies below it an allocator keeps
    before = resident()
    held.clear()
    give_back()
    assert before - resident() > 40e6
    assert last
