"""What a Keysight InfiniiVision answers, and what is made of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.codes import n_clipped, pieces
from monitor.sources.dialects.keysight import INFINIIVISION, parse_preamble

# From a programmer's guide: BYTE, a sine on a 10:1 probe.
GUIDE = "+0,+0,+1000,+1,+1.25000000E-009,-1.23000000E-007,+0,+6.25000000E-003,+5.00000000E-002,+128"


def test_a_byte_preamble_becomes_a_scale():
    preamble = parse_preamble(GUIDE, 1)
    assert (preamble.dtype, preamble.n_points, preamble.x_increment_s) == ("u1", 1000, 1.25e-9)
    assert (preamble.low, preamble.high, preamble.hole) == (1, 255, 0)
    assert preamble.scale.gain * 128 + preamble.scale.offset == pytest.approx(0.05)


@given(
    st.integers(0, 65535),
    st.floats(1e-9, 1e3),
    st.floats(-1e4, 1e4),
    st.integers(0, 65535),
)
def test_the_scale_is_the_guides_formula(code, increment, origin, reference):
    reply = f"+1,+0,+5,+1,+1E-06,+0,+0,{increment:+.8E},{origin:+.8E},{reference:+d}"
    preamble = parse_preamble(reply, 1)
    _, _, _, _, _, _, _, y_increment, y_origin, y_reference = map(float, reply.split(","))
    expected = (code - y_reference) * y_increment + y_origin
    scale = preamble.scale
    tolerance = 1e-12 * (y_increment * 65535 + abs(y_origin))
    assert scale.gain * code + scale.offset == pytest.approx(expected, abs=tolerance)
    assert (preamble.dtype, preamble.high) == ("<u2", 65535)


def test_the_bare_zero_of_a_2022a_asks_to_be_asked_again():
    assert parse_preamble("+0", 1) is None


@pytest.mark.parametrize(
    ("reply", "tells"),
    [
        ("", "expected 10 fields"),
        ("+1,+0,+5", "got 3"),
        (GUIDE + ",+1", "got 11"),
        (GUIDE.replace("+128", "abc"), "could not convert"),
        (GUIDE.replace("+0,+0,+1000", "+4,+0,+1000"), "expected format 0"),
        (GUIDE.replace("+1000", "+0"), "whole points"),
        (GUIDE.replace("+1000", "+10.5"), "whole points"),
        (GUIDE.replace("+1000", "-7"), "whole points"),
        (GUIDE.replace("+1.25000000E-009", "+0"), "increments above 0"),
        (GUIDE.replace("+1.25000000E-009", "+9.9E+37"), "increments above 0"),
        (GUIDE.replace("+6.25000000E-003", "+0"), "increments above 0"),
        (GUIDE.replace("+6.25000000E-003", "nan"), "finite"),
        (GUIDE.replace("+5.00000000E-002", "inf"), "finite"),
    ],
)
def test_a_hostile_preamble_is_refused(reply, tells):
    with pytest.raises(ValueError, match=tells):
        parse_preamble(reply, 1)


@pytest.mark.parametrize(
    "identity",
    [
        "KEYSIGHT TECHNOLOGIES,DSO-X 3024T,MY12345678,07.50.2021102830",
        "AGILENT TECHNOLOGIES,MSO-X 3104A,MY51136042,02.37.2014052001",
        "AGILENT TECHNOLOGIES,DSO-X 2022A,MY1,02.1",
        "KEYSIGHT TECHNOLOGIES,EDUX1052G,CN1,02.12",
        "Agilent Technologies,MSO6034A,MY1,06.20",
    ],
)
def test_infiniivisions_are_known_by_their_identity(identity):
    assert INFINIIVISION.idn.match(identity)


@pytest.mark.parametrize(
    "identity",
    ["RIGOL TECHNOLOGIES,DS1104Z,DS1,00.04", "KEYSIGHT TECHNOLOGIES,34465A,MY1,1", "", "TEKTRONIX"],
)
def test_other_instruments_are_not(identity):
    assert not INFINIIVISION.idn.match(identity)


@pytest.mark.parametrize(("reply", "done"), [("+8", False), ("+0", True), ("40", False), ("32", 1)])
def test_the_run_bit_tells_whether_a_record_is_done(reply, done):
    assert INFINIIVISION.is_done(reply) == done


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2), min_size=1, max_size=40))
def test_pieces_are_the_runs_without_a_hole(rows):
    codes = np.array(rows, np.uint16).T
    inside = [k for first, last in pieces(codes, 0) for k in range(first, last)]
    assert inside == [k for k, pair in enumerate(rows) if 0 not in pair]
    assert all(a[1] < b[0] for a, b in zip(pieces(codes, 0), pieces(codes, 0)[1:], strict=False))


def test_a_family_without_holes_keeps_its_zeros():
    assert pieces(np.zeros((2, 5), np.uint8), None) == ((0, 5),)


@given(st.lists(st.integers(0, 255), max_size=50))
def test_clipping_is_counted_at_both_rails_and_not_in_holes(codes):
    preamble = parse_preamble(GUIDE, 1)
    expected = sum(code in (1, 255) for code in codes)
    assert n_clipped(np.array(codes, np.uint8), preamble) == expected
