"""What is read ahead comes in order, with its error, and nothing reads on when nobody wants it."""

import threading
from itertools import count

import pytest

from podium.datasources._ahead import ahead


def _readers():
    return [thread for thread in threading.enumerate() if thread.name == "reads ahead"]


@pytest.mark.parametrize("length", [0, 1, 2, 50])
def test_all_in_order(length):
    assert list(ahead(iter(range(length)))) == list(range(length))
    assert not _readers()


def test_an_error_comes_where_it_was():
    def items():
        yield 1
        yield 2
        raise LookupError("third")

    found = ahead(items())
    assert (next(found), next(found)) == (1, 2)
    with pytest.raises(LookupError, match="third"):
        next(found)
    assert not _readers()


def test_it_reads_two_ahead_and_stops_when_it_is_let_go():
    read, more = [], threading.Event()

    def items():
        for number in count():
            read.append(number)
            if number == 3:
                more.set()
            yield number

    found = ahead(items(), most=2)
    assert next(found) == 0
    assert more.wait(30)  # one given, two ready, one in hand
    found.close()
    assert not _readers()
    assert len(read) <= 5
