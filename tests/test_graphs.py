"""Steps as one CUDA graph, with a stand-in for CUDA that records work and does it again; the rest is in test_gpu."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from torch import Tensor

from landmarks import assemble, config, data
from landmarks.graphs import WARM, Captured
from landmarks.loop import Sums
from landmarks.milestone import Batch, Milestone

WORDS = {
    "dae": ["data.sizes=[200,20,20]", "model.hidden=[20]"],
    "gan": ["data.points=200"],
    "mlp_xor": ["replicas=3"],
}


class Recorder:
    """Records work by remembering it; `fails` like a device that cannot."""

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.captures, self.replays = fails, 0, 0

    def warm(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        self.captures += 1
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

        def replay() -> None:
            self.replays += 1
            work()

        return replay


def ready(name: str) -> tuple[Milestone, Any, list[Batch]]:
    """A milestone in its first phase, that phase, and five batches of its data, the last one shorter."""
    milestone = assemble.make(config.compose(name, WORDS[name]))
    found = data.load(milestone.config.data)
    phase = milestone.phase = milestone.phases()[0]
    milestone.train()
    for key, optimizer in phase.optimizers.items():
        for group in optimizer.param_groups:
            group["lr"].fill_(phase.schedules[key](0.0))
    milestone.begin_epoch(found)
    x, y = found.splits["train"]
    if milestone.replicated:
        whole = Batch(x.expand(3, *x.shape), y.expand(3, *y.shape))
        return milestone, phase, [whole] * 8
    size = 20
    return (
        milestone,
        phase,
        [Batch(x[i : i + size], y[i : i + size]) for i in range(0, 7 * size, size)] + [Batch(x[:7], y[:7])],
    )


@pytest.mark.parametrize("name", WORDS)
def test_replayed_steps_are_the_steps(name: str) -> None:
    weights, sums = [], []
    for recorder in (None, Recorder()):
        milestone, _, batches = ready(name)
        torch.manual_seed(3)
        total = Sums(torch.device("cpu"))

        def step(batch: Batch, milestone: Milestone = milestone, total: Sums = total) -> None:
            total.add(milestone.step(batch))

        take = step if recorder is None else Captured(step, milestone, recorder, pytest.fail)
        for batch in batches:
            take(batch)
        if recorder is not None:
            short = 0 if milestone.replicated else 1
            assert (recorder.captures, recorder.replays) == (1, len(batches) - WARM - short)
        weights.append([p.detach().clone() for p in milestone.parameters()])
        sums.append(torch.stack([*total.totals.values()]))
    assert all(map(torch.equal, *weights))
    assert torch.equal(*sums)


class Fake(torch.nn.Module):
    """As much of a milestone as a capture looks at; `renews`: it makes a tensor of its memory anew in each step."""

    def __init__(self, renews: bool = False) -> None:
        super().__init__()
        self.watching, self.renews = False, renews
        self.memory = {"sum": torch.zeros(1)}
        self.place = torch.zeros(1)
        self.seen: list[int] = []

    def step(self, batch: Batch) -> None:
        self.seen.append(len(batch.x))
        if self.renews:
            self.memory["sum"] = self.memory["sum"] + 1


def batches(*sizes: int) -> list[Batch]:
    return [Batch(torch.ones(n), torch.ones(n)) for n in sizes]


def run(fake: Fake, recorder: Recorder, given: list[Batch]) -> list[str]:
    said: list[str] = []
    captured = Captured(fake.step, fake, recorder, said.append)  # type: ignore[arg-type]
    for batch in given:
        captured(batch)
    return said


def test_what_cannot_be_captured_goes_on_after_one_warning() -> None:
    fake, recorder = Fake(), Recorder(fails=True)
    (said,) = run(fake, recorder, batches(*[4] * 8))
    assert said.endswith("they make no CUDA graph (operation not permitted when stream is capturing)")
    assert (recorder.captures, fake.seen) == (1, [4] * 8)


def test_a_tensor_made_anew_in_each_step_is_noticed() -> None:
    fake = Fake(renews=True)

    class Doing(Recorder):
        def capture(self, work: Callable[[], None]) -> Callable[[], None]:
            work()  # what Python does in a step is done while it is captured,
            fake.memory["sum"].fill_(torch.nan)  # but nothing is calculated
            return super().capture(work)

    (said,) = run(fake, Doing(), batches(*[4] * 6))
    assert "memory[sum] is made anew in it" in said
    assert fake.memory["sum"].item() == 6, "every step counts once"


def test_watched_steps_and_shorter_batches_are_made_as_they_are() -> None:
    fake, recorder, said = Fake(), Recorder(), list[str]()
    captured = Captured(fake.step, fake, recorder, said.append)  # type: ignore[arg-type]
    for i, batch in enumerate(batches(4, 4, 4, 4, 3, 4, 4)):
        fake.watching = i == 5
        captured(batch)
    assert fake.seen == [4, 4, 4, 4, 3, 4, 4]
    assert recorder.replays == 2
    assert not said


def test_a_milestone_that_works_on_other_tensors_is_captured_anew() -> None:
    fake, recorder = Fake(), Recorder()
    captured = Captured(fake.step, fake, recorder, pytest.fail)  # type: ignore[arg-type]
    for epoch in range(3):
        captured.begin_epoch()
        for batch in batches(4, 4, 4, 4):
            captured(batch)
        if epoch == 1:
            fake.place = torch.zeros(2)
    assert recorder.captures == 2


def test_a_run_that_goes_on_with_a_shorter_batch_captures_whole_ones() -> None:
    fake, recorder = Fake(), Recorder()
    assert not run(fake, recorder, batches(3, *[4] * 6, 3))
    assert (recorder.captures, fake.seen) == (1, [3, *[4] * 6, 3])


def test_each_batch_is_what_the_graph_reads() -> None:
    fake, read = Fake(), list[float]()

    def step(batch: Batch) -> None:
        read.append(float(batch.x[0]))

    captured = Captured(step, fake, Recorder(), pytest.fail)  # type: ignore[arg-type]
    x: list[Tensor] = [torch.full((2,), float(i)) for i in range(6)]
    for i in (0, 1, 2, 3, 4, 4, 5, 3):
        captured(Batch(x[i], x[i]))
    assert read == [0, 1, 2, 3, 4, 4, 5, 3]
