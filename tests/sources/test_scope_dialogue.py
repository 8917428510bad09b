"""What is said to an InfiniiVision, word for word, and what is made of its answers."""

import itertools
import time

import numpy as np
import pytest
from sources.scripted import ScriptedInstrument, block

from monitor.config import InputSettings, InstrumentSettings
from monitor.errors import ConnectionLostError, InstrumentError, ProtocolError
from monitor.model import Quantity, Scale, Supply
from monitor.sources.acquisition import DroppedRecord, StoppedError
from monitor.sources.driver import Driver

IDN = "KEYSIGHT TECHNOLOGIES,DSO-X 3024T,MY1,07.50"
OK = '+0,"No error"'
UNDEFINED = '-113,"Undefined header"'


def command(text):
    """A command that is accepted."""
    return [(text, None), (":SYSTem:ERRor?", OK)]


def state(number, units, *, shown="1", factor="+1.0E+00", coupling="DC"):
    """What a scope says of an input."""
    return [
        (f":CHANnel{number}:DISPlay?", shown),
        (f":CHANnel{number}:UNITs?", units),
        (f":CHANnel{number}:PROBe?", factor),
        (f":CHANnel{number}:COUPling?", coupling),
        (f":CHANnel{number}:RANGe?", "+4.0E+01"),
        (f":CHANnel{number}:OFFSet?", "+0"),
    ]


HELLO = [("*IDN?", IDN), ("*CLS", None)]
INPUTS = [*state(1, "VOLT", factor="+1.0E+01"), *state(2, "AMP")]
MODES = [
    *command(":TIMebase:MODE MAIN"),
    *command(":ACQuire:TYPE NORMal"),
    *command(":TRIGger:SWEep AUTO"),
    *command(":WAVeform:FORMat BYTE"),
    *command(":WAVeform:UNSigned ON"),
    *command(":WAVeform:BYTeorder LSBFirst"),
    *command(":WAVeform:POINts:MODE RAW"),
]
RANGE = (":TIMebase:RANGe?", "+4.0E-03")
SET_UP = [
    *MODES,
    *command(":TIMebase:RANGe 0.004"),
    RANGE,
    *command(":WAVeform:POINts 4"),
]
ARM = (":SINGle;:OPERegister:CONDition?", "+0")


def preamble(number, n=4, x="+1.0E-03", kind="+0"):
    reply = f"{kind},+0,{n:+d},+1,{x},+0,+0,+5.0E-01,+2.0E+00,+128"
    return (f":WAVeform:SOURce CHANnel{number};:WAVeform:PREamble?", reply)


def data(codes):
    return (":WAVeform:DATA?", block(bytes(codes)))


def record(first=(10, 20, 30, 40), second=(50, 60, 70, 80)):
    return [ARM, preamble(1), data(first), preamble(2), data(second)]


FIRST = [
    *record(),
    (":WAVeform:SEGMented:TTAG?", None),  # a scope without time tags does not answer
    ("*CLS", None),
    *record(),
    (":SYSTem:ERRor?", OK),
]
UP = [*HELLO, *INPUTS, *SET_UP, *FIRST]


SETTINGS = {"format": "BYTE", "record_s": 0.004, "sample_rate_hz": 1000.0, "timeout_s": 0.2}


def driver(scope, *, now_ns=time.monotonic_ns, wait=lambda seconds: False, share=0.0, **changes):
    settings = InstrumentSettings(address=scope.visa, **SETTINGS | changes)
    return Driver(settings, now_ns, wait, delay=lambda: share)


def talk(exchange, act=lambda d: d.connect(), **changes):
    with ScriptedInstrument(exchange) as scope:
        speaker = driver(scope, **changes)
        try:
            return act(speaker)
        finally:
            speaker.close()


def test_a_scope_is_set_up_and_its_first_record_read():
    def act(speaker):
        return speaker.connect(), speaker.acquire(), speaker.acquire()

    setup, first, second = talk([*UP, *record((0, 1, 2, 255), (1, 2, 3, 4))], act)
    assert (setup.identity, setup.sample_rate_hz, setup.dtype) == (IDN, 1000.0, "uint8")
    assert not setup.is_continuous
    assert setup.notes["record times"] == "host"
    assert first.codes.tolist() == [[10, 20, 30, 40], [50, 60, 70, 80]]
    assert first.scales == (Scale(0.5, 2.0 - 64.0),) * 2
    assert (first.pieces, first.clipped, first.tag_s) == (((0, 4),), ((0, 0),), None)
    assert second.pieces == ((1, 4),)  # code 0 is a hole
    assert second.clipped == ((2, 0),)


def test_words_are_asked_for_low_byte_first():
    word = [(sent.replace("BYTE", "WORD"), came) for sent, came in SET_UP]
    codes = np.array([1, 2, 300, 65535], "<u2").tobytes()
    words = [ARM, preamble(1, kind="+1"), data(codes), preamble(2, kind="+1"), data(codes)]
    exchange = [*HELLO, *INPUTS, *word, *words, (":WAVeform:SEGMented:TTAG?", "+9.9E+37")]
    exchange += [*words, (":SYSTem:ERRor?", OK)]
    setup, first = talk(exchange, lambda d: (d.connect(), d.acquire()), format="WORD")
    assert setup.dtype == "uint16"
    assert first.codes.dtype == np.uint16
    assert first.codes[0].tolist() == [1, 2, 300, 65535]
    assert first.clipped == ((2, 2),)


def tagged(tag):
    """A record of a scope with time tags, that is found running once."""
    return [
        (":SINGle;:OPERegister:CONDition?", "+8"),
        (":OPERegister:CONDition?", "+0"),
        (":WAVeform:SEGMented:TTAG?", tag),
        *record()[1:],
    ]


@pytest.mark.parametrize(
    ("second", "continuous", "times"),
    [("+7.004", True, "instrument"), ("+7.05", False, "instrument"), ("+7.0", False, "host")],
)
def test_time_tags_are_believed_if_they_move(second, continuous, times):
    exchange = [*HELLO, *INPUTS, *SET_UP, *record(), (":WAVeform:SEGMented:TTAG?", "+6.9")]
    exchange += [*tagged("+7.0"), *tagged(second)]
    exchange += record() if times == "host" else tagged("+8.0")
    setup, first = talk([*exchange, (":SYSTem:ERRor?", OK)], lambda d: (d.connect(), d.acquire()))
    assert setup.is_continuous is continuous
    assert setup.notes["record times"] == times
    assert first.tag_s == (None if times == "host" else 8.0)


def test_the_bare_zero_of_a_preamble_is_asked_again():
    query, _ = preamble(1)
    exchange = [*UP, ARM, (query, "+0"), *record()[1:]]
    later = talk(exchange, lambda d: (d.connect(), d.acquire(), d.acquire()))[-1]
    assert later.codes.shape == (2, 4)


@pytest.mark.parametrize(
    ("odd", "tells"),
    [
        ([preamble(1, x="+2.0E-03")], "input 1 gave 4 samples every 0.002 s, expected 4 every"),
        ([preamble(1), data(range(4)), preamble(2, n=5)], "input 2 gave 5 samples .* expected 4"),
        (
            [preamble(1), data((9, 0, 9, 0)), preamble(2), data((0, 9, 0, 9))],
            "its holes leave 0 pieces",
        ),
    ],
)
def test_a_record_that_does_not_fit_is_dropped_with_a_reason(odd, tells):
    later = talk([*UP, ARM, *odd], lambda d: (d.connect(), d.acquire(), d.acquire()))[-1]
    assert isinstance(later, DroppedRecord)
    with pytest.raises(AssertionError, match=tells):
        raise AssertionError(later.reason)


@pytest.mark.parametrize(
    ("odd", "error", "tells"),
    [
        ([(ARM[0], "what?")], ProtocolError, "what\\?"),
        ([(ARM[0], "inf")], ProtocolError, "inf"),
        ([(ARM[0], "")], ProtocolError, "''"),
        ([(ARM[0], None)], ConnectionLostError, "no answer in time"),
        ([ARM, (preamble(1)[0], "+0"), (preamble(1)[0], "+0")], ProtocolError, "got none twice"),
        ([ARM, (preamble(1)[0], "1,2,3")], ProtocolError, "expected 10 fields"),
        ([ARM, preamble(1, kind="+1")], ProtocolError, "codes of 1 bytes, got <u2"),
        ([ARM, preamble(1), data(range(5))], ProtocolError, "expected 4 samples, got 5"),
        ([ARM, preamble(1), (":WAVeform:DATA?", b"#80")], ConnectionLostError, "block length"),
    ],
)
def test_an_answer_out_of_order_ends_the_connection(odd, error, tells):
    def act(speaker):
        speaker.connect()
        speaker.acquire()
        with pytest.raises(error, match=tells):
            speaker.acquire()

    talk([*UP, *odd], act)


def test_a_scope_that_never_finishes_a_record_is_given_up():
    now_ns = [0]

    def wait(seconds):
        now_ns[0] += round(seconds * 1e9)
        return False

    polls = [(":OPERegister:CONDition?", "+8")] * 208  # 2 * 4 ms + 200 ms, one a millisecond
    with ScriptedInstrument([*UP, (ARM[0], "+8"), *polls]) as scope:
        speaker = driver(scope, now_ns=lambda: now_ns[0], wait=wait)
        try:
            speaker.connect()
            speaker.acquire()
            with pytest.raises(ConnectionLostError, match="somebody may be using the scope"):
                speaker.acquire()
        finally:
            speaker.close()


def test_leaving_ends_the_wait_for_a_record():
    flag = []

    def act(speaker):
        speaker.connect()
        speaker.acquire()
        flag.append(True)
        with pytest.raises(StoppedError):
            speaker.acquire()

    talk(UP, act, wait=lambda seconds: bool(flag))


@pytest.mark.parametrize(
    ("look_ms", "expected_s"),
    [
        (0, 0.0),  # each record follows the one before: a wait would open a gap
        (10, 0.0004),  # far more dead time than a tenth of a record
    ],
)
def test_the_wait_before_an_arming_is_not_longer_than_the_dead_time(look_ms, expected_s):
    looks, waits_s = itertools.count(0, look_ms * 1_000_000), []

    def wait(seconds):
        waits_s.append(seconds)
        return False

    def act(speaker):
        speaker.connect()
        speaker.acquire()
        before = []
        for _ in range(2):
            waits_s.clear()
            speaker.acquire()
            before.append(waits_s[0])
        return before

    exchange = [*UP, *record(), *record()]
    before = talk(exchange, act, now_ns=lambda: next(looks), wait=wait, share=1.0)
    # The set-up asks much between its records, which is no dead time.
    assert before == pytest.approx([0.0, expected_s])


def test_another_instrument_is_told_by_its_name():
    with pytest.raises(InstrumentError, match=r"is 'RIGOL,DS1'; expected a .*, Keysight .* or Tek"):
        talk([("*IDN?", "RIGOL,DS1")])


def test_an_input_that_is_off_is_named_with_the_command_that_helps():
    with pytest.raises(InstrumentError, match=r"input 1 is switched off.*:CHANnel1:DISPlay ON"):
        talk([*HELLO, *state(1, "VOLT", shown="0")])


def test_an_input_that_does_not_exist_is_named():
    exchange = [*HELLO, (":CHANnel9:DISPlay?", None), (":SYSTem:ERRor?", UNDEFINED)]
    inputs = (InputSettings(input=9, quantity=Quantity.VOLTAGE),)
    with pytest.raises(InstrumentError, match=r"input 9 does not exist.*Undefined header"):
        talk(exchange, inputs=inputs)


def test_silence_without_an_error_is_no_missing_input():
    exchange = [*HELLO, (":CHANnel1:DISPlay?", None), (":SYSTem:ERRor?", OK)]
    with pytest.raises(ConnectionLostError, match="no answer in time"):
        talk(exchange)


def test_an_answer_that_comes_late_is_no_error_that_the_scope_tells():
    exchange = [*HELLO, (":CHANnel1:DISPlay?", None), (":SYSTem:ERRor?", "1")]
    with pytest.raises(ConnectionLostError, match="no answer in time"):
        talk(exchange)


@pytest.mark.parametrize(
    ("quantity", "reports", "scope", "fixes"),
    [
        (
            Quantity.CURRENT,
            "unit",
            "VOLT",
            [":CHANnel1:UNITs AMP", 'reports = "volts"', "ratio in ampere per volt"],
        ),
        (
            Quantity.CURRENT,
            "volts",
            "AMP",
            [":CHANnel1:UNITs VOLT", 'reports = "unit" and no ratio'],
        ),
        (
            Quantity.VOLTAGE,
            "unit",
            "AMP",
            [":CHANnel1:UNITs VOLT", "which input the voltage is on"],
        ),
        (Quantity.VOLTAGE, "volts", "AMP", [":CHANnel1:UNITs VOLT"]),
    ],
)
def test_a_contradiction_of_units_is_refused_with_both_ways_out(quantity, reports, scope, fixes):
    exchange = [*HELLO, *state(1, scope)]
    inputs = (InputSettings(input=1, quantity=quantity, reports=reports),)
    with pytest.raises(InstrumentError) as caught:
        talk(exchange, inputs=inputs)
    assert not isinstance(caught.value, (ConnectionLostError, ProtocolError))
    assert f"but it reports {scope}" in str(caught.value)
    assert all(fix in str(caught.value) for fix in fixes)


def contradicted(settings, **says):
    """Return how an input is refused that a scope sets otherwise."""
    exchange = [*HELLO, *state(1, "VOLT", **says)]
    with pytest.raises(InstrumentError) as caught:
        talk(exchange, inputs=(InputSettings(input=1, **settings),))
    assert not isinstance(caught.value, (ConnectionLostError, ProtocolError))
    who, _, text = str(caught.value).partition(": ")
    assert who.endswith("SOCKET input 1")
    return text


VOLTS = {"quantity": Quantity.VOLTAGE}
CLAMP = {"quantity": Quantity.CURRENT, "reports": "volts", "ratio": 10.0}


def test_another_probe_factor_is_refused_with_both_ways_out():
    assert contradicted(VOLTS | {"probe_factor": 100.0}, factor="+1.0E+01") == (
        "the settings expect a probe factor of 100, but the scope multiplies by 10; either set the"
        " scope (:CHANnel1:PROBe 100), or correct the settings (probe_factor = 10)"
    )


def test_a_clamp_that_would_be_scaled_twice_is_refused_with_both_ways_out():
    assert contradicted(CLAMP, factor="+1.0E+01") == (
        'reports = "volts" with ratio = 10 expects a probe factor of 1, else the probe would be'
        " scaled twice, but the scope multiplies by 10; either set the scope (:CHANnel1:PROBe 1),"
        " or correct the settings (probe_factor = 10 if the scope's factor is that of a part"
        ' between the clamp and the input, or reports = "unit" and no ratio if it is the clamp\'s)'
    )


@pytest.mark.parametrize(
    ("coupling", "wanted", "text"),
    [
        (
            "AC",
            "DC",
            "is AC-coupled at the scope, which takes the mean away and makes power wrong; the"
            ' settings say coupling = "DC": set the scope (:CHANnel1:COUPling DC)',
        ),
        (
            "DC",
            "AC",
            'is DC-coupled at the scope, but the settings say coupling = "AC"; power needs DC:'
            ' correct the settings (coupling = "DC")',
        ),
        (
            "GND",
            "DC",
            "is connected to ground at the scope and measures nothing; set the scope"
            " (:CHANnel1:COUPling DC)",
        ),
    ],
)
def test_another_coupling_is_refused_with_the_fix(coupling, wanted, text):
    exchange = [*HELLO, *state(1, "VOLT", coupling=coupling)]
    inputs = (InputSettings(input=1, coupling=wanted, **VOLTS),)
    with pytest.raises(InstrumentError) as caught:
        talk(exchange, inputs=inputs)
    assert str(caught.value).endswith(f"SOCKET input 1 {text}")


SHORT = (
    "takes records of 0.004 s, in which no whole line cycle need lie: {}set record_s = 0.04 or"
    " more (two cycles of 50 Hz){}"
)


def test_a_record_too_short_for_mains_is_refused_with_the_fix():
    with pytest.raises(InstrumentError) as caught:
        talk(UP, supply=Supply.MAINS)
    assert str(caught.value).endswith(SHORT.format("", ', or supply = "dc" if it is not mains'))


@pytest.mark.parametrize(
    ("supply", "warning"),
    [
        (
            Supply.AUTO,
            SHORT.format("if the supply is mains, ", '; if it is not, set supply = "dc"'),
        ),
        (Supply.DC, ""),
    ],
)
def test_a_record_too_short_for_what_may_be_mains_is_warned_of(supply, warning):
    assert talk(UP, supply=supply).warning.partition("SOCKET ")[2] == warning


def test_a_power_input_is_refused_by_a_scope():
    exchange = [*HELLO, *state(1, "VOLT")]
    inputs = (InputSettings(input=1, quantity=Quantity.POWER),)
    with pytest.raises(InstrumentError, match="cannot report power"):
        talk(exchange, inputs=inputs)


def test_a_setting_that_the_scope_refuses_is_named():
    refusal = [(":TIMebase:MODE MAIN", None), (":SYSTem:ERRor?", '-222,"Data out of range"')]
    with pytest.raises(InstrumentError, match="refused ':TIMebase:MODE MAIN': -222"):
        talk([*HELLO, *INPUTS, *refusal])


def test_what_is_not_set_is_left_to_the_scope():
    exchange = [*HELLO, *INPUTS, *MODES, RANGE, *FIRST]
    setup = talk(exchange, record_s=None, sample_rate_hz=None)
    assert setup.notes["rate asked for"] == "the instrument's own"
