"""What is said to a Siglent, as its guide prints it, and what is made of the answers."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.descriptors import descriptor
from sources.scripted import ScriptedInstrument, TickingClock

from monitor.config import InputSettings, InstrumentSettings
from monitor.errors import InstrumentError, ProtocolError
from monitor.model import Quantity
from monitor.sources.codes import n_clipped
from monitor.sources.conversation import Conversation
from monitor.sources.dialects import spoken_by
from monitor.sources.dialects.siglent import SIGLENT, parse_descriptor, parse_factor
from monitor.sources.driver import Driver
from monitor.sources.inspect import inspect
from monitor.sources.visa import VisaLink

HD = "Siglent Technologies,SDS2104X HD,SDS2HBAQ6R0188,1.2.2.9"
PLUS = "Siglent Technologies,SDS2354X Plus,SDS2PDDC5R0154,{}"
SDS5000X = "Siglent Technologies,SDS5034X,SDS5XBAQ1R0188,0.9.9R8"
# 5 V a division of a 10:1 probe at -24 V, 12 bits in words.
TOLD = {
    "comm_type": 1,
    "n_points": 10_000,
    "gain": 0.5,
    "offset": -2.4,
    "max_value": 6400.0,
    "bits": 12,
    "interval": 5e-5,
    "probe": 10.0,
}


def block(data):
    """A block as a Siglent sends it: nine digits of length, two line feeds at the end."""
    return b"#9%09d" % len(data) + data + b"\n\n"


def command(*lines):
    return [*((line, None) for line in lines), ("*OPC?", "1")]


def state(number, unit, *, shown="ON"):
    return [
        (f":CHANnel{number}:SWITch?", shown),
        (f":CHANnel{number}:UNIT?", unit),
        (f":CHANnel{number}:PROBe?", "1.00E+01"),
        (f":CHANnel{number}:COUPling?", "DC"),
        (f":CHANnel{number}:SCALe?", "5.00E+00"),
        (f":CHANnel{number}:OFFSet?", "-2.40E+01"),
    ]


def set_up(form):
    return [
        *command(":ACQuire:MODE YT"),
        *command(":ACQuire:TYPE NORMal"),
        *command(":ACQuire:SEQuence OFF"),
        *command(":ACQuire:MMANagement AUTO"),
        *command(f":WAVeform:WIDTh {form}"),
        *command(":WAVeform:BYTeorder LSB"),
        *command(":WAVeform:INTerval 1"),
        *command(":TIMebase:SCALe 0.05"),
        (":TIMebase:SCALe?", "5.00E-02"),
        *command(":TRIGger:MODE AUTO", ":ACQuire:MDEPth 10k"),
        (":WAVeform:MAXPoint?", "5000000"),
    ]


def preamble(number, **changes):
    told = TOLD | {"source": number - 1} | changes
    return [
        (f":WAVeform:SOURce C{number}", None),
        (":WAVeform:STARt 0", None),
        (":WAVeform:POINt 0", None),
        (":WAVeform:PREamble?", block(descriptor(**told))),
    ]


def page(start, data, width=2):
    return [
        (f":WAVeform:STARt {start}", None),
        (f":WAVeform:POINt {len(data) // width}", None),
        (":WAVeform:DATA?", block(data)),
    ]


HELLO = [("*IDN?", HD), ("*CLS", None)]
INPUTS = [*state(1, "V"), *state(2, "A")]
SETTINGS = {"record_s": 0.5, "sample_rate_hz": 20_000.0, "timeout_s": 2.0}


def talk(exchange, act, **changes):
    with ScriptedInstrument(exchange) as scope:
        settings = InstrumentSettings(address=scope.visa, **SETTINGS | changes)
        clock = TickingClock()
        driver = Driver(settings, clock.now_ns, clock.wait, lambda: 0.0)
        try:
            return act(driver)
        finally:
            driver.close()


def record(codes):
    data = np.resize(np.array(codes, "<i2"), 10_000).tobytes()
    armed = [(":TRIGger:MODE FTRIG", None), (":TRIGger:STATus?", "Arm")]
    armed += [(":TRIGger:STATus?", word) for word in ("Ready", "Trig'd", "Stop")]
    return armed + [line for n in (1, 2) for line in preamble(n) + page(0, data)]


def test_a_scope_is_set_up_and_read_in_words():
    exchange = [*HELLO, *INPUTS, *set_up("WORD")]
    exchange += [*record([0]), *record([-32768, 0, 16, 32752]), ("*OPC?", "1")]
    setup, taken = talk(exchange, lambda d: (d.connect(), d.acquire()))
    assert (setup.identity, setup.sample_rate_hz, setup.dtype) == (HD, 20_000.0, "int16")
    assert setup.notes["record times"] == "host"
    scale = taken.scales[0]
    assert scale.gain * 0 + scale.offset == pytest.approx(24.0)
    assert scale.gain * 6400 + scale.offset == pytest.approx(29.0)
    assert taken.codes[1, :4].tolist() == [-32768, 0, 16, 32752]
    assert taken.clipped == ((5000, 5000),)


def test_a_record_that_does_not_fit_the_timebase_is_made_longer():
    exchange = [*HELLO, *INPUTS, *set_up("WORD"), *record([0]), *record([0]), ("*OPC?", "1")]
    talk(exchange, lambda d: d.connect(), record_s=0.21)


def converse(exchange, identity, act, code_format="WORD"):
    """Talk without a set-up."""
    with ScriptedInstrument(exchange) as scope, VisaLink(scope.visa, 0.3) as link:
        row = spoken_by(identity)
        return act(Conversation(link, row, identity, code_format=code_format, timeout_s=0.3))


def test_a_long_record_is_read_in_pages_as_the_scope_says():
    codes = np.arange(25_000).astype("<i2")
    exchange = [(":WAVeform:MAXPoint?", "1.00E+04"), *preamble(1, n_points=25_000)]
    for first, last in ((0, 10_000), (10_000, 20_000), (20_000, 25_000)):
        exchange += page(first, codes[first:last].tobytes())

    def act(talk):
        talk.learn_page()
        return talk.samples(1, talk.preamble(1))

    np.testing.assert_array_equal(converse(exchange, HD, act), codes)


@pytest.mark.parametrize(("firmware", "unit"), [("1.3.9R6", 2), ("1.3.9R10", 1), ("1.5.2R3", 1)])
def test_old_firmware_of_a_2000x_plus_counts_words_in_the_header(firmware, unit):
    codes = np.arange(1000).astype("<i2")
    header = b"#9%09d" % (codes.nbytes // unit)
    exchange = [*preamble(1, n_points=1000), *page(0, codes.tobytes())[:2]]
    exchange += [(":WAVeform:DATA?", header + codes.tobytes() + b"\n\n")]
    exchange += [(":WAVeform:MAXPoint?", "5000000")]

    def act(talk):
        read = talk.samples(1, talk.preamble(1))
        talk.learn_page()  # what was read ended where the block does
        return read

    np.testing.assert_array_equal(converse(exchange, PLUS.format(firmware), act), codes)


def test_a_page_of_another_length_is_refused():
    exchange = [*preamble(1), *page(0, bytes(20_000))[:2], (":WAVeform:DATA?", block(bytes(2000)))]
    with pytest.raises(ProtocolError, match="expected 10000 samples, got 1000"):
        converse(exchange, HD, lambda talk: talk.samples(1, talk.preamble(1)))


def test_a_scope_that_has_not_acquired_has_no_samples():
    with pytest.raises(ProtocolError, match="expected 1 sample or more"):
        converse(preamble(1, n_points=0), HD, lambda talk: talk.samples(1, talk.preamble(1)))


def test_a_descriptor_of_another_input_is_refused():
    with pytest.raises(ProtocolError, match="input 2, got one of input 1"):
        converse(preamble(2, source=0), HD, lambda talk: talk.preamble(2))


def test_a_width_that_was_not_set_is_refused():
    with pytest.raises(ProtocolError, match="codes of 2 bytes, got i1"):
        converse(preamble(1, comm_type=0), HD, lambda talk: talk.preamble(1))


@pytest.mark.parametrize(
    ("told", "bits", "width", "of_division"),
    [
        (25.0, 8, 1, 25.0),
        (30.0, 8, 1, 30.0),
        (30.0, 8, 2, 30.0 * 256),
        (6400.0, 12, 2, 6400.0),
        (7680.0, 12, 2, 7680.0),
        (7680.0, 12, 1, 30.0),
        (7680.0, 10, 2, 7680.0),
        (120.0, 10, 2, 7680.0),
        # An SDS6000A, by its range.
        (170.0, 12, 2, 170.0 * 16),
        (127.5, 12, 2, 127.5 * 16),
        (63.75, 12, 2, 63.75 * 16),
        (170.0, 12, 1, 170.0 / 16),
    ],
)
def test_codes_of_a_division_are_read_and_brought_to_the_width(told, bits, width, of_division):
    said = TOLD | {"max_value": told, "bits": bits, "comm_type": width - 1}
    scale = parse_descriptor(descriptor(**said), width).scale
    assert scale.gain == pytest.approx(5.0 / of_division, rel=1e-6)


@given(
    st.integers(-32768, 32767),
    st.floats(1e-3, 10.0),
    st.floats(-100.0, 100.0),
    st.sampled_from([0.1, 1.0, 10.0, 100.0]),
)
def test_the_scale_is_the_guides_formula(code, vdiv, offset, probe):
    said = TOLD | {"gain": vdiv, "offset": offset, "probe": probe}
    scale = parse_descriptor(descriptor(**said), 2).scale
    expected = code / 6400 * (vdiv * probe) - offset * probe
    assert scale.gain * code + scale.offset == pytest.approx(
        expected, abs=1e-6 * probe * (10 * vdiv + abs(offset))
    )


@pytest.mark.parametrize(
    ("order", "dtype"), [(0, "<i2"), (1, ">i2")]
)  # the other way round than LeCroy
def test_the_byte_order_is_told(order, dtype):
    said = TOLD | {"comm_order": order}
    assert parse_descriptor(descriptor(**said), 2).dtype == dtype


@pytest.mark.parametrize(
    ("width", "bits", "codes", "expected"),
    [(1, 8, [-128, -127, 126, 127], 2), (2, 12, [-32768, -32752, 32736, 32752], 2)],
)
def test_codes_at_the_rails_are_clipped(width, bits, codes, expected):
    said = TOLD | {"bits": bits, "comm_type": width - 1}
    found = parse_descriptor(descriptor(**said), width)
    assert n_clipped(np.array(codes, f"i{width}"), found) == expected


@pytest.mark.parametrize(
    ("changes", "tells"),
    [
        ({"magic": b"WAVEFORM"}, "begin with b'WAVEDESC'"),
        ({"size": 345}, "got 345"),
        ({"size": 0}, "got 0"),
        ({"comm_type": 2}, "COMM_TYPE"),
        ({"comm_order": -1}, "COMM_ORDER"),
        ({"n_points": -1}, "points from 0"),
        ({"gain": math.nan}, "finite number at byte 156"),
        ({"gain": 0.0}, "gain above 0"),
        ({"offset": math.inf}, "finite number at byte 160"),
        ({"interval": 0.0}, "interval"),
        ({"interval": math.nan}, "finite number at byte 176"),
        ({"horizontal_offset": math.inf}, "finite number at byte 180"),
        ({"bits": 0}, "8 to 16 bits"),
        ({"bits": 17}, "8 to 16 bits"),
        ({"max_value": 0.0}, "codes a division"),
        ({"max_value": 1.0}, "codes a division"),
        ({"max_value": 1e6}, "codes a division"),
        ({"probe": 0.0}, "probe factor above 0"),
    ],
)
def test_a_hostile_descriptor_is_refused(changes, tells):
    with pytest.raises(ValueError, match=tells):
        parse_descriptor(descriptor(**TOLD | changes), 2)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_descriptor_or_refused(data):
    for block_of in (data, b"WAVEDESC" + data, descriptor(**TOLD)[:200] + data):
        with contextlib.suppress(ValueError):
            assert parse_descriptor(block_of, 2).x_increment_s > 0


@pytest.mark.parametrize(
    ("reply", "factor"), [("1.00E+01", 10.0), ("VALue,1.00E+02", 100.0), ("DEFault", 1.0)]
)
def test_probe_factors_are_read(reply, factor):
    assert parse_factor(reply) == factor


@pytest.mark.parametrize(
    ("identity", "first_depth"),
    [
        (HD, 10_000),
        (PLUS.format("1.5.2R3"), 10_000),
        ("Siglent Technologies,SDS804X HD,SDS08A0X806445,1.1.3.3", 10_000),
        ("Siglent Technologies,SDS1202X HD,SDS1,1.1", 10_000),
        ("SIGLENT,SDS3104X HD,SDS3,1.1", 10_000),
        (SDS5000X, 2500),
        ("Siglent Technologies,SDS6204L,SDS6LA3CA00028,18.36.11.2.0.3.7", 2500),
        ("Siglent Technologies,SDS7404A,SDS7,1.1", 10_000),
        ("Siglent Technologies,SHS1202X,SHS1,1.1", 10_000),
    ],
)
def test_models_are_known_by_their_identity(identity, first_depth):
    row = spoken_by(identity)
    assert (row.id, row.depths[0]) == ("siglent", first_depth)


@pytest.mark.parametrize(
    "identity", ["Siglent Technologies,SDG2042X,SDG2,2.01", "Siglent Technologies,SPD3303X,SPD3,1"]
)
def test_other_instruments_are_not(identity):
    assert spoken_by(identity) is None


@pytest.mark.parametrize(
    ("word", "done"),
    [("Stop", True), *((word, False) for word in ("Arm", "Ready", "Trig'd", "Auto", "Roll"))],
)
def test_only_a_stopped_scope_is_done(word, done):
    assert SIGLENT.is_done(word) is done


def test_a_state_that_is_none_is_refused():
    with pytest.raises(ValueError, match="TRIG'D"):
        SIGLENT.is_done("1")


@pytest.mark.parametrize(
    ("record_s", "scale_s"), [(0.5, 0.05), (0.51, 0.1), (0.1, 0.01), (0.11, 0.02), (0.3, 0.05)]
)
def test_the_timebase_is_one_two_or_five(record_s, scale_s):
    assert SIGLENT.timebase_s(record_s) == pytest.approx(scale_s)


def test_how_a_scope_is_set_is_told():
    exchange = [*HELLO, *state(1, "V"), *state(2, "A", shown="OFF"), (":CHANnel3:SWITch?", None)]
    exchange += [("*OPC?", "1"), (":TIMebase:SCALe?", "2.00E-02"), (":ACQuire:SRATe?", "1.00E+06")]
    with ScriptedInstrument(exchange) as scope:
        panel = inspect(scope.visa, timeout_s=0.3)
    first, second = panel.inputs
    assert (first.unit, first.probe_factor, first.range, first.offset) == ("V", 10.0, 40.0, 24.0)
    assert (second.unit, second.shown) == ("A", False)
    assert (panel.dialect, panel.record_s, panel.sample_rate_hz) == ("siglent", 0.2, 1e6)


def test_a_wrong_unit_and_a_wrong_factor_are_refused_with_the_command_that_helps():
    with pytest.raises(InstrumentError, match=":CHANnel1:UNIT V"):
        talk([*HELLO, *state(1, "A")], lambda d: d.connect())
    inputs = (
        InputSettings(input=1, quantity=Quantity.VOLTAGE, probe_factor=100.0),
        InputSettings(input=2, quantity=Quantity.CURRENT),
    )
    with pytest.raises(InstrumentError, match=":CHANnel1:PROBe VALue,100"):
        talk([*HELLO, *state(1, "V")], lambda d: d.connect(), inputs=inputs)
