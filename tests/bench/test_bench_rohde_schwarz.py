"""What is peculiar to the bench's Rohde & Schwarz and HAMEG scopes, without a socket."""

import asyncio

import numpy as np
import pytest
from bench.fakes import Clock, counting_scope
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.vendors.rohde_schwarz import HMO2024, RohdeSchwarzScope
from monitor.bench.vendors.rohde_schwarz_data import single


class Bench:
    def __init__(self, **settings):
        self.clock = Clock()
        model = {"model": settings.pop("model")} if "model" in settings else {}
        self.scope = counting_scope(self.clock, **settings)
        self.instrument = RohdeSchwarzScope(self.scope, sleep=self.clock.sleep, **model)

    def ask(self, *lines):
        """Return the reply to the last of some lines, or None."""
        replies = [asyncio.run(self.instrument.execute(line)) for line in lines]
        return replies[-1][0] if replies[-1] else None

    def error(self):
        return int(self.ask("SYST:ERR?").partition(",")[0])

    def take(self):
        self.ask("SING", "ACQ:STAT?")
        self.clock.jump(2.0)
        assert self.ask("ACQ:STAT?") == "COMP"

    def codes(self, dtype):
        data = self.ask("CHAN1:DATA?")
        n_digits = int(data[1:2])
        assert int(data[2 : 2 + n_digits]) == len(data) - 2 - n_digits
        return np.frombuffer(data[2 + n_digits :], dtype)

    def expected(self):
        record = self.scope.record
        return (record.start + np.arange(record.n)) % 100


def test_the_state_just_after_single_is_the_one_before():
    bench = Bench()
    assert bench.ask("SING;ACQ:STAT?") == "BRE"
    assert bench.ask("ACQ:STAT?") == "RUN"
    bench.clock.jump(2.0)
    assert bench.ask("ACQ:STAT?") == "COMP"
    assert bench.ask("SING;ACQ:STAT?") == "COMP"
    assert bench.ask("ACQ:STAT?") == "RUN"
    bench.ask("STOP")
    assert bench.ask("ACQ:STAT?") == "BRE"


@pytest.mark.parametrize(
    ("bits", "form", "error"),
    [(12, "UINT,16", 0.04), (12, "UINT,8", 1.0), (8, "UINT,16", 0.51), (8, "UINT,8", 0.51)],
)
@pytest.mark.parametrize(("order", "sign"), [("LSBF", "<"), ("MSBF", ">")])
def test_the_formula_of_the_manual_turns_codes_into_values(bits, form, error, order, sign):
    bench = Bench(bits=bits)
    bench.take()
    bench.ask("CHAN:DATA:POIN DMAX", f"FORM {form}", f"FORM:BORD {order}")
    codes = bench.codes(f"{sign}u2" if form.endswith("16") else "u1")
    increment = float(bench.ask("CHAN1:DATA:YINC?"))
    values = float(bench.ask("CHAN1:DATA:YOR?")) + increment * codes
    byte_code = bench.scope.panel.channels[0].range / 250
    assert np.abs(values - bench.expected()).max() <= error * byte_code * 1.001


def test_the_same_origin_holds_for_bytes_and_words_and_the_middle_is_127_and_a_half():
    bench = Bench(bits=8)
    bench.take()
    bench.ask("FORM UINT,8")
    origin, of_byte = (float(bench.ask(f"CHAN1:DATA:{word}?")) for word in ("YOR", "YINC"))
    bench.ask("FORM UINT,16")
    assert float(bench.ask("CHAN1:DATA:YOR?")) == origin
    assert float(bench.ask("CHAN1:DATA:YINC?")) == pytest.approx(of_byte / 256)
    middle = bench.scope.panel.channels[0].middle
    assert origin + 127.5 * of_byte == pytest.approx(middle, abs=1e-4)


def test_a_byte_of_a_finer_converter_has_its_lower_bits_cut_off():
    bench = Bench(bits=12)
    bench.take()
    bench.ask("CHAN:DATA:POIN MAX", "FORM UINT,16", "FORM:BORD LSBF")
    words = bench.codes("<u2")
    bench.ask("FORM UINT,8")
    np.testing.assert_array_equal(bench.codes("u1"), words >> 8)


def test_the_screen_shows_less_than_was_taken_and_only_a_scope_that_stands_gives_all():
    bench = Bench()
    bench.scope.panel.points = 50_000
    bench.take()
    assert bench.ask("CHAN1:DATA:HEAD?").split(",")[2] == bench.ask("CHAN1:DATA:POIN?") == "1220"
    bench.ask("CHAN:DATA:POIN DMAX")
    assert bench.ask("CHAN2:DATA:POIN?") == "50000"  # of all inputs
    step_s = float(bench.ask("CHAN1:DATA:XINC?"))
    assert step_s == pytest.approx(2e-6)
    begin, end, n, per_sample = map(float, bench.ask("CHAN1:DATA:HEAD?").split(","))
    assert (n, per_sample) == (50_000, 1)
    assert end - begin == pytest.approx((n - 1) * step_s, rel=1e-4)
    bench.ask("RUN", "CHAN:DATA:POIN MAX")
    assert bench.ask("CHAN1:DATA:POIN?") == "1220"


def test_values_can_be_had_as_text_and_as_floats():
    bench = Bench()
    bench.take()
    assert bench.ask("FORM?") == "ASC,0"
    text = np.array(bench.ask("CHAN1:DATA?").split(","), float)
    bench.ask("FORM REAL,32")
    assert text == pytest.approx(bench.codes(">f4"), abs=1e-5)
    assert np.abs(text - bench.expected()).max() < 0.1


def test_the_timebase_is_one_two_or_five_and_the_record_twelve_divisions():
    bench = Bench()
    bench.ask("TIM:SCAL 0.0416666667")
    assert float(bench.ask("TIM:SCAL?")) == pytest.approx(0.05)
    assert float(bench.ask("TIM:ACQT?")) == pytest.approx(0.6)


def test_depths_are_chosen_from_a_list():
    bench = Bench()
    assert bench.ask("ACQ:POIN:AUT?") == "1"
    bench.ask("ACQ:POIN 20000")
    assert bench.ask("ACQ:POIN?") == "20000"
    assert bench.ask("ACQ:POIN:AUT?") == "0"
    bench.ask("ACQ:POIN 12345")
    assert bench.error() == -222


def test_a_hameg_chooses_its_depth_itself():
    bench = Bench(model=HMO2024)
    assert bench.ask("*IDN?").startswith("HAMEG,HMO2024,")
    bench.ask("ACQ:POIN 20000")
    assert bench.error() == -113
    depths = []
    for rate in ("MWAV", "AUTO", "MSAM"):
        bench.ask(f"ACQ:WRAT {rate}")
        depths.append(int(bench.ask("ACQ:POIN?")))
    assert depths == sorted(depths)


def test_an_input_is_set_at_the_probe_and_at_the_channel():
    bench = Bench()
    bench.ask("PROB2:SET:ATT:MAN 10", "PROB2:SET:ATT:UNIT A", "CHAN2:COUP ACL", "CHAN2:POS 1")
    channel = bench.scope.panel.channels[1]
    assert (channel.probe, channel.units, channel.coupling) == (10.0, "AMP", "AC")
    assert [bench.ask(f"PROB2:SET:ATT:{word}?") for word in ("MAN", "UNIT")] == [
        "1.000000000E1",
        "A",
    ]
    assert bench.ask("CHAN2:COUP?") == "ACL"
    assert channel.position_div == 1.0
    assert float(bench.ask("CHAN1:RANG?")) == pytest.approx(8 * float(bench.ask("CHAN1:SCAL?")))


def test_what_is_not_there_is_refused():
    bench = Bench()
    assert bench.ask("CHAN1:DATA?") is None
    assert bench.error() == -230
    bench.take()
    for message, code in (("CHAN5:DATA?", -113), ("FORM UINT,12", -224), ("CHAN3:DATA?", -230)):
        assert bench.ask(message) is None
        assert bench.error() == code


def test_reset_and_power_forget_what_was_set():
    bench = Bench()
    bench.take()
    bench.ask("FORM UINT,16", "FORM:BORD LSBF")
    bench.instrument.power_cycle()
    assert (bench.ask("FORM?"), bench.ask("FORM:BORD?")) == ("ASC,0", "MSBF")
    assert bench.ask("ACQ:STAT?") == "BRE"
    bench.ask("*RST")
    assert bench.ask("PROB2:SET:ATT:UNIT?") == "V"


def test_numbers_are_printed_as_the_manual_does():
    assert [single(value) for value in (2e-4, 7.8125e-7 * (1 - 2e-8), 0.0)] == [
        "1.999999949E-4",
        "7.812499803E-7",
        "0.000000000E0",
    ]


@given(st.text(max_size=60))
def test_no_message_breaks_the_instrument(message):
    bench = Bench()
    bench.ask(message)
    assert bench.ask("*OPC?") == "1"
