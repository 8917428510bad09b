"""What is said to a LeCroy, as its manual prints it, and what is made of the answers."""

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
from monitor.sources.dialects.lecroy import LECROY, parse_descriptor
from monitor.sources.driver import Driver
from monitor.sources.inspect import inspect
from monitor.sources.visa import VisaLink

HDO = "LECROY,HDO4104A,LCRY3814N60042,9.2.0"
# 1.25 mV a code of a word about 24 V, 31 January 2026 at 23:59:59.5.
TOLD = {
    "comm_type": 1,
    "comm_order": 1,
    "n_points": 10_002,
    "gain": 1.25e-3,
    "offset": -24.0,
    "max_value": 25_600.0,
    "bits": 12,
    "interval": 5e-5,
    "horizontal_offset": -0.25,
    "second": 59.5,
    "minute": 59,
    "hour": 23,
    "day": 31,
    "month": 1,
    "year": 2026,
    "probe": 10.0,
}
RECORD_S = 10_002 * 5e-5


def block(name, data):
    """A block as a LeCroy sends it with headers off."""
    return f"{name},\n".encode() + b"#9%09d" % len(data) + data + b"\n"


def command(*lines):
    return [*((line, None) for line in lines), ("*ESR?", "0")]


def desc(number, *, unit="V", order="<", **changes):
    told = TOLD | {"source": number - 1} | changes
    return (f"C{number}:WF? DESC", block("DESC", descriptor(order, unit=unit.encode(), **told)))


def state(number, unit, *, shown="ON"):
    told = [desc(number, unit=unit)] if shown == "ON" else []
    return [
        (f"C{number}:TRA?", shown),
        *told,
        (f"C{number}:ATTN?", "10"),
        (f"C{number}:CPL?", "D1M"),
        (f"C{number}:VDIV?", "5"),
        (f"C{number}:OFST?", "-24"),
    ]


def hello(form="WORD", identity=HDO):
    """The first reply has its header yet."""
    first = [("*IDN?", f"*IDN {identity}"), ("*CLS", None), ("CHDR OFF", None)]
    return [*first, (f"CFMT DEF9,{form},BIN", None), ("CORD LO", None)]


def set_up():
    return [
        *command("TRMD STOP"),
        *command("SEQ OFF"),
        *command("WFSU SP,0,NP,0,FP,0,SN,0"),
        *command("TDIV 0.05"),
        ("TDIV?", "50E-3"),
        *command("MSIZ 10K"),
    ]


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


def record(codes=(0,), **changes):
    data = np.resize(np.array(codes, "<i2"), 10_002).tobytes()
    armed = [("*CLS", None), ("TRMD SINGLE", None), ("FRTR", None), ("INR?", "0")]
    armed += [("INR?", "8192"), ("INR?", "1")]
    units = ("V", "A")
    return armed + [
        line
        for n in (1, 2)
        for line in [
            desc(n, unit=units[n - 1], **changes),
            (f"C{n}:WF? DAT1", block("DAT1", data)),
        ]
    ]


def records_at(*seconds):
    """Records whose trigger was so many seconds after the first."""
    return [line for s in seconds for line in record(second=s)]


def test_a_scope_is_set_up_and_read_in_words_and_its_clock_is_believed():
    exchange = [*hello(), *INPUTS, *set_up(), *records_at(10.0, 10.6, 11.2, 11.8), ("*ESR?", "0")]
    exchange += record([-32768, 0, 16, 32752], second=0.0, minute=0, hour=0, day=1, month=2)
    setup, taken, later = talk(exchange, lambda d: (d.connect(), d.acquire(), d.acquire()))
    assert (setup.identity, setup.sample_rate_hz, setup.dtype) == (HDO, 20_000.0, "int16")
    assert setup.notes["record times"] == "instrument"
    assert not setup.is_continuous
    # The last before midnight, and one that begins a month.
    assert later.tag_s - taken.tag_s == pytest.approx(60.0 - 11.8, abs=1e-6)
    scale = later.scales[1]
    assert (scale.gain, scale.offset) == (1.25e-3, 24.0)
    assert later.codes[1, :4].tolist() == [-32768, 0, 16, 32752]
    assert later.clipped == ((5001, 5001),)


def test_a_record_that_begins_where_the_last_ended_has_no_gap():
    times = [10.0 + n * RECORD_S for n in range(4)]
    exchange = [*hello(), *INPUTS, *set_up(), *records_at(*times), ("*ESR?", "0")]
    assert talk(exchange, lambda d: d.connect()).is_continuous


def test_a_clock_that_stands_still_is_not_believed():
    exchange = [*hello(), *INPUTS, *set_up(), *records_at(*(4 * [10.0])), ("*ESR?", "0")]
    exchange += records_at(10.0)
    setup, first, second = talk(exchange, lambda d: (d.connect(), d.acquire(), d.acquire()))
    assert setup.notes["record times"] == "host"
    assert (first.tag_s, second.tag_s) == (None, None)


def test_without_a_date_the_host_tells_the_time():
    assert parse_descriptor(descriptor(**TOLD | {"year": 0}), 2).tag_s is None
    assert parse_descriptor(descriptor(**TOLD | {"month": 13}), 2).tag_s is None
    assert parse_descriptor(descriptor(**TOLD | {"second": -1.0}), 2).tag_s is None
    assert parse_descriptor(descriptor(**TOLD | {"second": 60.5}), 2).tag_s is not None


def test_the_first_sample_comes_before_the_trigger():
    at_trigger = parse_descriptor(descriptor(**TOLD | {"horizontal_offset": 0.0}), 2).tag_s
    assert at_trigger - parse_descriptor(descriptor(**TOLD), 2).tag_s == pytest.approx(0.25)


def converse(exchange, act, code_format="WORD"):
    """Talk without a set-up."""
    with ScriptedInstrument(exchange) as scope, VisaLink(scope.visa, 0.3) as link:
        return act(Conversation(link, LECROY, HDO, code_format=code_format, timeout_s=0.3))


@pytest.mark.parametrize(
    "before", [b"DAT1,\n", b"DAT1,", b"C1:WF DAT1,", b"C1:WAVEFORM DAT1,", b""]
)
def test_what_stands_before_a_block_is_dropped(before):
    data = np.arange(10_002).astype("<i2")
    reply = before + b"#9%09d" % data.nbytes + data.tobytes() + b"\n"
    exchange = [desc(1), ("C1:WF? DAT1", reply), ("INR?", "1")]

    def act(talk):
        codes = talk.samples(1, talk.preamble(1))
        assert talk.ask("INR?", LECROY.is_done)
        return codes

    np.testing.assert_array_equal(converse(exchange, act), data)


def test_a_descriptor_of_another_input_or_width_is_refused():
    with pytest.raises(ProtocolError, match="input 2, got one of input 1"):
        converse([desc(2, source=0)], lambda talk: talk.preamble(2))
    with pytest.raises(ProtocolError, match="codes of 2 bytes, got i1"):
        converse([desc(1, comm_type=0)], lambda talk: talk.preamble(1))


def test_a_scope_that_has_not_acquired_has_no_samples():
    with pytest.raises(ProtocolError, match="expected 1 sample or more"):
        converse([desc(1, n_points=0)], lambda talk: talk.samples(1, talk.preamble(1)))


@pytest.mark.parametrize(("order", "told", "dtype"), [("<", 1, "<i2"), (">", 0, ">i2")])
def test_a_descriptor_has_the_byte_order_of_the_data(order, told, dtype):
    found = parse_descriptor(descriptor(order, unit=b"A", **TOLD | {"comm_order": told}), 2)
    assert (found.dtype, found.n_points, found.x_increment_s) == (dtype, 10_002, 5e-5)
    assert (found.input, found.unit, found.scale.gain) == (1, "A", 1.25e-3)


def test_a_source_that_is_no_input_is_not_judged():
    assert parse_descriptor(descriptor(**TOLD | {"source": 9}), 2).input is None


@given(
    st.integers(-32768, 32767),
    st.floats(1e-9, 10.0),
    st.floats(-1e3, 1e3),
)
def test_the_scale_is_the_manuals_formula(code, gain, offset):
    scale = parse_descriptor(descriptor(**TOLD | {"gain": gain, "offset": offset}), 2).scale
    expected = gain * code - offset
    assert scale.gain * code + scale.offset == pytest.approx(
        expected, abs=1e-6 * (32768 * gain + abs(offset))
    )


@pytest.mark.parametrize(
    ("width", "bits", "codes"),
    [
        (1, 8, [-128, -127, 126, 127]),
        (2, 8, [-32768, -32767, 32511, 32512]),
        (2, 12, [-32768, -32752, 32736, 32752]),
        (1, 12, [-128, -127, 126, 127]),
    ],
)
def test_codes_at_the_rails_are_clipped(width, bits, codes):
    found = parse_descriptor(descriptor(**TOLD | {"bits": bits, "comm_type": width - 1}), width)
    assert n_clipped(np.array(codes, f"i{width}"), found) == 2


@pytest.mark.parametrize(
    ("changes", "tells"),
    [
        ({"magic": b"wavedesc"}, "begin with b'WAVEDESC'"),
        ({"size": 36}, "got 36"),
        ({"comm_type": 7}, "COMM_TYPE"),
        ({"n_points": -5}, "points from 0"),
        ({"gain": -1.0}, "gain above 0"),
        ({"gain": math.inf}, "finite number"),
        ({"interval": -1.0}, "interval"),
        ({"bits": 1}, "8 to 16 bits"),
    ],
)
def test_a_hostile_descriptor_is_refused(changes, tells):
    with pytest.raises(ValueError, match=tells):
        parse_descriptor(descriptor(**TOLD | changes), 2)


@pytest.mark.parametrize(
    "identity",
    [
        HDO,
        "LECROY,WS3054Z,LCRY3201N12345,8.5.1",
        "LECROY,WAVERUNNER8404M-MS,LCRY4751N40408,8.5.1",
        "LECROY,WAVESURFER4104HD,LCRY1,9.9.0",
        "LECROY,WP804HD,LCRY5000N12345,10.1.0",
        "LECROY,MDA810A,LCRY3508N45678,8.5",
        "*IDN LECROY,WR8254M,LCRY1,8.4.0".removeprefix("*IDN "),
    ],
)
def test_models_are_known_by_their_identity(identity):
    assert spoken_by(identity).id == "lecroy"


@pytest.mark.parametrize(
    ("identity", "dialect"),
    [
        ("LECROY,T3DSO1104,T0102C18350001,8.1.6", "siglent-legacy"),
        ("LECROY,T3DSO2104A,T1,1.3", "siglent"),
        ("LECROY,T3DSO3204,T1,1.3", "siglent"),
        ("LECROY,T3AFG40,T1,1.3", None),
    ],
)
def test_what_others_made_for_lecroy_speaks_as_they_do(identity, dialect):
    row = spoken_by(identity)
    assert (row and row.id) == dialect


@pytest.mark.parametrize(
    ("reply", "done"), [("0", False), ("8192", False), ("1", True), ("8193", True)]
)
def test_a_new_signal_is_told_by_a_bit(reply, done):
    assert LECROY.is_done(reply) is done


def test_how_a_scope_is_set_is_told():
    exchange = [*hello(), *state(1, "V"), *state(2, "A", shown="OFF"), ("C3:TRA?", None)]
    exchange += [("*ESR?", "32"), ("TDIV?", "20E-3"), (LECROY.rate, "1e+06")]
    with ScriptedInstrument(exchange) as scope:
        panel = inspect(scope.visa, timeout_s=0.3)
    first, second = panel.inputs
    assert (first.unit, first.probe_factor, first.range, first.offset) == ("V", 10.0, 40.0, 24.0)
    assert (second.unit, second.shown) == ("", False)
    assert (panel.dialect, panel.record_s, panel.sample_rate_hz) == ("lecroy", 0.2, 1e6)


def test_a_command_that_is_refused_is_told_and_the_power_on_bit_is_none():
    exchange = [*hello(), *INPUTS, ("TRMD STOP", None), ("*ESR?", "128")]
    exchange += [("SEQ OFF", None), ("*ESR?", "16")]
    with pytest.raises(InstrumentError, match="'SEQ OFF': 16"):
        talk(exchange, lambda d: d.connect())


def test_a_wrong_unit_and_a_wrong_factor_are_refused_with_what_helps():
    with pytest.raises(InstrumentError, match="in the menu of C1, Units: V"):
        talk([*hello(), *state(1, "A")], lambda d: d.connect())
    inputs = (
        InputSettings(input=1, quantity=Quantity.VOLTAGE, probe_factor=100.0),
        InputSettings(input=2, quantity=Quantity.CURRENT),
    )
    with pytest.raises(InstrumentError, match="C1:ATTN 100"):
        talk([*hello(), *state(1, "V")], lambda d: d.connect(), inputs=inputs)


def test_bytes_are_asked_for_before_the_first_descriptor():
    exchange = [
        *hello("BYTE"),
        ("C1:TRA?", "ON"),
        desc(1, comm_type=0, unit="A"),
        *state(1, "A")[2:],
    ]
    with pytest.raises(InstrumentError, match="should report V"):
        talk(exchange, lambda d: d.connect(), format="BYTE")
