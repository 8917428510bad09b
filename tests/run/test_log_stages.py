"""Stages as the lines of a log tell of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ConfigError
from monitor.run.log_stages import Lines, LogStages
from monitor.run.patterns import KNOWN, load

S = 10**9


class Client:
    """Keeps what it is to send; the names of spans are their numbers."""

    def __init__(self):
        self.begun, self.ended, self.points = [], {}, []

    def begin(self, stage, parent_id, *, index, total, time_ns, timing, **attrs):
        assert (timing, attrs.pop("uncertainty_s")) == ("log", 1.0)
        self.begun.append((stage, parent_id, index, total, time_ns, attrs))
        return str(len(self.begun) - 1)

    def end(self, span_id, time_ns, status, **attrs):
        assert attrs == {"uncertainty_s": 1.0}
        self.ended[span_id] = (time_ns, status)

    def point(self, stage, *, time_ns, timing, uncertainty_s, **attrs):
        self.points.append((stage, time_ns, attrs))

    def stages(self):
        """Return path, index, begin and end in s, in order of the begins."""
        paths, found = {"run": ""}, []
        for k, (stage, parent, index, _, begin_ns, _) in enumerate(self.begun):
            paths[str(k)] = f"{paths[parent]}/{stage}".strip("/")
            found.append((paths[str(k)], index, begin_ns / S, self.ended[str(k)][0] / S))
        return found


def read(patterns, written, status="ok"):
    """Return what is sent of a log: pairs of a time in s and what is written then."""
    client = Client()
    stages = LogStages(client, "run", load(patterns))
    now = 0
    lines = Lines(lambda text, is_ended: stages.line(text, is_ended, now * S))
    for now, text in written:  # noqa: B007  # the lines take it
        lines.feed(text.encode())
    stages.finish((now + 1) * S, status)
    assert len(client.begun) == len(client.ended)
    return client


def bar(done, total):
    return f"\r{100 * done // total:3d}%|#   | {done}/{total} [00:00<00:01,  3.5it/s]"


def test_2_0_tells_of_loading_and_clips_but_of_no_steps():
    blue = "[\x1b[34m2025-03-12 10:00:00\x1b[0m] "
    told = read("opensora-2.0", [
        (0, f"{blue}Building models...\n"),
        (5, f"{blue}CUDA max memory max memory allocated at build model: 39.1 GB\n"),
        (6, "\rInference progress:   0%|          | 0/2 [00:00<?, ?it/s]"),
        (7, f"{blue}Generating video...\n"),
        (67, "Saved to samples/video_256px/0000.mp4\n"),
        (67, "\rInference progress:  50%|#####     | 1/2 [01:00<01:00, 60.1s/it]"),
        (68, f"{blue}Generating video...\n"),
        (128, "Saved to samples/video_256px/0001.mp4\n"),
        (129, f"{blue}Inference finished.\n"),
    ])  # fmt: skip
    assert told.stages() == [
        ("model_load", None, 0, 5), ("clip", None, 7, 67), ("clip", None, 68, 128)
    ]  # fmt: skip


def test_2_0_tells_of_the_image_that_a_video_begins_with():
    told = read("opensora-2.0", [
        (0, "offload video diffusion model to cpu, load image flux model to gpu: 9.1 s\n"),
        (1, "Generating image condition by flux...\n"),
        (20, "Saved to samples/generated_condition/0000.png\n"),
        (25, "load video diffusion model to gpu, offload image flux model to cpu: 5.0 s\n"),
        (26, "Generating video...\n"),
        (90, "Saved to samples/video_768px/0000.mp4\n"),
    ])  # fmt: skip
    assert told.stages() == [("clip", None, 1, 90), ("clip/cond_image", None, 1, 25)]


def test_1_0_counts_its_steps_by_its_bar():
    told = read("opensora-1.0", [
        *[(k, bar(k, 4)) for k in range(5)],
        (4, "\n"),
        (6, "Prompt: a cat\nx"),
        (8, "\nSaved to samples/0.mp4\n"),
    ])  # fmt: skip
    assert told.stages() == [
        ("clip", None, 0, 8),
        ("clip/denoise", None, 0, 4),
        *[("clip/denoise/denoise_step", k, k, k + 1) for k in range(4)],
        ("clip/save", None, 6, 8),
    ]
    assert {total for stage, _, _, total, _, _ in told.begun if stage == "denoise_step"} == {4}


def test_1_2_counts_clips_or_steps_and_knows_where_a_bar_without_a_total_ends():
    told = read("opensora-1.2", [
        (0, "[2024-06-17] Building models...\n"),
        (9, "\r0it [00:00, ?it/s]"),
        (10, "\r1it [00:01,  1.00s/it]"),
        (12, "\r3it [00:03,  1.00s/it]"),
        (12, "\r3it [00:03,  1.00s/it]\n"),
        (15, "Saved to samples/0.mp4\n"),
    ])  # fmt: skip
    assert told.stages() == [
        ("model_load", None, 0, 9),
        ("clip", None, 9, 15),
        ("clip/denoise", None, 9, 12),
        ("clip/denoise/denoise_step", 0, 9, 10),
        ("clip/denoise/denoise_step", 1, 10, 12),
    ]
    assert told.begun[-1][-1] == {"steps": 2}  # the bar left one out
    clips = read("opensora-1.2", [(k, bar(k, 2)) for k in range(3)])
    assert clips.stages() == [("clip", 0, 0, 1), ("clip", 1, 1, 2)]


def test_comfyui_has_a_clip_per_prompt():
    told = read("comfyui", [
        (0, "got prompt\n"),
        (1, "Requested to load Flux\n"),
        *[(2 + k, bar(k, 2)) for k in range(3)],
        (4, "\ngot prompt\n"),
        (5, "Prompt executed in 5.00 seconds\n"),
        *[(6 + k, bar(k, 1)) for k in range(2)],
        (9, "\nPrompt executed in 3.00 seconds\n"),
    ])  # fmt: skip
    assert told.stages() == [
        ("clip", None, 0, 5),
        ("clip/denoise", None, 2, 4),
        ("clip/denoise/denoise_step", 0, 2, 3),
        ("clip/denoise/denoise_step", 1, 3, 4),
        ("clip", None, 6, 9),
        ("clip/denoise", None, 6, 7),
        ("clip/denoise/denoise_step", 0, 6, 7),
    ]
    assert told.points == [("model_load", S, {"model": "Flux"})]


def test_what_is_open_at_the_end_ends_as_the_program_did():
    told = read("opensora-2.0", [
        (0, "Generating video...\n"),
        (3, "[rank0]: torch.OutOfMemoryError: CUDA out of memory.\n"),
    ], "error")  # fmt: skip
    assert list(told.ended.values()) == [(4 * S, "error")]
    reason = "torch.OutOfMemoryError: CUDA out of memory."
    assert told.points == [("error", 3 * S, {"reason": reason})]


def test_groups_become_attributes_and_counts(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(r"""
[[patterns]]
regex = 'epoch (?P<index>\d+)/(?P<total>\d+) lr (?P<lr>\S+) (?P<n>\d+) (?P<who>\w+)( (?P<none>x))?'
begin = "epoch"
[[patterns]]
regex = 'done'
end = ["epoch"]
point = "note"
""")
    told = read(str(file), [(1, "epoch 2/5 lr 0.5 17 me\n"), (2, "done"), (3, "\n")])
    assert told.begun == [("epoch", "run", 2, 5, S, {"lr": 0.5, "n": 17, "who": "me"})]
    assert told.stages() == [("epoch", 2, 1, 3)]
    assert told.points == [("note", 3 * S, {})]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "missing required field `patterns`"),
        ("patterns = []", "there are none"),
        ("x = [", "are not TOML"),
        ("[[patterns]]\nregex = '('\nbegin = 'a'", "is not a regular expression"),
        ("[[patterns]]\nregex = 'a'", "does nothing"),
        ("[[patterns]]\nregex = 'a'\nstep = 'b'", "no group"),
        ("[[patterns]]\nregex = '(?P<timing>a)'\npoint = 'b'", "a group 'timing'"),
        ("[[patterns]]\nregex = 'a'\nstart = 'b'", "unknown field `start`"),
    ],
)
def test_patterns_that_are_not_understood_are_refused(tmp_path, text, problem):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=problem) as raised:
        load(str(file))
    assert str(file) in str(raised.value)


def test_patterns_that_are_not_there_name_those_that_are():
    with pytest.raises(ConfigError, match=r"No such file.*comfyui, opensora-1\.0"):
        load("comfy")
    assert all(load(path.stem) for path in KNOWN.glob("*.toml"))


@given(st.lists(st.text("ab\n", min_size=1), max_size=8), st.data())
def test_where_the_bytes_are_cut_changes_no_line(parts, data):
    text = "".join(parts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    told = []
    lines = Lines(lambda line, is_ended: told.append((line, is_ended)))
    for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True):
        lines.feed(text[a:b])
    assert told == [(line.decode(), True) for line in text.split(b"\n")[:-1] if line]
