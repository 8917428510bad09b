"""What is told of a run is in the recording, whoever told it and when."""

import msgspec
from fakes import INFO, T0_NS, dc_block, stage_edge

from monitor.dsp.headers import Headers
from monitor.model import NS, Edge, Marker
from monitor.recording.info import info
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.recording.runs import runs
from monitor.terminal.live import facts

BLOCKS = [dc_block(k * 1000, 120.0) for k in range(10)]
RUN = [stage_edge("run", Edge.BEGIN, 0.2, "a", seq=1), stage_edge("run", Edge.END, 0.8, "a", seq=2)]


def told(stage, at_s=0.3, sender="s", **attrs):
    return Marker(
        time_ns=T0_NS + round(at_s * NS), stage=stage, edge=Edge.INSTANT, run_id="run",
        sender=sender, attrs=attrs,
    )  # fmt: skip


def recorded(path, *markers):
    with Recorder(path, INFO) as recorder:
        for marker in markers:
            recorder.mark(marker)
        for block in BLOCKS:
            recorder.write(block)
    return path


def test_the_newest_header_of_each_sender_counts():
    headers = Headers()
    first, second, other = told("header", n=1), told("header", n=2), told("header", sender="t")
    assert all(headers.take(each) for each in (first, other, second))
    assert not headers.take(told("note"))
    assert not headers.take(stage_edge("header", Edge.BEGIN, 0.1, "a"))
    assert list(headers.of("run")) == [second, other]
    assert list(headers.of("another")) == []


def test_a_run_has_what_its_header_and_its_configuration_say(tmp_path):
    path = recorded(
        tmp_path / "a.h5",
        told("header", host="h100", resolution="?", command="inference.py"),
        told("header", sender="t", host="h100", command="other.py"),
        *RUN,
        told("config", resolution="256px", frames=129),
    )
    with Recording(path) as recording:
        (run,) = runs(recording)
        assert (run.run_id, run.hosts, run.n_senders) == ("run", ("h100",), 2)
        assert (run.start_ns, run.stop_ns) == (T0_NS + NS // 5, T0_NS + NS * 4 // 5)
        assert run.attrs == {"resolution": "256px", "frames": 129, "command": "inference.py"}
        assert info(recording)["runs"][0]["attrs"]["frames"] == 129
        assert [mark.stage for mark in recording.stage_tree.marks()] == ["config"]


def test_a_run_that_failed_says_so_and_why(tmp_path):
    end = msgspec.structs.replace(RUN[1], attrs={"status": "error"})
    word = told("abort", 0.7, exit_code=1, reason="OutOfMemoryError: CUDA out of memory")
    with Recording(recorded(tmp_path / "a.h5", RUN[0], word, end)) as recording:
        (run,) = runs(recording)
        assert (run.failed, run.exit_code, run.reason) == (True, 1, word.attrs["reason"])
        shown = "\n".join(facts("a", info(recording)).columns[1].cells)
    assert "for 600 ms, failed (OutOfMemoryError: CUDA out of memory, exit code 1)" in shown


def test_a_run_that_ended_well_has_not_failed(tmp_path):
    with Recording(recorded(tmp_path / "a.h5", *RUN)) as recording:
        (run,) = runs(recording)
    assert (run.failed, run.exit_code, run.reason) == (False, None, "")


def test_who_tells_of_the_host_is_not_taken_for_the_workload(tmp_path):
    headers = told("header", sender="t", role="telemetry", command="telemetry", host="h100")
    with Recording(recorded(tmp_path / "a.h5", headers, *RUN)) as recording:
        (run,) = runs(recording)
    assert (run.attrs, run.n_senders) == ({}, 0)


def test_a_run_without_an_end_has_none_and_what_is_no_run_is_not_one(tmp_path):
    path = recorded(tmp_path / "a.h5", RUN[0], told("note"))
    with Recording(path) as recording:
        (run,) = runs(recording)
        assert run.stop_ns is None
        assert run.attrs == {}
