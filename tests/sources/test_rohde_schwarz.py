"""What is said to a Rohde & Schwarz, as its manual prints it, and what is made of the answers."""

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
from monitor.sources.dialects.rohde_schwarz import ROHDE_SCHWARZ, parse_preamble
from monitor.sources.driver import Driver
from monitor.sources.inspect import inspect
from monitor.sources.visa import VisaLink

RTB = "Rohde&Schwarz,RTB2004,1333.1005k04/108135,02.400"
# What the manual's example of 8 and 16 bits answers to each of the queries.
BYTES = "UINT,8;LSBF;-4.9980E-07,5.0000E-07,5000,1;2.000000023E-10;1.999999949E-4;-2.549999943E-2;8"
WORDS = (
    "UINT,16;LSBF;-4.9980E-07,5.0000E-07,5000,1;2.000000023E-10;7.812499803E-7;-2.549999943E-2;8"
)


def asked(number):
    channel = f":CHANnel{number}:DATA"
    return (
        f"{channel}:POINts DMAXimum;:FORMat?;:FORMat:BORDer?;{channel}:HEADer?;"
        f"{channel}:XINCrement?;{channel}:YINCrement?;{channel}:YORigin?;{channel}:YRESolution?"
    )


def command(*lines):
    """A command that is accepted."""
    return [*((line, None) for line in lines), ("SYSTem:ERRor?", '0,"No error"')]


def state(number, unit, *, shown="1", factor="1.000000000E1"):
    middle = f":CHANnel{number}:OFFSet?;:CHANnel{number}:POSition?;:CHANnel{number}:SCALe?"
    return [
        (f"CHANnel{number}:STATe?", shown),
        (f"PROBe{number}:SETup:ATTenuation:UNIT?", unit),
        (f"PROBe{number}:SETup:ATTenuation:MANual?", factor),
        (f"CHANnel{number}:COUPling?", "DCL"),
        (f"CHANnel{number}:RANGe?", "4.000000000E1"),
        (middle, "4.800000000E1;-1.000000000E0;5.000000000E0"),
    ]


HELLO = [("*IDN?", RTB), ("*CLS", None)]
INPUTS = [*state(1, "V"), *state(2, "A")]
RECORD = "UINT,16;LSBF;-3.0000E-01,2.9997E-01,10000,1;6.000000212E-5;1.562500000E-3;-2.992187500E0"


def set_up(bits):
    return [
        *command("TRIGger:A:MODE AUTO"),
        *command("CHANnel1:TYPE SAMPle"),
        *command(f"FORMat UINT,{bits}"),
        *command("FORMat:BORDer LSBFirst"),
        *command("TIMebase:SCALe 0.05"),
        ("TIMebase:SCALe?", "5.000000075E-2"),
        *command("ACQuire:POINts:AUTomatic OFF", "ACQuire:POINts 10000"),
    ]


def record(codes, *states, resolution=10, order="LSBF"):
    data = np.resize(codes, 10_000).astype("<u2" if order == "LSBF" else ">u2").tobytes()
    answer = RECORD.replace("LSBF", order) + f";{resolution}"
    first, *later = states or ("RUN", "COMP")
    return [
        ("SINGle;:ACQuire:STATe?", first),
        *(("ACQuire:STATe?", word) for word in later),
        *(
            line
            for number in (1, 2)
            for line in [(asked(number), answer), (f"CHANnel{number}:DATA?", block(data))]
        ),
    ]


SETTINGS = {"record_s": 0.5, "sample_rate_hz": 15_000.0, "timeout_s": 2.0}


def talk(exchange, act, **changes):
    clock = LeapingClock()
    with ScriptedInstrument(exchange) as scope:
        settings = InstrumentSettings(address=scope.visa, **SETTINGS | changes)
        driver = Driver(settings, clock.now_ns, clock.wait, lambda: 0.0)
        try:
            return act(driver)
        finally:
            driver.close()


def up(*records):
    lines = [line for part in records for line in part]
    return [*HELLO, *INPUTS, *set_up(16), *lines, ("SYSTem:ERRor?", '0,"No error"')]


def test_an_rtb_is_set_up_and_read_in_words():
    exchange = up(record([0, 32640]), record([0, 64, 32640, 65472]))
    setup, first = talk(exchange, lambda d: (d.connect(), d.acquire()))
    assert (setup.identity, setup.dtype) == (RTB, "uint16")
    assert setup.sample_rate_hz == 16_666.6667  # not that of a float of 32 bits
    assert setup.notes["record"] == "10000 samples, 0.6 s"
    assert first.codes[1, :4].tolist() == [0, 64, 32640, 65472]
    assert first.clipped == ((5000, 5000),)
    scale = first.scales[0]
    assert scale.gain * 32640 + scale.offset == pytest.approx(48.0078125)


def test_complete_just_after_the_arming_is_that_of_the_record_before():
    exchange = up(record([1]), record([7], "COMP", "RUN", "COMP"))
    assert talk(exchange, lambda d: (d.connect(), d.acquire()))[1].codes[0, 0] == 7


def test_a_state_of_an_acquisition_that_was_broken_off_is_not_the_next_ones():
    exchange = up(record([1], "BRE", "RUN", "COMP"), record([7]))
    assert talk(exchange, lambda d: (d.connect(), d.acquire()))[1].codes[0, 0] == 7


def test_words_with_the_high_byte_first_are_read_as_they_are():
    exchange = up(record([1]), record([258], order="MSBF"))
    assert talk(exchange, lambda d: (d.connect(), d.acquire()))[1].codes[0, 0] == 258


def test_the_manuals_example_gives_the_same_volts_in_bytes_and_words():
    of_byte, of_word = parse_preamble(BYTES, 1), parse_preamble(WORDS, 2)
    assert (of_byte.n_points, of_byte.x_increment_s) == (5000, 2e-10)
    assert of_byte.scale == Scale(2e-4, -2.55e-2)
    for code in (128, 125):
        in_volts = of_byte.scale.gain * code + of_byte.scale.offset
        word = of_word.scale.gain * (code << 8) + of_word.scale.offset
        assert word == pytest.approx(in_volts)
    assert 127.5 * of_byte.scale.gain + of_byte.scale.offset == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("reply", "high"),
    [
        (BYTES, 255),
        (WORDS, 0xFF00),
        (WORDS[:-1] + "10", 0xFFC0),
        (WORDS[:-1] + "12", 0xFFF0),
        (WORDS[:-1] + "16", 0xFFFF),
        (BYTES[:-1] + "12", 255),
    ],
)
def test_the_upper_rail_is_where_the_converter_ends(reply, high):
    preamble = parse_preamble(reply, 0)
    assert (preamble.low, preamble.high) == (0, high)


@given(st.integers(9, 16), st.integers(0, 255))
def test_bits_that_were_cut_off_of_a_byte_are_made_up_for_on_average(bits, code):
    whole = parse_preamble(WORDS[:-1] + str(bits), 2).scale
    step = 1 << (16 - bits)
    values = [whole.gain * word + whole.offset for word in range(code << 8, (code + 1) << 8, step)]
    cut = parse_preamble(BYTES[:-1] + str(bits), 1).scale
    assert cut.gain * code + cut.offset == pytest.approx(np.mean(values), abs=2e-3 * cut.gain)


@pytest.mark.parametrize(
    ("reply", "tells"),
    [
        ("", "expected 7 fields"),
        (BYTES + ";1", "got 8"),
        (BYTES.replace("UINT,8", "REAL,32"), "expected codes"),
        (BYTES.replace("UINT,8", "UINT,32"), "expected codes"),
        (BYTES.replace("LSBF", "?"), "expected codes"),
        (BYTES.replace("5000,1", "5000,2"), "switch envelope and peak detection off"),
        (BYTES.replace(",5000,1", ""), "expected a header"),
        (BYTES.replace("5000,1", "x,1"), "expected a number"),
        (BYTES.replace("2.000000023E-10", "0"), "increments above 0"),
        (BYTES.replace("1.999999949E-4", "9.9E37"), "finite"),
        (BYTES.replace("-2.549999943E-2", "nan"), "expected a number"),
        (BYTES[:-1] + "7", "resolution"),
    ],
)
def test_a_hostile_preamble_is_refused(reply, tells):
    with pytest.raises(ValueError, match=tells):
        parse_preamble(reply, 1)


def converse(exchange, act, code_format="BYTE"):
    """Talk without a set-up."""
    with ScriptedInstrument(exchange) as scope, VisaLink(scope.visa, 0.3) as link:
        return act(Conversation(link, ROHDE_SCHWARZ, RTB, code_format=code_format, timeout_s=0.3))


@pytest.mark.parametrize("digits", [4, 5, 9])
def test_a_block_length_has_as_many_digits_as_it_needs(digits):
    data = bytes(range(256)) * 20
    exchange = [
        (asked(1), BYTES.replace("5000,1", "5120,1")),
        ("CHANnel1:DATA?", b"#%d%0*d" % (digits, digits, len(data)) + data + b"\n"),
    ]
    codes = converse(exchange, lambda talk: talk.samples(1, talk.preamble(1)))
    assert codes.tobytes() == data


def test_a_block_of_another_length_than_the_header_says_is_refused():
    exchange = [(asked(1), BYTES), ("CHANnel1:DATA?", block(bytes(4999)))]
    with pytest.raises(ProtocolError, match="expected 5000 samples, got 4999"):
        converse(exchange, lambda talk: talk.samples(1, talk.preamble(1)))


def test_a_scope_without_a_record_is_named():
    exchange = [(asked(1), BYTES.replace("5000,1", "0,1"))]
    with pytest.raises(ProtocolError, match="has not acquired any"):
        converse(exchange, lambda talk: talk.samples(1, talk.preamble(1)))


@pytest.mark.parametrize(
    "identity",
    [
        RTB,
        "Rohde&Schwarz,RTB2002,1333.1005k02/101489,01.300",
        "Rohde&Schwarz,RTM3004,1335.8794k04/100501,01.550",
        "ROHDE & SCHWARZ,RTA4004,1335.7700k04/100001,01.700",
    ],
)
def test_models_are_known_by_their_identity(identity):
    assert spoken_by(identity) is ROHDE_SCHWARZ


@pytest.mark.parametrize(
    "identity",
    [
        "Rohde&Schwarz,RTM2032,1316.1000k14/200153,05.502",  # has no state to ask for
        "Rohde&Schwarz,RTO,1316.1000k14/200153,1.30.0.25",
        "Rohde&Schwarz,MXO44,1335.5050k04/100001,1.3.1.0",
        "Rohde&Schwarz,NGE103B,5601.3800k03/100001,1.54",
        "",
    ],
)
def test_other_instruments_are_not(identity):
    assert spoken_by(identity) is None


@pytest.mark.parametrize(
    ("word", "done"),
    [("COMP", True), ("RUN", False), ("STOP", False), ("BRE", False)],
)
def test_only_a_complete_record_is_done(word, done):
    assert ROHDE_SCHWARZ.is_done(word) is done


def test_how_a_scope_is_set_is_told():
    exchange = [*HELLO, *state(1, "V"), *state(2, "A", shown="0")]
    exchange += [("CHANnel3:STATe?", None), ("SYSTem:ERRor?", '-113,"Undefined header"')]
    exchange += [("TIMebase:SCALe?", "5.000000075E-2"), ("ACQuire:SRATe?", "1.666666700E4")]
    with ScriptedInstrument(exchange) as scope:
        panel = inspect(scope.visa, timeout_s=0.3)
    first, second = panel.inputs
    assert (first.unit, first.coupling, first.probe_factor) == ("V", "DC", 10.0)
    assert (first.range, first.offset) == (40.0, 53.0)  # a division below the offset's line
    assert (second.unit, second.shown) == ("A", False)
    assert panel.dialect == "rohde-schwarz"
    assert panel.record_s == pytest.approx(0.6)


def test_a_contradiction_of_units_is_refused_with_the_command_that_helps():
    with pytest.raises(InstrumentError, match="PROBe1:SETup:ATTenuation:UNIT V"):
        talk([*HELLO, *state(1, "A")], lambda d: d.connect())
