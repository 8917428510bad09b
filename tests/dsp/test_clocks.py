"""Whose clock is ours is sure of the time for ever; others drift away from what was compared."""

from monitor.dsp.clocks import Clocks
from monitor.model import NS, Edge, Marker

HOUR_NS = 3600 * NS
AT_NS = 1_700_000_000 * NS


def compared(*times_ns, sender="s"):
    names = ("t0_ns", "t1_ns", "t2_ns", "t3_ns")
    return Marker(
        time_ns=times_ns[1], stage="clock", edge=Edge.INSTANT, run_id="r", sender=sender,
        attrs=dict(zip(names, times_ns, strict=True)),
    )  # fmt: skip


def marked(time_ns, sender="s"):
    return Marker(time_ns=time_ns, stage="a", edge=Edge.BEGIN, run_id="r", sender=sender)


def test_a_sender_on_this_computer_is_sure_of_the_time_hours_later():
    clocks = Clocks()
    assert clocks.take(compared(AT_NS, AT_NS, AT_NS, AT_NS))
    assert clocks.time_of(marked(AT_NS + HOUR_NS)) == (AT_NS + HOUR_NS, 0)
    clocks.forget("r", "s")
    assert clocks.ours("r", "s", AT_NS) is None


def test_a_sender_elsewhere_is_the_less_sure_the_longer_nobody_asked():
    clocks = Clocks()
    clocks.take(compared(AT_NS, AT_NS + 100, AT_NS + 100, AT_NS + 1000))
    _, soon_ns = clocks.time_of(marked(AT_NS))
    _, late_ns = clocks.time_of(marked(AT_NS + HOUR_NS))
    assert 0 < soon_ns < NS / 1000 < late_ns
