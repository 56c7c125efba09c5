"""The small networks as their users write them: loops by hand, torch's operators and autograd, data in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from landmarks import assemble, config
from landmarks.data.sequences import lengths
from landmarks.milestone import Batch, Data, Milestone

Step = Callable[[], object]


def milestone(name: str, *overrides: str) -> Milestone:
    return assemble.make(config.compose(name, overrides))


def shuffled(x: Tensor, y: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, in a new order each time through."""
    while True:
        order = torch.randperm(len(x))
        x_now, y_now = x[order], y[order]
        for i in range(0, len(x), size):
            yield x_now[i : i + size], y_now[i : i + size]


def lenet(data: Data, size: int, *overrides: str) -> Step:
    """LeNet-5, its loss and the errors added up, under torch's own SGD."""
    model = milestone("lenet", *overrides)
    rule = torch.optim.SGD(model.parameters(), lr=0.01)
    batches, total, wrong = shuffled(*data.splits["train"], size), torch.zeros(()), torch.zeros(())

    def step() -> None:
        x, y = next(batches)
        outputs = model.outputs(x)  # type: ignore[operator]
        penalties = model.penalties(outputs)  # type: ignore[operator]
        loss = model.losses(outputs, penalties, y).mean()  # type: ignore[operator]
        rule.zero_grad()
        loss.backward()
        rule.step()
        total.add_(loss.detach())
        wrong.add_((penalties.argmin(1) != y).sum())

    return step


def lenet_1998(data: Data) -> Step:
    """One pattern an update by diagonal Levenberg–Marquardt: w ← w − η/(μ + h) · ∂E/∂w, by autograd."""
    model = milestone("lenet")
    x, y = data.splits["train"]
    some = torch.randperm(len(x))[:500]
    h = model.curvature(x[some], y[some])  # type: ignore[operator]
    parameters = [*model.parameters()]
    rates = [5e-4 / (0.02 + each) for each in h]
    patterns, total = shuffled(x, y, 1), torch.zeros(())

    def step() -> None:
        one, label = next(patterns)
        outputs = model.outputs(one)  # type: ignore[operator]
        loss = model.losses(outputs, model.penalties(outputs), label).mean()  # type: ignore[operator]
        loss.backward()
        with torch.no_grad():
            for parameter, rate in zip(parameters, rates, strict=True):
                assert parameter.grad is not None
                parameter.sub_(rate * parameter.grad)
                parameter.grad = None
        total.add_(loss.detach())

    return step


def xor() -> Step:
    """One hidden unit and links past it, squared error over the four patterns, momentum."""
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    target = torch.tensor([[0.1], [0.9], [0.9], [0.1]])
    hidden, output = nn.Linear(2, 1), nn.Linear(3, 1)
    rule = torch.optim.SGD([*hidden.parameters(), *output.parameters()], lr=0.5, momentum=0.9)
    total = torch.zeros(())

    def step() -> None:
        y = output(torch.cat([x, hidden(x).sigmoid()], 1)).sigmoid()
        loss = 0.5 * (y - target).square().sum()
        rule.zero_grad()
        loss.backward()
        rule.step()
        total.add_(loss.detach())

    return step


def own_step(model: Milestone, data: Data) -> Step:
    """The milestone's own step in a loop by hand: what is left of the shared loop's time is the loop's."""
    (phase,) = model.phases()
    model.phase = phase
    model.begin_epoch(data)
    for group in phase.optimizers["main"].param_groups:
        group["lr"].fill_(phase.schedules["main"](0.0))
    x, y = data.splits["train"]
    whole, total = Batch(x[None], y[None]), torch.zeros(())
    batches = shuffled(x, y, phase.batch_size or len(x))

    def step() -> None:
        batch = whole if model.replicated else Batch(*next(batches))
        total.add_(model.step(batch)["loss"].detach())

    return step


class Cells(nn.Module):
    """The memory cell blocks of 1997 under an output layer, each equation a line, one step after another.

    Truncated: what the units saw of the step before is a constant. x (T, n) one-hot; the answer (m,) at the end.
    """

    def __init__(self, inputs: int, outputs: int, blocks: int, size: int) -> None:
        super().__init__()
        self.blocks, self.size = blocks, size
        seen = inputs + blocks * size + 2 * blocks
        self.cells, self.enter, self.leave = (nn.Linear(seen, n) for n in (blocks * size, blocks, blocks))
        self.output = nn.Linear(blocks * size, outputs)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        state = cells = x.new_zeros(self.blocks * self.size)
        enter = leave = x.new_zeros(self.blocks)
        for now in x:
            seen = torch.cat([now, cells, enter, leave]).detach()
            enter, leave = torch.sigmoid(self.enter(seen)), torch.sigmoid(self.leave(seen))
            g = 4 * torch.sigmoid(self.cells(seen)) - 2
            state = state + enter.repeat_interleave(self.size) * g
            h = 2 * torch.sigmoid(state) - 1
            cells = leave.repeat_interleave(self.size) * h
        return torch.sigmoid(self.output(cells))


def lstm(data: Data) -> Step:
    """Temporal order, one sequence an update, each as long as it is."""
    assert data.fresh is not None
    x, y = data.fresh(0)
    net = Cells(8, y.shape[-1], 2, 2)
    rule = torch.optim.SGD(net.parameters(), lr=0.5)
    sequences, targets, ends = F.one_hot(x[0].long().clamp(min=0), 8).float(), y[0], lengths(x)[0].tolist()
    total, made = torch.zeros(()), 0

    def step() -> None:
        nonlocal made
        i = made % len(sequences)
        made += 1
        loss = 0.5 * (net(sequences[i, : ends[i]]) - targets[i]).square().sum()
        rule.zero_grad()
        loss.backward()
        rule.step()
        total.add_(loss.detach())

    return step
