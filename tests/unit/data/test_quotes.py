"""Quotes are followed as a reader that goes sign by sign would, however the blocks are cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.datasources._slices import Quotes

BESIDE = ',"\n\r'


def _followed(text, *, blocks):
    """Where records end, and whether the quotes are sound and closed."""
    quotes, ends, at, before = Quotes('"', ","), [], 0, "\n"
    for block in blocks:
        found = quotes.ends(np.frombuffer((before + block).encode(), np.uint8), start=0)
        ends += [at + int(end) for end in found]
        at, before = at + len(block), block[-1]
    assert at == len(text)
    return ends, quotes.sound, quotes.closed


def _one_by_one(text):
    """The same; of what lies before the first quote that is not sound, and of none behind."""
    ends, inside = [], False
    for place, sign in enumerate(text):
        if sign == '"':
            beside = text[place + 1 : place + 2] if inside else (text[:place] or "\n")[-1]
            if beside and beside not in BESIDE:
                return ends, False, False
            inside = not inside
        elif sign == "\n" and not inside:
            ends.append(place + 1)
    return ends, True, not inside


@given(st.text('ab",\n', max_size=40) | st.lists(st.sampled_from(['"a"', '"a\nb"', '"a""b"', "a", ",", "\n"])).map("".join), st.data())
def test_as_sign_by_sign(text, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=3))) if len(text) > 1 else []
    bounds = [0, *cuts, len(text)]
    blocks = [text[start:end] for start, end in pairwise(bounds) if start < end]
    ends, sound, closed = _followed(text, blocks=blocks)
    true_ends, true_sound, true_closed = _one_by_one(text)
    assert (sound, closed) == (true_sound, true_closed)
    assert set(ends) <= set(true_ends)
    assert not sound or ends == true_ends


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ('"a",b\n', True),
        ('a"b",c\n', False),
        ('a,"b"c\n', False),
        ('a,"b""c"\n', True),
        ('"a"\r\n', True),
        ('a,"b\nc"\n', True),
    ],
)
def test_a_quote_opens_or_closes_a_value(text, sound):
    for cut in range(1, len(text)):
        assert _followed(text, blocks=[text[:cut], text[cut:]])[1] == sound
