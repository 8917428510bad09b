"""What is said to a Rigol, word for word as its guides print it, and what is made of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.scripted import LeapingClock, ScriptedInstrument, block

from monitor.config import InstrumentSettings
from monitor.errors import InstrumentError, ProtocolError
from monitor.model import Scale
from monitor.sources.conversation import Conversation
from monitor.sources.dialects import spoken_by
from monitor.sources.dialects.replies import below_zero
from monitor.sources.dialects.rigol import RIGOL, parse_preamble
from monitor.sources.driver import Driver
from monitor.sources.inspect import inspect
from monitor.sources.visa import VisaLink

DHO = "RIGOL TECHNOLOGIES,DHO804,DHO8A254403951,00.01.02.00.00"
DS1000Z = "RIGOL TECHNOLOGIES,DS1104Z,DS1ZA171509418,00.04.04.SP3"
MSO5000 = "RIGOL TECHNOLOGIES,MSO5074,MS5A211300000,00.01.03.00.03"
OK = '0,"No error"'
# From the guide of the DS1000Z: 1200 points of a screen, in bytes.
GUIDE = "0,0,1200,1,2.000000e-06,-1.200000e-03,0,4.132813e-01,0,122"


def command(*lines):
    """A command that is accepted."""
    return [*((line, None) for line in lines), (":SYSTem:ERRor?", OK)]


def state(number, units, *, shown="1"):
    return [
        (f":CHANnel{number}:DISPlay?", shown),
        (f":CHANnel{number}:UNITs?", units),
        (f":CHANnel{number}:PROBe?", "1.000000e+01"),
        (f":CHANnel{number}:COUPling?", "DC"),
        (f":CHANnel{number}:SCALe?", "5.000000e+00"),
        (f":CHANnel{number}:OFFSet?", "-4.800000e+01"),
    ]


def set_up(form, scale, depth, timebase):
    return [
        *command(":TIMebase:MODE MAIN"),
        *command(":ACQuire:TYPE NORMal"),
        *command(":WAVeform:MODE NORMal"),
        *command(":WAVeform:MODE RAW"),
        *command(f":WAVeform:FORMat {form}"),
        *command(f":TIMebase:MAIN:SCALe {scale}"),
        (":TIMebase:MAIN:SCALe?", timebase),
        *command(":RUN", f":ACQuire:MDEPth {depth}"),
    ]


def armed(*states):
    first = [(":SINGle", None), (":TFORce", None), (":TRIGger:STATus?", states[0])]
    later = [
        line for word in states[1:] for line in [(":TFORce", None), (":TRIGger:STATus?", word)]
    ]
    return first + later


def preamble(number, reply, depth):
    return [
        (f":WAVeform:SOURce CHANnel{number}", None),
        (":WAVeform:PREamble?", reply),
        (":ACQuire:MDEPth?", depth),
    ]


def page(first, last, data):
    return [
        (f":WAVeform:STARt {first}", None),
        (f":WAVeform:STOP {last}", None),
        (":WAVeform:DATA?", block(data)),
    ]


HELLO = [("*IDN?", DHO), ("*CLS", None)]
INPUTS = [*state(1, "VOLT"), *state(2, "AMP")]
SETTINGS = {"record_s": 0.5, "sample_rate_hz": 2000.0, "timeout_s": 2.0}
WORDS = "1,2,1000,1,5.000000E-4,-2.500000E-1,0,1.562500E-3,-30720,32768"


def talk(exchange, act, **changes):
    clock = LeapingClock()
    with ScriptedInstrument(exchange) as scope:
        settings = InstrumentSettings(address=scope.visa, **SETTINGS | changes)
        driver = Driver(settings, clock.now_ns, clock.wait, lambda: 0.0)
        try:
            return act(driver)
        finally:
            driver.close()


def dho_record(codes):
    data = np.resize(np.array(codes, "<u2"), 1000).tobytes()
    inputs = [line for n in (1, 2) for line in preamble(n, WORDS, "1000") + page(1, 1000, data)]
    return armed("WAIT", "TD", "STOP") + inputs


def test_a_dho_is_set_up_and_read_in_words():
    exchange = [*HELLO, *INPUTS, *set_up("WORD", "0.05", 1000, "5.000000E-2")]
    exchange += [*dho_record([0, 32768]), *dho_record([0, 16, 32768, 65520])]
    exchange += [(":SYSTem:ERRor?", OK)]
    setup, record = talk(exchange, lambda d: (d.connect(), d.acquire()))
    assert (setup.identity, setup.sample_rate_hz, setup.dtype) == (DHO, 2000.0, "uint16")
    assert setup.notes["record times"] == "host"
    scale = record.scales[0]
    assert scale.gain * 32768 + scale.offset == pytest.approx(48.0)
    assert record.codes[1, :4].tolist() == [0, 16, 32768, 65520]
    assert record.clipped == ((500, 500),)


def test_a_stop_just_after_the_arming_is_that_of_the_record_before():
    exchange = [*HELLO, *INPUTS, *set_up("WORD", "0.05", 1000, "5.000000E-2")]
    late = dho_record([7])
    late[2] = (":TRIGger:STATus?", "STOP")
    exchange += [*late, *late, (":SYSTem:ERRor?", OK)]
    assert talk(exchange, lambda d: (d.connect(), d.acquire()))[1].codes[0, 0] == 7


def test_a_ds1000z_has_twelve_divisions_shared_memory_and_bytes():
    reply = GUIDE.replace("0,0,1200", "0,2,6000").replace("2.000000e-06", "1.000000e-04")
    data = bytes(6000)
    records = 2 * [
        *armed("TD", "STOP"),
        *preamble(1, reply, "6000"),
        *page(1, 6000, data),
        *preamble(2, reply, "6000"),
        *page(1, 6000, data),
    ]
    exchange = [("*IDN?", DS1000Z), ("*CLS", None), *INPUTS]
    exchange += [*set_up("BYTE", "0.0416666667", 6000, "5.000000e-02"), *records]
    setup = talk([*exchange, (":SYSTem:ERRor?", OK)], lambda d: d.connect(), format="WORD")
    assert (setup.sample_rate_hz, setup.dtype) == (10_000.0, "uint8")


def converse(exchange, identity, act, code_format="BYTE"):
    """Talk without a set-up."""
    with ScriptedInstrument(exchange) as scope, VisaLink(scope.visa, 0.3) as link:
        row = spoken_by(identity)
        return act(Conversation(link, row, identity, code_format=code_format, timeout_s=0.3))


@pytest.mark.parametrize(
    ("identity", "code_format", "width", "pages"),
    [
        (DHO, "BYTE", 1, [(1, 250_000), (250_001, 260_000)]),
        (DHO, "WORD", 2, [(1, 125_000), (125_001, 250_000), (250_001, 260_000)]),
        (DS1000Z, "BYTE", 1, [(1, 250_000), (250_001, 260_000)]),
        (MSO5000, "BYTE", 1, [(1, 260_000)]),
    ],
)
def test_a_long_record_is_read_in_pages_as_the_model_gives_them(
    identity, code_format, width, pages
):
    codes = (np.arange(260_000) % 251).astype(f"<u{width}")
    reply = f"{width - 1},2,1000,1,5E-4,0,0,1,0,0"
    exchange = preamble(1, reply, "260000")
    for first, last in pages:
        exchange += page(first, last, codes[first - 1 : last].tobytes())

    def act(talk):
        return talk.samples(1, talk.preamble(1))

    np.testing.assert_array_equal(converse(exchange, identity, act, code_format), codes)


def test_the_depth_of_the_memory_counts_and_not_the_page_in_the_preamble():
    exchange = preamble(1, GUIDE.replace("1200", "1000"), "1.0000E+06")
    assert converse(exchange, DHO, lambda talk: talk.preamble(1)).n_points == 1_000_000


def test_an_automatic_depth_is_what_the_timebase_holds():
    exchange = [*preamble(1, GUIDE, "AUTO"), (":TIMebase:MAIN:SCALe?", "1.000000E-3")]
    assert converse(exchange, DS1000Z, lambda talk: talk.preamble(1)).n_points == 6000


@pytest.mark.parametrize("depth", ["what?", "0", "-1000", "9.9E37"])
def test_a_depth_that_is_none_is_refused(depth):
    with pytest.raises(ProtocolError, match="MDEPth"):
        converse(preamble(1, GUIDE, depth), DHO, lambda talk: talk.preamble(1))


def test_a_page_that_is_refused_by_an_empty_block_is_no_data():
    exchange = [*preamble(1, GUIDE, "1000"), *page(1, 1000, b"")[:2]]
    exchange += [(":WAVeform:DATA?", b"#9000000000\n")]
    with pytest.raises(ProtocolError, match="expected 1000 samples, got 0"):
        converse(exchange, DHO, lambda talk: talk.samples(1, talk.preamble(1)))


def test_an_interval_of_zero_is_asked_again():
    assert parse_preamble(GUIDE.replace("2.000000e-06", "0.000000e+00"), 1) is None


@given(
    st.integers(0, 65520),
    st.floats(1e-9, 1e3),
    st.integers(-(10**6), 10**6),
    st.integers(0, 65535),
)
def test_the_scale_is_the_guides_formula(code, increment, origin, reference):
    reply = f"1,2,5,1,1E-06,0,0,{increment:.8E},{origin},{reference}"
    preamble = parse_preamble(reply, 2)
    y_increment = float(reply.split(",")[7])
    scale = preamble.scale
    expected = (code - origin - reference) * y_increment
    assert scale.gain * code + scale.offset == pytest.approx(expected, abs=1e-9 * y_increment)
    assert (preamble.dtype, preamble.low, preamble.high) == ("<u2", 0, 65520)


@pytest.mark.parametrize(
    ("reply", "tells"),
    [
        ("", "expected 10 fields"),
        (GUIDE + ",1", "got 11"),
        (GUIDE.replace("2.000000e-06", "x"), "could not convert"),
        (GUIDE.replace("2.000000e-06", "-1"), "increments above 0"),
        ("2" + GUIDE[1:], "expected format 0"),
        (GUIDE.replace("4.132813e-01", "0"), "increments above 0"),
        (GUIDE.replace("122", "nan"), "finite"),
    ],
)
def test_a_hostile_preamble_is_refused(reply, tells):
    with pytest.raises(ValueError, match=tells):
        parse_preamble(reply, 1)


def test_a_byte_preamble_of_the_guide_becomes_a_scale():
    assert parse_preamble(GUIDE, 1).scale == Scale(0.4132813, -122 * 0.4132813)


@pytest.mark.parametrize(
    ("identity", "formats", "page_bytes", "divisions"),
    [
        (DHO, ("BYTE", "WORD"), 250_000, 10),
        ("RIGOL TECHNOLOGIES,DHO4204,DHO4A,00.01", ("BYTE", "WORD"), 250_000, 10),
        ("Rigol Technologies,DHO914S,DHO9A,00.01", ("BYTE", "WORD"), 250_000, 10),
        (DS1000Z, ("BYTE",), 250_000, 12),
        ("RIGOL TECHNOLOGIES,MSO1074Z,DS1ZD,00.04", ("BYTE",), 250_000, 12),
        ("RIGOL TECHNOLOGIES,DS1202Z-E,DS1ZE,00.06", ("BYTE",), 250_000, 12),
        (MSO5000, ("BYTE",), 0, 10),
    ],
)
def test_models_are_known_by_their_identity(identity, formats, page_bytes, divisions):
    row = spoken_by(identity)
    assert (row.id, row.formats, row.page_bytes, row.divisions) == (
        "rigol",
        formats,
        page_bytes,
        divisions,
    )


@pytest.mark.parametrize(
    "identity",
    ["RIGOL TECHNOLOGIES,DS1102E,DS1EB,00.02", "RIGOL TECHNOLOGIES,DP832,DP8A,00.01", ""],
)
def test_other_instruments_are_not(identity):
    assert spoken_by(identity) is None


@pytest.mark.parametrize(
    ("n_inputs", "depth"), [(1, 12_000), (2, 12_000 // 2), (3, 12_000 // 4), (4, 12_000 // 4)]
)
def test_inputs_of_a_ds1000z_share_the_memory(n_inputs, depth):
    row = spoken_by(DS1000Z)
    assert row.depth(1, n_inputs) == depth
    assert row.depth(10**9, n_inputs) == 2000 * depth


@pytest.mark.parametrize(
    ("word", "done"),
    [("STOP", True), ("TD", False), ("WAIT", False), ("RUN", False), ("AUTO", False)],
)
def test_only_a_stopped_scope_is_done(word, done):
    assert RIGOL.is_done(word) is done


def test_a_trace_that_is_lifted_shows_less_in_the_middle():
    assert below_zero("-4.800000e+01") == 48.0


def test_how_a_scope_is_set_is_told():
    exchange = [*HELLO, *state(1, "VOLT"), *state(2, "AMP", shown="0")]
    exchange += [(":CHANnel3:DISPlay?", None), (":SYSTem:ERRor?", '-113,"Undefined header"')]
    exchange += [(":TIMebase:MAIN:SCALe?", "2.0E-2"), (":ACQuire:SRATe?", "1.0E+06")]
    with ScriptedInstrument(exchange) as scope:
        panel = inspect(scope.visa, timeout_s=0.3)
    first, second = panel.inputs
    assert (first.unit, first.probe_factor, first.range, first.offset) == ("V", 10.0, 40.0, 48.0)
    assert (second.unit, second.shown) == ("A", False)
    assert (panel.dialect, panel.record_s, panel.sample_rate_hz) == ("rigol", 0.2, 1e6)


def test_an_unknown_unit_is_refused_with_the_command_that_helps():
    exchange = [*HELLO, *state(1, "UNKN")]
    with pytest.raises(InstrumentError, match=":CHANnel1:UNITs VOLT"):
        talk(exchange, lambda d: d.connect())
