"""Each mistake that the bench can make is found by setting up as a new user does."""

import asyncio

import pytest

from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.scope.mistakes import MISTAKES
from monitor.setup.plan import Plan, settings
from monitor.setup.preview import Preview
from monitor.sources.inspect import inspect

FOUND = {
    "clamp-reversed": "clamp-reversed",
    "probe-10x": "probe-factor",
    "ac-coupled": "ac-coupled",
    "wrong-channel": "switched-off",
    "short-record": "record-too-short",
}


def looked(visa, plan):
    panel = inspect(visa)
    made = settings(plan(panel), panel)
    with Preview(made.instrument, panel=panel, wait=lambda seconds: False) as preview:
        return preview.take()


@pytest.fixture(scope="module")
def trials():
    """Return one look for each mistake and supply; all at once, as each is mostly waiting."""

    async def one(mistake, supply):
        async with Lab(BenchSettings(mistakes=(mistake,), supply=supply)) as lab:

            def plan(panel):
                return Plan(address=lab.visa, voltage=1, current=2, record_s=panel.record_s)

            return await asyncio.to_thread(looked, lab.visa, plan)

    async def run():
        pairs = [(mistake, supply) for mistake in MISTAKES for supply in ("mains230", "dc")]
        return dict(zip(pairs, await asyncio.gather(*(one(*p) for p in pairs)), strict=True))

    return asyncio.run(run())


@pytest.mark.parametrize("supply", ["mains230", "dc"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_what_to_do(trials, mistake, supply):
    trial = trials[mistake, supply]
    if (mistake, supply) == ("short-record", "dc"):
        assert not trial.is_wrong  # a short record of DC is a good one
        return
    assert [finding.id for finding in trial.findings] == [FOUND[mistake]]
    assert trial.findings[0].fix
