"""What is said to a Tektronix, word for word as its manuals print it, and what is made of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.scripted import LeapingClock, ScriptedInstrument

from monitor.config import InputSettings, InstrumentSettings
from monitor.errors import InstrumentError, ProtocolError
from monitor.model import Quantity
from monitor.sources.codes import n_clipped
from monitor.sources.dialects import spoken_by
from monitor.sources.dialects.tektronix import (
    TEKTRONIX,
    factor_of_gain,
    middle,
    parse_preamble,
)
from monitor.sources.driver import Driver
from monitor.sources.inspect import inspect

MSO = "TEKTRONIX,MSO44,C012345,CF:91.1CT FV:1.28.3.3"
MDO = "TEKTRONIX,MDO3024,C010101,CF:91.1CT FV:v1.26"
DPO5000 = "TEKTRONIX,DPO5104B,C300101,CF:91.1CT FV:10.8.3 Build 3"
OK = '0;0,"No events to report - queue empty"'
PREAMBLE = (
    "DATa:SOUrce?;:WFMOutpre:BYT_Nr?;BN_Fmt?;BYT_Or?;NR_Pt?;XINcr?;YMUlt?;YOFf?;YZEro?;YUNit?"
)
WORDS = 'CH1;2;RI;LSB;1000;1.0000E-3;31.2500E-6;-1.6000E+3;0.0E+0;"V"'
BYTES = 'CH1;1;RI;MSB;1000;1.0000E-3;8.0000E-3;-50.0000;1.2000E+1;"V"'


def command(*lines):
    """A command that is accepted."""
    return [*((line, None) for line in lines), ("*ESR?;:EVMsg?", OK)]


def state(number, unit, *, of_mso=True, shown="1", factor="1.0000"):
    asked = f"DISplay:GLObal:CH{number}:STATE?" if of_mso else f"SELect:CH{number}?"
    by = f"CH{number}:PROBEFunc:EXTAtten?" if of_mso else f"CH{number}:PRObe:GAIN?"
    units = [(f"DATa:SOUrce CH{number}", None), ("WFMOutpre:YUNit?", f'"{unit}"')]
    return [
        (asked, shown),
        *(units if shown == "1" else []),
        (by, factor),
        (f"CH{number}:COUPling?", "DC"),
        (f"CH{number}:SCAle?", "5.0000"),
        (f"CH{number}:OFFSet?;POSition?;SCAle?", "40.0000;-2.0000;5.0000"),
    ]


HELLO = [("*CLS", None), ("HEADer OFF", None)]
MODES = [
    *command("ACQuire:STATE STOP"),
    *command("ACQuire:MODe SAMple"),
    *command("ACQuire:STOPAfter SEQuence"),
    *command("TRIGger:A:MODe AUTO"),
    *command("DATa:ENCdg SRIbinary"),
]
SET_UP_MSO = [
    *command("HORizontal:MODe MANual"),
    *MODES,
    *command("DATa:WIDth 2"),
    *command("HORizontal:MODe:SCAle 0.1"),
    ("HORizontal:MODe:SCAle?", "100.0000E-3"),
    *command("HORizontal:MODe:SAMPLERate 1000", "HORizontal:MODe:RECOrdlength 1000"),
]
SET_UP_MDO = [
    *MODES,
    *command("DATa:WIDth 1"),
    *command("HORizontal:SCAle 0.1"),
    ("HORizontal:SCAle?", "100.0000E-3"),
    *command("HORizontal:RECOrdlength 1000"),
]


def curve(codes):
    data = codes.tobytes()
    return b"#%d%d" % (len(str(len(data))), len(data)) + data + b"\n"


def record(replies, codes, *, length):
    exchange = [("ACQuire:STATE RUN", None), ("ACQuire:STATE?", "1"), ("ACQuire:STATE?", "0")]
    for number, reply in enumerate(replies, 1):
        exchange += [
            (f"DATa:SOUrce CH{number}", None),
            (PREAMBLE, reply),
            (length, "1000"),
            ("DATa:STARt 1", None),
            ("DATa:STOP 1000", None),
            ("CURVe?", curve(codes)),
        ]
    return exchange


def pair(reply):
    """The preambles of two inputs."""
    return [reply, reply.replace("CH1", "CH2").replace('"V"', '"A"')]


def talk(exchange, act, *, pace=1, **changes):
    clock = LeapingClock(pace)
    with ScriptedInstrument(exchange) as scope:
        settings = InstrumentSettings(
            address=scope.visa,
            **{"record_s": 1.0, "sample_rate_hz": 1000.0, "timeout_s": 0.3} | changes,
        )
        driver = Driver(settings, clock.now_ns, clock.wait, lambda: 0.0)
        try:
            return act(driver)
        finally:
            driver.close()


def test_a_4_series_is_set_up_and_read_in_signed_words():
    codes = np.resize(np.array([-1600, -32768, 32752, 5], "<i2"), 1000)
    length = "HORizontal:MODe:RECOrdlength?"
    exchange = [("*IDN?", MSO), *HELLO, *state(1, "V"), *state(2, "A"), *SET_UP_MSO]
    exchange += 2 * record(pair(WORDS), codes, length=length)
    exchange += [("*ESR?;:EVMsg?", OK)]
    setup, first = talk(exchange, lambda d: (d.connect(), d.acquire()))
    assert (setup.identity, setup.sample_rate_hz, setup.dtype) == (MSO, 1000.0, "int16")
    np.testing.assert_array_equal(first.codes, np.stack([codes, codes]))
    scale = first.scales[0]
    assert scale.gain * -1600 + scale.offset == pytest.approx(0.0)
    assert first.clipped == ((500, 500),)
    assert first.pieces == ((0, 1000),)  # no code is a hole


def test_an_mdo_has_other_words_for_inputs_and_the_timebase_and_a_list_of_lengths():
    codes = np.resize(np.array([-50, 0, 1, 2], "i1"), 1000)
    exchange = [("*IDN?", MDO), *HELLO]
    exchange += [*state(1, "V", of_mso=False, factor="0.1"), *state(2, "A", of_mso=False)]
    exchange += SET_UP_MDO
    exchange += 2 * record(pair(BYTES), codes, length="HORizontal:RECOrdlength?")
    exchange += [("*ESR?;:EVMsg?", OK)]
    setup, first = talk(exchange, lambda d: (d.connect(), d.acquire()), format="BYTE")
    assert (setup.sample_rate_hz, setup.dtype) == (1000.0, "int8")
    assert setup.notes["input 1"] == "V 10X DC"
    assert first.scales[0].gain * -50 + first.scales[0].offset == pytest.approx(12.0)


def test_a_preamble_of_another_input_is_out_of_step():
    exchange = [("*IDN?", MSO), *HELLO, *state(1, "V"), *state(2, "A"), *SET_UP_MSO]
    swapped = [WORDS.replace("CH1", "CH2")]
    exchange += record(swapped, np.zeros(1), length="HORizontal:MODe:RECOrdlength?")[:5]
    with pytest.raises(ProtocolError, match="expected a preamble of input 1, got one of input 2"):
        talk(exchange, lambda d: d.connect())


def test_an_event_is_a_refusal():
    refused = [(MODES[0][0], None), ("*ESR?;:EVMsg?", '32;113,"Undefined header"')]
    exchange = [("*IDN?", MDO), *HELLO]
    exchange += [*state(1, "V", of_mso=False), *state(2, "A", of_mso=False), *refused]
    with pytest.raises(InstrumentError, match="refused 'ACQuire:STATE STOP': 32;113"):
        talk(exchange, lambda d: d.connect())


@pytest.mark.parametrize(
    ("reply", "is_none"),
    [
        (OK, True),
        ('128;1,"No events to report - new events pending *ESR?"', True),
        ('16;222,"Data out of range"', False),
        ('32;113,"Undefined header"', False),
        ('0;102,"Syntax error"', False),
    ],
)
def test_codes_above_one_are_events(reply, is_none):
    assert bool(TEKTRONIX.no_error.match(reply)) is is_none


@given(
    st.integers(-32768, 32767),
    st.floats(1e-9, 1e3),
    st.floats(-1e5, 1e5),
    st.floats(-1e4, 1e4),
)
def test_the_scale_is_the_manuals_formula(code, y_mult, y_off, y_zero):
    texts = [f"{value:.9E}" for value in (y_mult, y_off, y_zero)]
    preamble = parse_preamble(f'CH3;2;RI;LSB;1000;1E-3;{";".join(texts)};"V"', 2)
    y_mult, y_off, y_zero = map(float, texts)
    expected = (code - y_off) * y_mult + y_zero
    tolerance = 1e-12 * ((32768 + abs(y_off)) * y_mult + abs(y_zero))
    assert preamble.scale.gain * code + preamble.scale.offset == pytest.approx(
        expected, abs=tolerance
    )
    assert preamble.input == 3


@pytest.mark.parametrize(
    ("width", "sign", "order", "dtype", "rails"),
    [
        ("1", "RI", "MSB", "i1", (-128, 127)),
        ("1", "RP", "LSB", "u1", (0, 255)),
        ("2", "RI", "LSB", "<i2", (-32768, 0x7F00)),
        ("2", "RI", "MSB", ">i2", (-32768, 0x7F00)),
        ("2", "RP", "MSB", ">u2", (0, 0xFF00)),
    ],
)
def test_codes_of_every_form_are_understood(width, sign, order, dtype, rails):
    preamble = parse_preamble(f'CH1;{width};{sign};{order};1000;1E-3;1;0;0;"V"', int(width))
    assert (preamble.dtype, (preamble.low, preamble.high)) == (dtype, rails)
    codes = np.array([rails[0], rails[0] + 1, rails[1] - 1, rails[1]], dtype)
    assert n_clipped(codes, preamble) == 2


@pytest.mark.parametrize(
    ("reply", "tells"),
    [
        ("", "expected 10 fields"),
        (WORDS + ";1", "got 11"),
        (WORDS.replace("CH1", "MATH"), "codes of an input"),
        (WORDS.replace("RI", "FP"), "binary codes"),
        (WORDS.replace("LSB", "PDP"), "binary codes"),
        (WORDS.replace(";2;", ";8;"), "binary codes"),
        (WORDS.replace("1000;", "0;"), "above 0"),
        (WORDS.replace("1.0000E-3", "-1"), "above 0"),
        (WORDS.replace("31.2500E-6", "0.0"), "above 0"),
        (WORDS.replace("31.2500E-6", "nan"), "expected a number"),
        (":WFMOUTPRE:BYT_NR 2;" + WORDS, "got 11"),
        (WORDS.replace("1000;", "NR_PT 1000;"), "expected a number"),
    ],
)
def test_a_hostile_preamble_is_refused(reply, tells):
    with pytest.raises(ValueError, match=tells):
        parse_preamble(reply, 2)


def test_a_semicolon_in_quotes_is_no_end():
    assert parse_preamble(WORDS.replace('"V"', '"V;s"'), 2).unit == "V;s"


def test_a_gain_is_the_inverse_of_a_factor():
    assert factor_of_gain("100.0000E-3") == pytest.approx(10.0)
    with pytest.raises(ValueError, match="expected a gain"):
        factor_of_gain("0.0")


def test_a_position_lifts_the_trace():
    assert middle("40.0000;-2.0000;5.0000") == 50.0


@pytest.mark.parametrize(
    ("identity", "can_push", "displayed", "divisions"),
    [
        (MSO, True, "DISplay:GLObal:CH{input}:STATE?", 10),
        ("TEKTRONIX,MSO58LP,C01,CF:91.1CT FV:1.2", True, "DISplay:GLObal:CH{input}:STATE?", 10),
        ("TEKTRONIX,MSO64B,B01,CF:91.1CT FV:2.0", True, "DISplay:GLObal:CH{input}:STATE?", 10),
        (MDO, False, "SELect:CH{input}?", 8),
        ("TEKTRONIX,DPO4104B,C01,CF:91.1CT FV:v2.68", False, "SELect:CH{input}?", 8),
        ("TEKTRONIX,MDO4104-6,C01,CF:91.1CT FV:v2.7", False, "SELect:CH{input}?", 8),
        ("TEKTRONIX,MSO2024,C01,CF:91.1CT FV:v1.52", False, "SELect:CH{input}?", 8),
        (DPO5000, True, "SELect:CH{input}?", 10),
    ],
)
def test_models_are_known_by_their_identity(identity, can_push, displayed, divisions):
    row = spoken_by(identity)
    assert row.id == "tektronix"
    assert (bool(row.stream), row.displayed, row.range_divisions) == (
        can_push,
        displayed,
        divisions,
    )


@pytest.mark.parametrize("identity", ["TEKTRONIX,AFG3102,C01,SCPI:99.0", "TEKTRONIX,PA1000", ""])
def test_other_instruments_are_not(identity):
    assert spoken_by(identity) is None


@pytest.mark.parametrize(
    ("identity", "n_points", "depth"),
    [(MDO, 20_000, 100_000), ("TEKTRONIX,DPO2012,C01,FV", 20_000, 100_000), (MSO, 20_000, 20_000)],
)
def test_lengths_are_of_a_list_where_the_model_has_one(identity, n_points, depth):
    assert spoken_by(identity).depth(n_points, 2) == depth


def test_how_a_scope_is_set_is_told_without_the_unit_of_an_input_that_is_off():
    exchange = [("*IDN?", MSO), *HELLO, *state(1, "V", factor="10.0000"), *state(2, "", shown="0")]
    exchange += [("DISplay:GLObal:CH3:STATE?", None), ("*ESR?;:EVMsg?", '32;113,"Undefined"')]
    exchange += [("HORizontal:MODe:SCAle?", "20.0E-3"), ("HORizontal:MODe:SAMPLERate?", "1.0E+6")]
    with ScriptedInstrument(exchange) as scope:
        panel = inspect(scope.visa, timeout_s=0.3)
    first, second = panel.inputs
    assert (first.unit, first.probe_factor, first.range, first.offset) == ("V", 10.0, 50.0, 50.0)
    assert (second.unit, second.shown) == ("", False)
    assert (panel.dialect, panel.record_s, panel.sample_rate_hz) == ("tektronix", 0.2, 1e6)


@pytest.mark.parametrize(
    ("identity", "of_mso", "factor", "command"),
    [
        (MSO, True, "1.0", "CH1:PROBEFunc:EXTAtten 10"),
        (MDO, False, "1.0", "CH1:PRObe:GAIN 0.1"),
    ],
)
def test_a_wrong_factor_is_refused_with_the_command_that_helps(identity, of_mso, factor, command):
    exchange = [("*IDN?", identity), *HELLO, *state(1, "V", of_mso=of_mso, factor=factor)]
    inputs = (
        InputSettings(input=1, quantity=Quantity.VOLTAGE, probe_factor=10.0),
        InputSettings(input=2, quantity=Quantity.CURRENT),
    )
    with pytest.raises(InstrumentError, match=command):
        talk(exchange, lambda d: d.connect(), inputs=inputs)


def test_a_wrong_unit_is_refused_with_the_command_that_helps():
    exchange = [("*IDN?", MDO), *HELLO, *state(1, "A", of_mso=False)]
    with pytest.raises(InstrumentError, match='CH1:YUNits "V"'):
        talk(exchange, lambda d: d.connect())
