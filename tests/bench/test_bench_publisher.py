"""The load's markers on their way out."""

import asyncio
import time

from monitor.bench.load.publisher import publishing
from monitor.bench.load.workload import Workload, WorkloadSettings
from monitor.model import Edge


class Client:
    """Keeps what it was asked to send."""

    def __init__(self):
        self.sent = []
        self.closed = False

    def begin(self, stage, parent_id=None, index=None, total=None, time_ns=None, **attrs):
        span_id = f"span{len(self.sent)}"
        self.sent.append((Edge.BEGIN, stage, span_id, parent_id, index, total, time_ns, attrs))
        return span_id

    def end(self, span_id, time_ns=None):
        self.sent.append((Edge.END, None, span_id, None, None, None, time_ns, {}))

    def point(self, stage, time_ns=None, **attrs):
        self.sent.append((Edge.INSTANT, stage, "", None, None, None, time_ns, attrs))

    def close(self, deadline_s):
        self.closed = True


def publish(events, time_ns, seconds):
    """Return what is sent in some seconds of real time."""
    client = Client()

    async def run():
        async with publishing(client, events, time_ns):
            await asyncio.sleep(seconds)

    asyncio.run(run())
    assert client.closed
    return client.sent


def test_every_edge_carries_its_own_time_and_its_parent():
    workload = Workload(WorkloadSettings(n_clips=2, steps=3))
    zero_ns = time.time_ns() - 3600 * 10**9  # all is due at once
    sent = publish(workload.events(), lambda t_s: zero_ns + round(t_s * 1e9), 0.2)
    events = list(workload.events())
    assert len(sent) == len(events)
    keys = {}
    for event, (edge, stage, span_id, parent_id, index, total, time_ns, attrs) in zip(
        events, sent, strict=True
    ):
        assert edge is event.edge
        assert time_ns == zero_ns + round(event.t_s * 1e9)
        if edge is Edge.END:
            assert keys[event.key] == span_id
            continue
        keys[event.key] = span_id
        assert (stage, index, total, attrs) == (event.stage, event.index, event.total, event.attrs)
        assert parent_id == keys.get(event.parent, "")


def test_nothing_is_sent_before_its_time_and_what_is_open_is_ended_on_leaving():
    workload = Workload(WorkloadSettings(idle_s=0.0, load_s=600.0))
    zero_ns = time.time_ns()
    sent = publish(workload.events(), lambda t_s: zero_ns + round(t_s * 1e9), 0.1)
    stages = [stage for edge, stage, *_ in sent if edge is Edge.BEGIN]
    assert stages == ["run", "model_load", "model_load.dit"]
    begun = [span for edge, _, span, *_ in sent if edge is Edge.BEGIN]
    ended = [span for edge, _, span, *_ in sent if edge is Edge.END]
    assert ended == begun[::-1]
