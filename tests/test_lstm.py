"""LSTM (1997): the paper's counts and generators, the cell against scalar loops, its gradients against the recursions of
the appendix, autograd and finite differences."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from landmarks import config, data, execute
from landmarks.data import Draws, sequences
from landmarks.errors import UsageError
from landmarks.milestone import Batch, Decision
from landmarks.milestones.lstm import LSTM
from landmarks.parts import memory_cells as memory
from landmarks.parts.replicas import ReplicaDescent, Streak

PAPER = ["scale=paper", "replicas=3"]


def make(*overrides: str) -> LSTM:
    milestone = execute.make(config.compose("lstm", [*PAPER, *overrides]))
    assert isinstance(milestone, LSTM)
    return milestone


def ready(*overrides: str) -> LSTM:
    """A milestone in its last phase, as the loop enters it, in float64."""
    milestone = make(*overrides).double()
    milestone.phase = milestone.phases()[-1]
    milestone.phase.optimizers["main"].param_groups[0]["lr"].fill_(milestone.config.optimizer.lr)
    return milestone


def first_block(milestone: LSTM, count: int = 2) -> Batch:
    """The first sequences of each replica, floats in float64."""
    found = data.load(milestone.config.data, Draws.of(milestone.config))
    assert found.fresh is not None
    x, y = (tensor[:, :count] for tensor in found.fresh(0))
    return Batch(x.double() if x.is_floating_point() else x, y.double())


@pytest.mark.parametrize(
    ("overrides", "count"),
    [
        (["experiment=reber"], 276),
        (["experiment=reber", "model.blocks=4", "model.size=1", "model.out_biases=[-1,-2,-3,-4]"], 264),
        (["experiment=long_lag"], 10_504),
        (["experiment=random_lag"], 10_504),
        *((["experiment=distractors", f"data.p={p}"], n) for p, n in
          ((50, 364), (100, 664), (200, 1_264), (500, 3_064), (1000, 6_064))),
        (["experiment=two_sequences"], 102),
        (["experiment=noisy_signal"], 102),
        (["experiment=noisy_targets"], 102),
        (["experiment=adding"], 93),
        (["experiment=multiplication"], 93),
        ([], 156),
        (["experiment=three_marks"], 308),
    ],
)  # fmt: skip
def test_nets_have_the_weights_of_table_10(overrides: list[str], count: int) -> None:
    milestone = make(*overrides)
    assert sum(p.numel() for p in milestone.parameters()) == 3 * count
    assert sum(layer.parameters for layer in milestone.layers()) == count


def test_gates_start_with_the_biases_of_table_10_and_weights_within_the_bound() -> None:
    milestone = make("experiment=three_marks")
    bias = milestone.nets.bias
    assert bias is not None
    assert bias[:, 0, 6:9].tolist() == [[-2, -4, -6]] * 3
    others = torch.cat([bias[:, 0, :6], bias[:, 0, 9:]], 1)
    assert others.abs().max() <= 0.1
    assert others.unique().numel() == others.numel()
    staggered = make("experiment=two_sequences").nets.bias
    assert staggered is not None
    assert staggered[0, 0, 3:].tolist() == [-1, -3, -5, -2, -4, -6]
    assert max(float(p.detach().abs().max()) for n, p in milestone.named_parameters() if "bias" not in n) <= 0.1


def test_replica_seven_alone_starts_and_sees_what_it_does_among_others() -> None:
    among, alone = make("replicas=8"), make("replicas=1", "first_replica=7")
    for one, other in zip(among.parameters(), alone.parameters(), strict=True):
        assert torch.equal(one[7], other[0])
    many, single = (data.load(m.config.data, Draws.of(m.config)) for m in (among, alone))
    assert many.fresh is not None
    assert single.fresh is not None
    for epoch in (0, 3):
        for one, other in zip(many.fresh(epoch), single.fresh(epoch), strict=True):
            width = min(one.shape[-1], other.shape[-1])
            assert torch.equal(one[7][..., :width], other[0][..., :width])


# The cell, by scalar loops over the formulas of the paper.


def f(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def h(x: float) -> float:
    return 2 / (1 + math.exp(-x)) - 1


def g(x: float) -> float:
    return 4 / (1 + math.exp(-x)) - 2


class Scalar:
    """One net of memory cell blocks, its units one by one: eqs. 3–9, and the learning rule of appendix A.1.

    Cells are counted first, then input gates, then output gates; each unit v has weights from inputs, a bias, and
    weights from all hidden units u.
    """

    def __init__(self, milestone: LSTM, replica: int) -> None:
        nets, self.blocks, self.size = milestone.nets, milestone.config.model.blocks, milestone.config.model.size
        self.cells, self.units = self.blocks * self.size, self.blocks * self.size + 2 * self.blocks
        self.w_in = nets.input[replica].detach().numpy()
        self.w_rec = np.zeros((self.units, self.units)) if nets.recurrent is None else nets.recurrent[replica].detach().numpy()
        self.bias = np.zeros(self.units)
        if nets.bias is not None:
            self.bias[-nets.bias.shape[2] :] = nets.bias[replica, 0].detach().numpy()
        self.w_out = nets.output[replica].detach().numpy()
        self.b_out = np.zeros(self.w_out.shape[1])
        if nets.output_bias is not None:
            self.b_out = nets.output_bias[replica, 0].detach().numpy()
        self.linear = milestone.config.model.output == "linear"

    def forward(self, inputs: np.ndarray) -> list[dict[str, Any]]:
        """Every unit's net input and activity at every step."""
        y, s = [0.0] * self.units, [0.0] * self.cells
        steps = []
        for x in inputs:
            net = [
                sum(x[i] * self.w_in[i, v] for i in range(len(x))) + self.bias[v]
                + sum(y[u] * self.w_rec[u, v] for u in range(self.units))
                for v in range(self.units)
            ]  # fmt: skip
            before, gates = (list(y), list(s)), [f(net[v]) for v in range(self.cells, self.units)]
            y = [0.0] * self.cells + gates
            for c in range(self.cells):
                block = c // self.size
                s[c] = s[c] + gates[block] * g(net[c])
                y[c] = gates[self.blocks + block] * h(s[c])
            out = [sum(y[c] * self.w_out[c, k] for c in range(self.cells)) + self.b_out[k] for k in range(len(self.b_out))]
            steps.append({"x": x, "net": net, "y": list(y), "s": list(s), "before": before[0],
                          "out": out if self.linear else [f(o) for o in out]})  # fmt: skip
        return steps

    def gradient(self, inputs: np.ndarray, targets: dict[int, np.ndarray]) -> dict[str, np.ndarray]:
        """∂E/∂w by the storable recursions: ∂s/∂w carried forward in time (eqs. 14, 15), errors at steps with targets."""
        sources = len(inputs[0]) + 1 + self.units
        cell = np.zeros((self.cells, sources))
        gate = np.zeros((self.cells, sources))
        total = np.zeros((sources, self.units))
        w_out, b_out = np.zeros_like(self.w_out), np.zeros_like(self.b_out)
        for t, step in enumerate(self.forward(inputs)):
            seen = np.array([*step["x"], 1.0, *step["before"]])
            net = step["net"]
            for c in range(self.cells):
                block = c // self.size
                y_in = f(net[self.cells + block])
                sigma = f(net[c])
                cell[c] = cell[c] + y_in * 4 * sigma * (1 - sigma) * seen
                gate[c] = gate[c] + g(net[c]) * y_in * (1 - y_in) * seen
            if t not in targets:
                continue
            y_k = np.array(step["out"])
            error = (y_k - targets[t]) * (1.0 if self.linear else y_k * (1 - y_k))
            b_out += error
            for c in range(self.cells):
                block, s_c = c // self.size, step["s"][c]
                y_out = f(net[self.cells + self.blocks + block])
                back = float(self.w_out[c] @ error)
                w_out[c] += step["y"][c] * error
                epsilon = y_out * 0.5 * (1 + h(s_c)) * (1 - h(s_c)) * back
                total[:, c] += epsilon * cell[c]
                total[:, self.cells + block] += epsilon * gate[c]
                total[:, self.cells + self.blocks + block] += y_out * (1 - y_out) * h(s_c) * back * seen
        n = len(inputs[0])
        return {"input": total[:n], "bias": total[n : n + 1], "recurrent": total[n + 1 :], "output": w_out,
                "output_bias": b_out[None]}  # fmt: skip


CASES = [
    (),
    ("experiment=adding", "data.T=20"),
    ("experiment=distractors", "data.q=5", "data.p=4"),
    ("experiment=two_sequences", "data.T=20"),
    ("experiment=reber", "update=sequence"),
]


def sequence(milestone: LSTM, batch: Batch, replica: int, item: int) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """One sequence of a batch as dense inputs, and its targets by step."""
    x, y = batch.x[replica, item], batch.y[replica, item].numpy()
    length = int(sequences.lengths(x))
    dense = milestone.nets.dense(x[None, None])[0, 0, :length].double().numpy()
    return dense, {t: y[t] for t in range(length)} if milestone.task.stepwise else {length - 1: y}


@pytest.mark.parametrize("overrides", CASES)
def test_the_cell_is_the_papers_by_scalar_loops(overrides: tuple[str, ...]) -> None:
    milestone = ready(*overrides)
    batch = first_block(milestone)
    with torch.no_grad():
        outputs = milestone(batch.x)
    for replica in range(3):
        for item in range(2):
            inputs, targets = sequence(milestone, batch, replica, item)
            steps = Scalar(milestone, replica).forward(inputs)
            for t in targets:
                row = t if milestone.task.stepwise else 0
                assert outputs[row, replica, item].tolist() == pytest.approx(steps[t]["out"], abs=1e-12)


def slopes(milestone: LSTM, batch: Batch) -> dict[str, Tensor]:
    """Each parameter's slope of ½ Σ e² over a batch by a step, whose change of the weights is undone."""
    before = {name: p.detach().clone() for name, p in milestone.nets.named_parameters()}
    milestone.step(batch)
    rate = float(milestone.phase.optimizers["main"].param_groups[0]["lr"])  # of float32, as it is applied
    found = {name: (before[name] - p.detach()) / rate for name, p in milestone.nets.named_parameters()}
    for name, p in milestone.nets.named_parameters():
        p.data.copy_(before[name])
    return found


@pytest.mark.parametrize("overrides", CASES)
def test_truncated_gradient_is_that_of_the_papers_forward_recursions(overrides: tuple[str, ...]) -> None:
    milestone = ready(*overrides)
    batch = first_block(milestone)
    found = slopes(milestone, batch)
    for replica in range(3):
        own: dict[str, np.ndarray] = {}
        for item in range(2):
            for name, slope in Scalar(milestone, replica).gradient(*sequence(milestone, batch, replica, item)).items():
                own[name] = own.get(name, 0) + slope
        for name, slope in found.items():
            expected = own[name][:, -slope.shape[2] :] if name == "bias" else own[name]
            assert slope[replica].numpy() == pytest.approx(expected, rel=1e-9, abs=1e-13), name


@pytest.mark.parametrize("overrides", [*CASES, ("experiment=long_lag", "data.p=6", "update=sequence")])
def test_truncated_gradient_is_autograd_with_the_recurrent_activities_detached(overrides: tuple[str, ...]) -> None:
    milestone = ready(*overrides)
    batch, nets, form = first_block(milestone), milestone.nets, milestone.nets.form
    y = torch.zeros(3, 2, form.units, dtype=torch.float64)
    s, found = torch.zeros(3, 2, form.cells, dtype=torch.float64), []
    for now in nets.net(batch.x):
        counted = y.detach() if form.gates else y[..., : form.cells].detach()
        total = now if nets.recurrent is None else now + torch.einsum("rbk,rkh->rbh", counted, nets.recurrent)
        sigma = total.sigmoid()
        gate = {k: form.of_cells(sigma[..., at]) for k, at in form.columns.items() if k != "cells"}
        cell = sigma[..., : form.cells]
        s = s + gate["in"] * (cell if form.plain else 4 * cell - 2)
        out = s if form.plain else 2 * s.sigmoid() - 1
        out = out * gate["out"] if form.output_gate else out
        y = torch.cat([out, sigma[..., form.cells :]], -1)
        found.append(out)
    output = nets.answer(nets.asked(torch.stack(found), batch.x), batch.x)
    _, target = milestone.targets(*batch)
    loss = 0.5 * ((output - target) * milestone.asked(batch.x)).square().sum()
    expected = torch.autograd.grad(loss, [*nets.parameters()])
    for (name, slope), own in zip(slopes(milestone, batch).items(), expected, strict=True):
        assert torch.allclose(slope, own, rtol=1e-9, atol=1e-13), name


def test_full_gradient_is_that_of_finite_differences() -> None:
    milestone = ready("gradient=full", "data.T=20")
    batch = first_block(milestone)
    found = slopes(milestone, batch)

    def energy() -> float:
        with torch.no_grad():
            return 0.5 * float((milestone(batch.x) - milestone.targets(*batch)[1]).square().sum())

    rng = np.random.default_rng(0)
    for name, p in milestone.nets.named_parameters():
        for _ in range(6):
            place = tuple(int(rng.integers(n)) for n in p.shape)
            ends = []
            for sign in (1, -1):
                p.data[place] += sign * 1e-5
                ends.append(energy())
                p.data[place] -= sign * 1e-5
            assert float(found[name][place]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-9), name
    assert not torch.allclose(found["recurrent"], slopes(ready("data.T=20"), batch)["recurrent"], rtol=1e-3)


@pytest.mark.parametrize("carousel", [1.0, 0.9])
@torch.no_grad()
def test_the_quick_pass_is_the_plain_one(carousel: float) -> None:
    milestone = ready(f"model.carousel={carousel}")
    nets, x = milestone.nets, first_block(milestone).x
    plain = memory.unrolled(nets.form, nets.net(x), nets.recurrent)
    assert torch.allclose(memory.run(nets.form, nets.net(x), nets.recurrent).y[1:, ..., :4], plain, atol=1e-14)


@torch.no_grad()
def test_error_in_the_carousel_stays_and_fades_with_another_weight() -> None:
    for carousel in (1.0, 0.9):
        milestone = ready(f"model.carousel={carousel}")
        nets, x = milestone.nets, first_block(milestone, 1).x
        tape = memory.run(nets.form, nets.net(x), nets.recurrent)
        blame = torch.zeros(tape.steps, 3, 1, 4, dtype=torch.float64)
        blame[-1] = 1.0
        state = memory.truncated(nets.form, tape, blame).state
        assert torch.allclose(state[10], state[-1] * carousel ** (tape.steps - 11), rtol=1e-9)


@pytest.mark.parametrize("overrides", [("experiment=reber",), ("experiment=long_lag", "data.p=5")])
def test_changes_at_every_step_add_up_to_the_gradient_where_the_rate_is_tiny(overrides: tuple[str, ...]) -> None:
    by_step, whole = (ready(*overrides, "optimizer.lr=1e-9", f"update={u}") for u in ("step", "sequence"))
    batch = first_block(by_step, 1)
    for (name, one), other in zip(slopes(by_step, batch).items(), slopes(whole, batch).values(), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6), name


def test_changes_at_every_step_are_the_papers_on_line_rule_by_scalar_loops() -> None:
    milestone = ready("experiment=reber", "replicas=1")
    batch, rate = first_block(milestone, 1), 0.5
    inputs, targets = sequence(milestone, batch, 0, 0)
    nets = {name: p.detach()[0].numpy().copy() for name, p in milestone.nets.named_parameters()}
    scalar = Scalar(milestone, 0)
    scalar.w_in, scalar.w_rec, scalar.w_out = nets["input"], nets["recurrent"], nets["output"]
    form, y, s = milestone.nets.form, np.zeros(12), np.zeros(6)
    cell, gate = np.zeros((6, 20)), np.zeros((6, 20))
    for t, x in enumerate(inputs):
        seen = np.concatenate([x, [1.0], y])
        net = x @ scalar.w_in + y @ scalar.w_rec
        net[6:] += nets["bias"][0]
        y_in, y_out, sigma = (1 / (1 + np.exp(-net[at])) for at in (slice(6, 9), slice(9, 12), slice(0, 6)))
        of = np.arange(6) // 2
        cell += (y_in[of] * 4 * sigma * (1 - sigma))[:, None] * seen
        gate += ((4 * sigma - 2) * (y_in * (1 - y_in))[of])[:, None] * seen
        s = s + y_in[of] * (4 * sigma - 2)
        out = 2 / (1 + np.exp(-s)) - 1
        y = np.concatenate([y_out[of] * out, y_in, y_out])
        answer = 1 / (1 + np.exp(-(y[:6] @ scalar.w_out)))
        error = (answer - targets[t]) * answer * (1 - answer)
        back = scalar.w_out @ error
        epsilon = y_out[of] * 0.5 * (1 - out**2) * back
        total = np.zeros((20, 12))
        total[:, :6] = (epsilon[:, None] * cell).T
        for block in range(3):
            mine = slice(2 * block, 2 * block + 2)
            total[:, 6 + block] = (epsilon[:, None] * gate)[mine].sum(0)
            total[:, 9 + block] = y_out[block] * (1 - y_out[block]) * (out * back)[mine].sum() * seen
        scalar.w_in -= rate * total[:7]
        nets["bias"][0] -= rate * total[7, 6:]
        scalar.w_rec -= rate * total[8:]
        scalar.w_out -= rate * np.outer(y[:6], error)
    milestone.step(batch)
    assert form.units == 12
    for name, value in nets.items():
        assert milestone.nets.get_parameter(name)[0].detach().numpy() == pytest.approx(value, abs=1e-12), name
