"""A single bit that flipped is found by its checksum, and nothing else is."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from monitor.recording.mending import mended


def flipped(data, bit):
    return (int.from_bytes(data) ^ (1 << bit)).to_bytes(len(data))


@given(st.binary(min_size=1, max_size=300), st.data())
def test_whichever_bit_flipped_is_put_back(data, choose):
    bit = choose.draw(st.integers(0, 8 * len(data) - 1))
    assert mended(flipped(data, bit), zlib.crc32(data)) == data


@given(st.binary(min_size=2, max_size=60), st.data())
def test_two_bits_are_not_taken_for_one(data, choose):
    bits = st.integers(0, 8 * len(data) - 1)
    one, other = choose.draw(st.tuples(bits, bits).filter(lambda pair: pair[0] != pair[1]))
    assert mended(flipped(flipped(data, one), other), zlib.crc32(data)) is None


def test_a_checksum_that_changed_is_no_bit_of_what_it_is_of():
    assert mended(b"x" * 100, zlib.crc32(b"x" * 100) ^ 1) is None
    assert mended(b"", 5) is None
