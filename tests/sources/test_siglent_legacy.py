"""What is said to an older Siglent, as its guide prints it, and what is made of the answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.scripted import ScriptedInstrument, TickingClock

from monitor.config import InstrumentSettings
from monitor.errors import InstrumentError, ProtocolError
from monitor.sources.codes import n_clipped
from monitor.sources.conversation import Conversation
from monitor.sources.dialects import spoken_by
from monitor.sources.dialects.siglent_legacy import SIGLENT_LEGACY, parse_preamble
from monitor.sources.driver import Driver
from monitor.sources.inspect import inspect
from monitor.sources.visa import VisaLink

SDS1104XE = "Siglent Technologies,SDS1104X-E,SDSMMEBC3R5222,8.2.6.1.37R9"
# From the guide: code 2 at 0.5 V a division and an offset of -0.5 V is 0.54 V.
GUIDE = "5.00E-01;-5.00E-01;1.00GSa/s;7Mpts"


def block(data, before=b"ALL,"):
    """A block as these send it: a name, nine digits of length, two line feeds at the end."""
    return before + b"#9%09d" % len(data) + data + b"\n\n"


def command(*lines):
    return [*((line, None) for line in lines), ("*OPC?", "1")]


def state(number, unit, *, shown="ON"):
    return [
        (f"C{number}:TRA?", shown),
        (f"C{number}:UNIT?", unit),
        (f"C{number}:ATTN?", "10"),
        (f"C{number}:CPL?", "D1M"),
        (f"C{number}:VDIV?", "5.00E+00"),
        (f"C{number}:OFST?", "-2.40E+01"),
    ]


def set_up():
    return [
        *command("ACQW SAMPLING"),
        *command("WFSU SP,0,NP,0,FP,0"),
        *command("TDIV 0.05S"),
        ("TDIV?", "5.00E-02"),
        *command("TRMD AUTO", "MSIZ 70K"),
    ]


def preamble(number, *, rate="100kSa/s", n_points="70kpts", vdiv="5.00E+00"):
    return [
        (f"C{number}:VDIV?", vdiv),
        (f"C{number}:OFST?", "-2.40E+01"),
        ("SARA?", rate),
        (f"SANU? C{number}", n_points),
    ]


def record(codes=(0,), *, vdivs=("5.00E+00", "5.00E+00")):
    data = np.resize(np.array(codes, np.int8), 70_000).tobytes()
    armed = [("TRMD SINGLE", None), ("FRTR", None), ("SAST?", "Ready")]
    armed += [("SAST?", "Trig'd"), ("SAST?", "Stop")]
    return armed + [
        line
        for n in (1, 2)
        for line in [*preamble(n, vdiv=vdivs[n - 1]), (f"C{n}:WF? DAT2", block(data))]
    ]


HELLO = [("*IDN?", f"*IDN {SDS1104XE}"), ("CHDR OFF", None)]
INPUTS = [*state(1, "V"), *state(2, "A")]
SETTINGS = {"record_s": 0.5, "sample_rate_hz": 20_000.0, "timeout_s": 0.3, "format": "WORD"}


def talk(exchange, act, **changes):
    with ScriptedInstrument(exchange) as scope:
        settings = InstrumentSettings(address=scope.visa, **SETTINGS | changes)
        clock = TickingClock()
        driver = Driver(settings, clock.now_ns, clock.wait, lambda: 0.0)
        try:
            return act(driver)
        finally:
            driver.close()


def test_a_scope_is_set_up_and_read_in_bytes_though_words_were_asked_for():
    exchange = [*HELLO, *INPUTS, *set_up(), *record(), *record([-128, 0, 1, 127]), ("*OPC?", "1")]
    setup, taken = talk(exchange, lambda d: (d.connect(), d.acquire()))
    assert (setup.identity, setup.sample_rate_hz, setup.dtype) == (SDS1104XE, 1e5, "int8")
    assert setup.notes["format"] == "BYTE"
    scale = taken.scales[0]
    assert scale.gain * 25 + scale.offset == pytest.approx(29.0)
    assert taken.codes[1, :4].tolist() == [-128, 0, 1, 127]
    assert taken.clipped == ((35_000, 35_000),)


def test_a_record_during_which_a_knob_was_turned_is_dropped():
    turned = ("5.00E+00", "1.00E+01")
    exchange = [*HELLO, *INPUTS, *set_up(), *record(), *record(), ("*OPC?", "1")]
    exchange += [*record(vdivs=turned), *record(vdivs=turned)]
    _, first, dropped, later = talk(
        exchange, lambda d: (d.connect(), d.acquire(), d.acquire(), d.acquire())
    )
    assert "scale of an input was changed" in dropped.reason
    assert [scale.gain for scale in first.scales] == [0.2, 0.2]
    assert [scale.gain for scale in later.scales] == [0.2, 0.4]


def converse(exchange, act):
    """Talk without a set-up."""
    with ScriptedInstrument(exchange) as scope, VisaLink(scope.visa, 0.3) as link:
        row = SIGLENT_LEGACY
        return act(Conversation(link, row, SDS1104XE, code_format="BYTE", timeout_s=0.3))


@pytest.mark.parametrize("before", [b"ALL,", b"DAT2,", b"C1:WF ALL,", b"C1:WAVEFORM ALL,", b""])
def test_what_stands_around_a_block_is_dropped(before):
    data = np.arange(-35, 35, dtype=np.int8)  # with line feeds in it
    exchange = [*preamble(1, n_points="70pts"), ("C1:WF? DAT2", block(data.tobytes(), before))]
    exchange += [("SAST?", "Stop"), *preamble(2)]

    def act(talk):
        codes = talk.samples(1, talk.preamble(1))
        assert talk.ask("SAST?", SIGLENT_LEGACY.is_done)
        assert talk.preamble(2).n_points == 70_000
        return codes

    np.testing.assert_array_equal(converse(exchange, act), data)


def test_two_blocks_in_a_row_are_read():
    data = bytes(70)
    exchange = 2 * [*preamble(1, n_points="70pts"), ("C1:WF? DAT2", block(data))]

    def act(talk):
        return [talk.samples(1, talk.preamble(1)).size for _ in range(2)]

    assert converse(exchange, act) == [70, 70]


def test_a_number_of_samples_that_is_not_the_blocks_is_refused():
    exchange = [*preamble(1, n_points="71pts"), ("C1:WF? DAT2", block(bytes(70)))]
    with pytest.raises(ProtocolError, match="expected 71 samples, got 70"):
        converse(exchange, lambda talk: talk.samples(1, talk.preamble(1)))


def test_the_guides_example_is_what_it_says():
    found = parse_preamble(GUIDE, 1)
    assert 2 * found.scale.gain + found.scale.offset == pytest.approx(0.54)
    assert (found.n_points, found.x_increment_s) == (7_000_000, 1e-9)


@given(
    st.integers(-128, 127),
    st.floats(1e-3, 1e3).map(lambda x: float(f"{x:.2E}")),
    st.floats(-1e3, 1e3).map(lambda x: float(f"{x:.2E}")),
)
def test_the_scale_is_the_guides_formula(code, vdiv, offset):
    scale = parse_preamble(f"{vdiv:.2E};{offset:.2E};1.00E+06;7.00E+03", 1).scale
    assert scale.gain * code + scale.offset == pytest.approx(
        code * (vdiv / 25) - offset, abs=1e-9 * (vdiv * 10 + abs(offset))
    )


@pytest.mark.parametrize(
    ("rate", "n_points", "expected"),
    [
        ("1.00GSa/s", "14Mpts", (1e-9, 14_000_000)),
        ("500.0kSa/s", "3.5Mpts", (2e-6, 3_500_000)),
        ("5.00E+05", "7.00E+04pts", (2e-6, 70_000)),
        ("50Sa/s", "700pts", (0.02, 700)),
    ],
)
def test_numbers_have_prefixes_and_units(rate, n_points, expected):
    found = parse_preamble(f"5.00E-01V;-5.00E-01V;{rate};{n_points}", 1)
    assert (pytest.approx(found.x_increment_s), found.n_points) == expected


@pytest.mark.parametrize(
    ("reply", "tells"),
    [
        ("", "VDIV;OFST;SARA;SANU"),
        ("1;2;3", "VDIV;OFST;SARA;SANU"),
        (GUIDE + ";1", "VDIV;OFST;SARA;SANU"),
        ("0;0;1.00GSa/s;7Mpts", "division and a rate above 0"),
        ("1;0;0Sa/s;7Mpts", "division and a rate above 0"),
        ("1;0;1.00GSa/s;0.5pts", "whole points"),
        ("1;0;1.00GSa/s;-7pts", "whole points"),
        ("nan;0;1.00GSa/s;7Mpts", "expected a number"),
        ("1;0;1.00GSa/s;7Furlongs", "expected a unit"),
    ],
)
def test_hostile_replies_are_refused(reply, tells):
    with pytest.raises(ValueError, match=tells):
        parse_preamble(reply, 1)


def test_codes_at_the_rails_are_clipped():
    codes = np.array([-128, -127, 126, 127], np.int8)
    assert n_clipped(codes, parse_preamble(GUIDE, 1)) == 2


@pytest.mark.parametrize(
    "identity",
    [
        SDS1104XE,
        "Siglent Technologies,SDS1202X-E,SDS1ECDQ2R6793,7.6.1.20",
        "Siglent Technologies,SDS1104X-C,SDS1,7.1",
        "Siglent Technologies,SDS2352X-E,SDS2,7.1",
        "Siglent Technologies,SDS2304X,SDS2X,1.2.2.2 R19",
        "SIGLENT,SDS1102CML+,SDS1,5.01",
        "LECROY,T3DSO1104,T0102C18350001,8.1.6",
    ],
)
def test_models_are_known_by_their_identity(identity):
    assert spoken_by(identity).id == "siglent-legacy"


@pytest.mark.parametrize(
    "identity",
    [
        "Siglent Technologies,SDS1104X HD,SDS1,1.1",
        "Siglent Technologies,SDS2104X Plus,SDS2,1.5.2R3",
        "Siglent Technologies,SDS2104X HD,SDS2,1.2.2.9",
    ],
)
def test_newer_ones_have_the_newer_commands(identity):
    assert spoken_by(identity).id == "siglent"


@pytest.mark.parametrize(
    ("word", "done"),
    [("Stop", True), *((word, False) for word in ("Arm", "Ready", "Trig'd", "Auto", "Roll"))],
)
def test_only_a_stopped_scope_is_done(word, done):
    assert SIGLENT_LEGACY.is_done(word) is done


@pytest.mark.parametrize(("record_s", "scale_s"), [(0.5, 0.05), (0.7, 0.05), (0.71, 0.1)])
def test_a_screen_has_fourteen_divisions(record_s, scale_s):
    assert SIGLENT_LEGACY.timebase_s(record_s) == pytest.approx(scale_s)


def test_how_a_scope_is_set_is_told():
    exchange = [*HELLO, *state(1, "V"), *state(2, "A", shown="OFF"), ("C3:TRA?", None)]
    exchange += [("*OPC?", "1"), ("TDIV?", "2.00E-02"), ("SARA?", "1.00MSa/s")]
    with ScriptedInstrument(exchange) as scope:
        panel = inspect(scope.visa, timeout_s=0.3)
    first, second = panel.inputs
    assert (first.unit, first.probe_factor, first.range, first.offset) == ("V", 10.0, 40.0, 24.0)
    assert (second.unit, second.shown) == ("A", False)
    assert panel.dialect == "siglent-legacy"
    assert (panel.record_s, panel.sample_rate_hz) == (pytest.approx(0.28), 1e6)


def test_a_wrong_unit_and_coupling_are_refused_with_the_command_that_helps():
    with pytest.raises(InstrumentError, match="C1:UNIT V"):
        talk([*HELLO, *state(1, "A")], lambda d: d.connect())
    ac = [line if ":CPL?" not in line[0] else (line[0], "A1M") for line in state(1, "V")]
    with pytest.raises(InstrumentError, match="C1:CPL D1M"):
        talk([*HELLO, *ac], lambda d: d.connect())
