"""Meters beside the instrument: they add to a session, and never end it."""

import asyncio

import msgspec
import pytest
from fake_meters import WALL, WATER, ListMeter, reading
from fakes import FakeClock, ListSource, dc_block, stage_edge

from monitor.analysis.stage_table import stage_table
from monitor.config import HistorySettings, MetricsSettings
from monitor.errors import ConnectionLostError
from monitor.model import Edge, Reading
from monitor.recording.reader import Recording
from monitor.session import Session
from monitor.sources.source import event

STEP = [dc_block(k * 1000, 120.0) for k in range(20)]
STAGES = [
    stage_edge("denoise", Edge.BEGIN, 0.5, "a", seq=1),
    stage_edge("denoise", Edge.END, 1.5, "a", seq=2),
]
WALL_READINGS = [reading(150.0, k / 10) for k in range(1, 21)]


def session_of(*meters, source=None, **more) -> Session:
    return Session(
        source or ListSource([*STAGES, *STEP], hold=True),
        None,
        meters=meters,
        metrics=MetricsSettings(averages_s=(1.0,), ramps_s=(0.1,)),
        history=HistorySettings(seconds=60.0),
        clock=FakeClock(),
        **more,
    )


def until(is_so, session, *, record=None):
    """Run a session until something is so of its snapshot, and return it."""

    async def work() -> None:
        run = asyncio.create_task(session.run(record=record))
        async with asyncio.timeout(20):
            while not is_so(session.snapshot):
                assert not run.done(), run.result()
                session.refresh()
                await asyncio.sleep(0)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    return session


def has(value):
    return lambda snapshot: snapshot.stop == 20_000 and [s.value for s in snapshot.slow] == [value]


def test_a_limit_in_watts_is_recorded_and_shown_and_has_no_energy(tmp_path):
    limit = msgspec.structs.replace(WALL, name="power limit", is_setting=True)
    meter = ListMeter([reading(350.0, k / 10, limit) for k in range(1, 21)], channels=(limit,))
    session = until(has(350.0), session_of(meter), record=tmp_path / "limit.h5")
    assert session.table().slow == ()
    with Recording(tmp_path / "limit.h5") as recording:
        assert recording.slow.channels == (limit,)


def test_the_readings_of_a_meter_stand_beside_the_samples():
    meter = ListMeter(WALL_READINGS)
    session = until(has(150.0), session_of(meter))
    (wall,) = session.table().slow
    assert wall.channel == WALL
    assert wall.stages[0].energy_j == pytest.approx(150.0)
    assert wall.stages[0].coverage == pytest.approx(1.0)
    (view,) = session.frame(0, 20_000, 0, 100).slow
    assert set(view.low.tolist()) == {150.0}
    assert (meter.n_entered, meter.n_left) == (1, 1)


def test_a_channel_is_known_before_its_first_reading(tmp_path):
    path = tmp_path / "a.h5"
    meter = ListMeter([], channels=(WALL, WATER))
    session = session_of(meter)
    until(lambda s: s.stop == 20_000 and len(s.slow) == 2, session, record=path)
    assert [slow.channel for slow in session.snapshot.slow] == [WALL, WATER]
    with Recording(path) as recording:
        assert recording.slow.channels == (WALL, WATER)
        assert len(recording.slow) == 0
        assert recording.closed


def test_a_meter_that_is_absent_at_the_start_is_told_of_once_and_tried_again():
    absent = ConnectionLostError("TCPIP::x: nobody answers; is it switched on?")
    meter = ListMeter(WALL_READINGS, absent=3, error=absent)
    session = until(has(150.0), session_of(meter))
    told = [marker.attrs["text"] for marker in session.frame(0, 1_000_000, 1, 1).timeline.marks]
    assert told == [
        "meter not reached: TCPIP::x: nobody answers; is it switched on?; trying again",
        "WT310 answers again",
    ]
    assert session.snapshot.warnings == ("WT310 answers again",), "what is over is not warned of"
    assert meter.n_entered == 1


@pytest.mark.parametrize("error", [ConnectionLostError("it is gone"), OSError("gone"), KeyError()])
def test_a_meter_that_fails_is_entered_again_while_the_session_goes_on(error):
    meter = ListMeter([*WALL_READINGS[:3], error, reading(151.0, 2.0)])
    seen = set()

    def back(snapshot):
        seen.add(snapshot.state)
        return has(151.0)(snapshot)

    session = until(back, session_of(meter))
    assert (meter.n_entered, meter.n_left) == (2, 2)
    assert seen == {"connecting", "running"}, "the instrument was never lost"
    (back_again,) = session.snapshot.warnings
    assert back_again == "WT310 answers again"


def test_a_meter_that_keeps_failing_is_told_of_once():
    meter = ListMeter([OSError("gone")] * 5 + [reading(151.0, 2.0)])
    session = until(has(151.0), session_of(meter))
    assert session.snapshot.warnings == ("WT310 answers again",)
    assert meter.n_entered == 6


def test_the_events_of_a_meter_are_recorded_and_say_whose_they_are(tmp_path):
    events = [event("WT310 is lost", "lost", 5), event("a value was no number", "invalid", 6)]
    session = session_of(ListMeter([*events, *WALL_READINGS]))
    until(has(150.0), session, record=tmp_path / "a.h5")
    assert session.snapshot.warnings == ("WT310 is lost", "a value was no number")
    with Recording(tmp_path / "a.h5") as recording:
        assert [m.attrs["meter"] for m in recording.markers if m.stage == "event"] == ["WT310"] * 2
        items = list(recording.items())
    seen = set()

    def replayed(snapshot):
        seen.add(snapshot.state)
        return has(150.0)(snapshot)

    until(replayed, session_of(source=ListSource(items, hold=True)))
    assert seen == {"connecting", "running"}, "the instrument was never lost"


@pytest.mark.parametrize("kind", ["invalid", "lost"])
def test_an_error_value_or_a_loss_is_a_gap_live_and_in_the_file(tmp_path, kind):
    told = msgspec.structs.replace(
        event("WT310: error values for wall power", kind, reading(0.0, 1.05).time_ns),
        attrs={"kind": kind, "text": "WT310 has a problem", "channels": WALL.name},
    )
    before, after = WALL_READINGS[:10], WALL_READINGS[11:]
    session = session_of(ListMeter([*before, told, *after]))
    until(has(150.0), session, record=tmp_path / "a.h5")
    (live,) = session.table().slow
    with Recording(tmp_path / "a.h5") as recording:
        (stored,) = stage_table(recording, "a").slow
    for slow in (live, stored):
        assert slow.total.coverage == pytest.approx(0.95)


def test_a_meter_that_has_no_more_to_give_ends_quietly():
    meter = ListMeter(WALL_READINGS, hold=False)
    session = until(lambda s: has(150.0)(s) and meter.n_left == 1, session_of(meter))
    assert session.snapshot.warnings == ()
    assert meter.n_entered == 1


def test_a_recording_that_starts_late_knows_where_each_channel_stood(tmp_path):
    source = ListSource([*STEP[:10]], hold=True)
    meter = ListMeter([*WALL_READINGS, reading(21.5, 0.3, WATER)], channels=(WALL, WATER))
    path = tmp_path / "late.h5"

    async def work() -> None:
        session = session_of(meter, source=source)
        run = asyncio.create_task(session.run())
        while [s.value for s in session.snapshot.slow] != [150.0, 21.5]:
            session.refresh()
            await asyncio.sleep(0)
        session.start_recording(path)
        for block in STEP[10:]:
            await session._inbox.put(block)
        while session.snapshot.stop < 20_000:
            session.refresh()
            await asyncio.sleep(0)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    with Recording(path) as recording:
        first = [item for item in recording.items() if isinstance(item, Reading)]
        assert recording.slow.channels == (WALL, WATER)
        assert first == [reading(21.5, 0.3, WATER), WALL_READINGS[-1]]


def test_what_was_recorded_with_meters_replays_to_the_same_numbers(tmp_path):
    path = tmp_path / "a.h5"
    session = until(has(150.0), session_of(ListMeter(WALL_READINGS)), record=path)
    with Recording(path) as recording:
        source = ListSource(list(recording.items()))
        again = session_of(source=source, slow=recording.slow.channels)
        asyncio.run(again.run())
    assert again.table() == session.table()
    assert again.snapshot.slow[0].value == 150.0
