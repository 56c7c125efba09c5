"""LSTM (1997): the paper's counts and generators, the cell against scalar loops, its gradients against the appendix."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import landmarks
from landmarks import assemble, compare, config, data, execute, runs
from landmarks.data import Draws, sequences
from landmarks.errors import UsageError
from landmarks.milestone import Batch, Decision
from landmarks.milestones.lstm import LSTM
from landmarks.parts import memory_cells as memory
from landmarks.parts.replicas import ReplicaDescent, Streak
from tests.test_loop import Killed, same

pytestmark = pytest.mark.usefixtures("compose_once")
PAPER = ["scale=paper", "replicas=3"]


def make(*overrides: str) -> LSTM:
    milestone = assemble.make(config.compose("lstm", [*PAPER, *overrides]))
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
        self.w_rec = (
            np.zeros((self.units, self.units)) if nets.recurrent is None else nets.recurrent[replica].detach().numpy()
        )
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
            out = [
                sum(y[c] * self.w_out[c, k] for c in range(self.cells)) + self.b_out[k] for k in range(len(self.b_out))
            ]
            steps.append({"x": x, "net": net, "y": list(y), "s": list(s), "before": before[0],
                          "out": out if self.linear else [f(o) for o in out]})  # fmt: skip
        return steps

    def gradient(self, inputs: np.ndarray, targets: dict[int, np.ndarray]) -> dict[str, np.ndarray]:
        """∂E/∂w by the storable recursions: ∂s/∂w carried forward in time (eqs. 14, 15), errors where targets are."""
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


# The sequences, against the paper's definitions.


def block(name: str, *overrides: str, count: int = 300) -> tuple[Tensor, Tensor]:
    """A block of fresh sequences of one replica, x (N, T, …) and y."""
    words = [f"experiment={name}"] if name else []
    settings = make(*words, "replicas=1", f"data.block={count}", *overrides).config
    found = data.load(settings.data, Draws.of(settings))
    assert found.fresh is not None
    x, y = found.fresh(1)
    return x[0], y[0]


def automaton(text: str) -> list[set[str]]:
    """What may follow each symbol of an inner Reber string, by the paper's figure; raises KeyError if it is none."""
    arcs = {
        (0, "B"): 1, (1, "T"): 2, (1, "P"): 3, (2, "S"): 2, (2, "X"): 4, (3, "T"): 3, (3, "V"): 5,
        (4, "X"): 3, (4, "S"): 6, (5, "P"): 4, (5, "V"): 6, (6, "E"): 7,
    }  # fmt: skip
    state, found = 0, []
    for symbol in text:
        state = arcs[state, symbol]
        found.append({s for (at, s) in arcs if at == state})
    assert state == 7
    return found


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_embedded_reber_strings_obey_their_automaton(seed: int) -> None:
    text, legal = sequences.string(np.random.default_rng(seed))
    assert len(text) >= 9
    assert re.fullmatch(r"B([TP])B.+E\1E", text)
    inner = automaton(text[2:-2])
    expected = [{"T", "P"}, {"B"}, *inner[:-1], {text[1]}, {"E"}]
    assert [set(symbols) for symbols in legal] == expected


def test_reber_choices_are_even_and_short_strings_come_often() -> None:
    rng = np.random.default_rng(5)
    texts = [sequences.string(rng)[0] for _ in range(4000)]
    assert 0.47 < np.mean([text[1] == "T" for text in texts]) < 0.53
    inner = [text[3] for text in texts]
    assert 0.47 < np.mean([symbol == "T" for symbol in inner]) < 0.53
    assert 0.22 < np.mean([len(text) == 9 for text in texts]) < 0.28  # B T X S E and B P V V E, 1/8 each


def test_reber_sets_are_of_256_strings_and_share_none() -> None:
    milestone = make("experiment=reber", "replicas=5")
    found = data.load(milestone.config.data, Draws.of(milestone.config))
    train, test = (found.splits[name].x for name in ("train", "test"))
    assert train.shape[:2] == test.shape[:2] == (5, 256)
    assert torch.equal(train[0], train[3])  # three pairs of sets
    assert not torch.equal(train[0], train[1])
    for own, other in zip(train, test, strict=True):
        strings = {tuple(row.tolist()) for row in own}
        assert len(strings) < 256  # by chance some come twice
        assert not strings & {tuple(row.tolist()) for row in other}
    assert found.fresh is not None
    shown = found.fresh(2)
    assert {tuple(row.tolist()) for row in shown.x[1]} <= {tuple(row.tolist()) for row in train[1]}


def test_lags_without_and_with_noise() -> None:
    x, y = block("long_lag", "data.p=6")
    for row, target in zip(x.tolist(), y, strict=True):
        assert row in ([5, 0, 1, 2, 3, 4], [6, 0, 1, 2, 3, 4])
        assert target.argmax(1).tolist() == [*row[1:], row[0]]
        assert target.sum() == 6
    assert 100 < (x[:, 0] == 5).sum() < 200
    x, y = block("random_lag", "data.p=6")
    assert x.shape == (300, 6)
    assert set(x[:, 1:].flatten().tolist()) == {0, 1, 2, 3, 4}
    assert torch.equal(y[:, -1].argmax(1), x[:, 0].long())
    assert torch.equal(y[:, :-1].argmax(2), x[:, 1:].long())


def test_distractors_go_on_with_nine_chances_of_ten() -> None:
    x, y = block("distractors", "data.p=7", "data.q=12", count=3000)
    length = sequences.lengths(x)
    assert (x[:, 0] == 7).all()
    assert torch.equal(x[:, 1].long() - 9, y.argmax(1))
    assert (x.gather(1, length[:, None] - 1) == 8).all()
    inner = [row[2 : n - 1].tolist() for row, n in zip(x, length, strict=True)]
    assert all(0 <= symbol < 7 for row in inner for symbol in row)
    more = length - 3 - 12
    assert more.min() == 0
    assert 8.4 < more.float().mean() < 9.6  # a geometric distribution has mean 9
    assert 0.08 < (more == 0).float().mean() < 0.12


@pytest.mark.parametrize(("name", "marks"), [("", 2), ("three_marks", 3)])
def test_temporal_order_is_that_of_section_5_6(name: str, marks: int) -> None:
    x, y = block(name)
    places = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}[marks]
    lengths, seen = set(), set()
    for row, target in zip(x.tolist(), y, strict=True):
        n = sum(symbol >= 0 for symbol in row)
        lengths.add(n)
        assert row[0] == 0
        assert row[n - 1] == 1
        at = [i for i in range(n) if row[i] > 5]
        assert len(at) == marks
        assert all(low <= i <= high for i, (low, high) in zip(at, places, strict=True))
        assert all(2 <= row[i] <= 5 for i in range(1, n - 1) if i not in at)
        label = sum(2 ** (marks - 1 - k) * (row[i] == 7) for k, i in enumerate(at))
        assert target.tolist() == [float(k == label) for k in range(2**marks)]
        seen |= {(k, i) for k, i in enumerate(at)}
    assert lengths == set(range(100, 111))
    assert {i for k, i in seen if k == 0} == set(range(10, 21))
    shorter, _ = block(name, "data.T=30")
    assert {int(n) for n in sequences.lengths(shorter)} == {30, 31, 32, 33}


@pytest.mark.parametrize("name", ["adding", "multiplication"])
def test_adding_and_multiplication_are_those_of_sections_5_4_and_5_5(name: str) -> None:
    x, y = block(name, count=2000)
    rare = 0
    for row, target in zip(x.double(), y.double(), strict=True):
        n = int(sequences.lengths(row))
        assert 100 <= n <= 110
        value, mark = row[:n, 0], row[:n, 1]
        assert mark[0] == mark[-1] == -1
        assert (value >= (0 if name == "multiplication" else -1)).all()
        assert (value <= 1).all()
        at = torch.nonzero(mark == 1)[:, 0].tolist()
        assert ((mark == 0) | (mark == 1))[1:-1].all()
        if len(at) == 1:  # the first pair was chosen as the first one
            rare += 1
            one, two = (1.0 if name == "multiplication" else 0.0), value[at[0]]
        else:
            one, two = value[at[0]], value[at[1]]
            assert min(at) < 10
        assert all(0 < i < 49 for i in at)
        expected = one * two if name == "multiplication" else 0.5 + (one + two) / 4
        assert float(target) == pytest.approx(float(expected), abs=1e-6)
    assert 150 < rare < 250


@pytest.mark.parametrize(
    ("name", "clean"), [("two_sequences", (1, 0)), ("noisy_signal", (1, 0)), ("noisy_targets", (0.2, 0.8))]
)
def test_two_sequences_have_their_variances(name: str, clean: tuple[float, float]) -> None:
    x, y = block(name, "data.N=3", count=2000)
    noise = x[:, 3:][~x[:, 3:].isnan()]
    assert float(noise.var()) == pytest.approx(0.2, rel=0.02)
    assert float(noise.mean()) == pytest.approx(0, abs=0.01)
    first = x[y[:, 0] == clean[0]][:, :3]
    assert float(first.mean()) == pytest.approx(1, abs=0.03)
    assert float(first.var()) == pytest.approx(0 if name == "two_sequences" else 0.2, abs=0.02)
    assert {round(float(v), 6) for v in y[:, 0]} == set(clean)
    assert y.shape[1] == (2 if name == "noisy_targets" else 1)
    if name == "noisy_targets":
        assert float((y[:, 1] - y[:, 0]).var()) == pytest.approx(0.1, rel=0.1)
    assert Counter(int(n) for n in sequences.lengths(x)).keys() == set(range(100, 111))


@pytest.mark.parametrize(
    "name", ["reber", "long_lag", "random_lag", "distractors", "two_sequences", "noisy_signal", "noisy_targets",
             "adding", "multiplication", "three_marks"],
)  # fmt: skip
def test_sequences_are_the_same_twice_and_every_epoch_and_replica_has_its_own(name: str) -> None:
    words = ["data.p=5"] if "lag" in name else []
    settings = make(f"experiment={name}", *words).config
    one, other = (data.load(settings.data, Draws.of(settings)) for _ in range(2))
    assert one.fresh is not None
    assert other.fresh is not None
    assert one.checksum == other.checksum
    first, again, later = one.fresh(4), other.fresh(4), one.fresh(5)
    assert torch.equal(first.x, again.x) or first.x.is_floating_point()
    assert torch.equal(first.y, again.y)
    if name != "long_lag":
        steps = min(first.x.shape[2], later.x.shape[2])
        assert not torch.equal(first.x[:, :, :steps].nan_to_num(), later.x[:, :, :steps].nan_to_num())
        assert not torch.equal(first.x[0].nan_to_num(), first.x[1].nan_to_num())


# Learning: the criterion, who is frozen, which net is used.


def scalar_streak(
    missed: list[list[bool]], errors: list[list[float]], window: int, wrong: int, limit: float
) -> list[int]:
    """After how many sequences the criterion is met first, by looking back over each list; 0 where it never is."""
    found = []
    for own, error in zip(missed, errors, strict=True):
        at = (
            n for n in range(window, len(own) + 1)
            if sum(own[n - window : n]) <= wrong and sum(error[n - window : n]) / window < limit
        )  # fmt: skip
        found.append(next(at, 0))
    return found


@given(seed=st.integers(0, 10_000), window=st.integers(1, 9), wrong=st.integers(0, 3), size=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_the_stop_rule_is_that_of_the_text(seed: int, window: int, wrong: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    window = max(window, size)
    missed, errors = rng.random((3, 30)) < 0.2, rng.random((3, 30))
    streak, first = Streak(3, window, wrong, 0.5), [0] * 3
    for at in range(0, 30, size):
        part = slice(at, at + size)
        _, met = streak.add(torch.from_numpy(missed[:, part]), torch.from_numpy(errors[:, part]).float())
        for r in range(3):
            first[r] = first[r] or (at + size) * bool(met[r])
    expected = scalar_streak(missed.tolist(), errors.tolist(), window, wrong, 0.5)
    if size == 1:
        assert first == expected
    else:  # looked at after each batch
        assert all(not e or not f or f >= e for f, e in zip(first, expected, strict=True))


def test_sequences_of_a_test_window_are_not_among_those_it_took() -> None:
    for overrides, expected in (((), [0, 12, 0]), (("criterion.counted=false",), [0, 2, 0])):
        milestone = make("data.T=20", "criterion.window=10", "criterion.error=null", *overrides)
        milestone.sequences.fill_(12)
        met = torch.tensor([False, True, False])
        milestone.meet(met, met)
        milestone.sequences.add_(5 * ~milestone.done)
        milestone.meet(met, met)
        assert [n * d for n, d in zip(milestone.sequences.tolist(), milestone.done.tolist(), strict=True)] == expected
        assert milestone.sequences[0] == 17
    assert not make("experiment=long_lag").config.criterion.counted  # 5,040 is less than the 10,000 of the test


def test_without_the_cell_outputs_are_of_the_inputs_alone_for_either_gradient() -> None:
    found = []
    for gradient in ("truncated", "full"):
        milestone = make("experiment=long_lag", "data.p=5", "update=sequence", f"gradient={gradient}").double()
        milestone.phase = milestone.phases()[0]
        milestone.phase.optimizers["main"].param_groups[0]["lr"].fill_(1.0)
        found.append(slopes(milestone, first_block(milestone))["shortcut"])
    assert torch.allclose(*found, atol=1e-12)


def test_a_replica_that_has_learned_is_frozen_to_the_bit_and_counts_no_more() -> None:
    milestone = ready("data.T=20")
    milestone.done[1] = True
    milestone.sequences[1] = 7
    before = {name: p.detach().clone() for name, p in milestone.named_parameters()}
    milestone.step(first_block(milestone))
    for name, p in milestone.named_parameters():
        assert torch.equal(p[1], before[name][1])
        assert not torch.equal(p[0], before[name][0])
    assert milestone.sequences.tolist() == [2, 7, 2]


def test_descent_cuts_long_gradients_of_each_replica_alone() -> None:
    weights = [torch.nn.Parameter(torch.zeros(2, 3, 1)), torch.nn.Parameter(torch.zeros(2, 1, 1))]
    rule = ReplicaDescent(weights, torch.tensor([True, True]), clip=1.0)
    rule.param_groups[0]["lr"].fill_(1.0)
    weights[0].grad, weights[1].grad = torch.full((2, 3, 1), 2.0), torch.full((2, 1, 1), 2.0)
    weights[0].grad[1], weights[1].grad[1] = 0.1, 0.1
    rule.step()
    assert float(torch.cat([w.detach()[0].flatten() for w in weights]).norm()) == pytest.approx(1.0)
    assert weights[0][1].flatten().tolist() == pytest.approx([-0.1] * 3)


def test_strings_are_missed_where_an_illegal_symbol_leads() -> None:
    milestone = make("experiment=reber", "replicas=1")
    x, y = (tensor[:, :4] for tensor in data.load(milestone.config.data, Draws(0, 1)).splits["train"])
    clean, _ = milestone.targets(x, y)
    perfect = 0.1 + 0.8 * clean
    assert milestone.judged(x, perfect, clean)[0].tolist() == [[False] * 4]
    slip = perfect.clone()
    illegal = int((clean[3, 0, 2] == 0).nonzero()[0])
    slip[3, 0, 2, illegal] = 0.95
    assert milestone.judged(x, slip, clean)[0].tolist() == [[False, False, True, False]]
    past = perfect.clone()
    past[int(sequences.lengths(x)[0, 1]) :, 0, 1] = torch.rand(7)
    assert not milestone.judged(x, past, clean)[0].any()


def test_only_the_last_symbol_counts_where_those_between_are_random() -> None:
    milestone = make("experiment=random_lag", "data.p=5", "replicas=1")
    x, y = first_block(milestone)
    clean, _ = milestone.targets(x, y)
    wrong_between = clean.clone()
    wrong_between[1] = 0.5
    assert not milestone.judged(x, wrong_between, clean)[0].any()
    wrong_between[-1, 0, 0] = 0.5
    assert milestone.judged(x, wrong_between, clean)[0].tolist() == [[True, False]]


def test_the_cell_comes_in_once_the_inputs_alone_learn_no_more() -> None:
    milestone = make("experiment=long_lag", "data.p=5", "replicas=2")
    alone, _ = phases = milestone.phases()
    assert [phase.name for phase in phases] == ["inputs alone", "gradient descent"]
    milestone.phase = alone
    alone.optimizers["main"].param_groups[0]["lr"].fill_(1.0)
    cell = milestone.nets.input.detach().clone()
    for loss, expected in ((4.0, Decision.CONTINUE), (2.0, Decision.CONTINUE), (1.9, Decision.END_PHASE)):
        milestone.step(
            Batch(*(t[:, :3].float() if t.is_floating_point() else t[:, :3] for t in first_block(milestone, 3)))
        )
        milestone.memory["stretch"] = torch.tensor([2 * loss, 2.0])  # two updates since the last evaluation
        assert milestone.decide({}) is expected
    assert torch.equal(milestone.nets.input, cell)


@pytest.mark.parametrize(
    "overrides",
    [
        ("experiment=srn",),
        ("experiment=srn", "model.activation=tanh", "optimizer.clip=1.0"),
        ("model.cell=lstm2000", "gradient=full"),
        ("model.cell=nn_lstm", "model.units=4", "model.in_biases=null", "gradient=full", "model.bias=none"),
    ],
)
def test_the_other_nets_learn_too(overrides: tuple[str, ...]) -> None:
    milestone = ready(*overrides, "data.T=20")
    batch = first_block(milestone, 4)
    losses = [float(milestone.step(batch)["loss"]) for _ in range(30)]
    assert losses[-1] < 0.9 * losses[0]
    assert torch.isfinite(torch.tensor(losses)).all()


def test_torchs_own_lstm_runs_with_the_weights_of_each_replica() -> None:
    milestone = ready("model.cell=nn_lstm", "model.units=4", "model.in_biases=null", "gradient=full", "model.bias=none",
                      "data.T=20")  # fmt: skip
    x, nets = first_block(milestone).x, milestone.nets
    for replica in range(3):
        own = torch.nn.LSTM(8, 4).double()
        own.load_state_dict({n: nets.get_parameter(n)[replica].squeeze(0) for n in own.state_dict()})
        expected, _ = own(nets.dense(x[replica]).double().transpose(0, 1))
        assert torch.allclose(nets.hidden(x)[:, replica], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["epochs=3"], "steps and eval_every must be numbers and epochs null"),
        (["model.cell=simple", "gradient=full"], "model.units must be a whole number for model.cell=simple, got null"),
        (["model.units=3"], "model.units must be null for model.cell=lstm1997, got 3"),
        (["model.cell=lstm2000"], "gradient must be full for model.cell=lstm2000"),
        (["update=step"], "update must be sequence"),
        (["model.in_biases=[-1]"], "one number for each of the 2 blocks"),
        (["model.bias=none"], "model.bias=none says that there are none"),
        (["experiment=srn", "model.carousel=0.9"], "is of model.cell=lstm1997 alone"),
        (["data.p=5"], "data.p is without effect on temporal_order and must be null there, got 5"),
        (["data.T=null"], "data.T must be given for temporal_order, got null"),
        (["data.T=10"], "data.T must be at least 20, got 10"),
        (["data.marks=4"], "data.marks must be 2 or 3, got 4"),
        (["targets=next"], "targets=next: is without effect on data.name=temporal_order"),
        (["experiment=reber", "targets=end"], "targets=end: is without effect on data.name=reber"),
        (["model.cell=nn_lstm", "model.units=4", "gradient=full"], "model.in_biases is of memory cells alone"),
        (["experiment=srn", "model.plain=true"], "model.plain is of memory cells alone, and must be false"),
        (["experiment=srn", "model.bias=gates"], "model.bias must not be gates for model.cell=simple"),
        (["model.activation=tanh"], "model.activation is of model.cell=simple alone"),
        (["experiment=reber", "criterion.window=7"], "criterion.window, wrong, error and counted must be"),
        (["model.shortcut=true"], "asks at the end alone"),
        (["batch_size=3"], "data.block must be a multiple of batch_size (3), got 100"),
        (["criterion.tolerance=null"], "criterion.tolerance must be null for reber"),
        (["experiment=two_sequences", "data.N=100"], "data.N must be smaller than data.T"),
        (["data.name=logic"], "data.name must be reber"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(overrides: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        make(*overrides)


# As users run it.

TINY = ["data.T=20", "data.tested=40", "steps=60", "eval_every=10", "log_every=10", "checkpoint_every=7"]
EASY = ["criterion.window=160", "criterion.tolerance=0.9", "criterion.error=0.3785"]
"""Met after 656 to 720 sequences, before anything is learned."""


@pytest.mark.parametrize(
    ("overrides", "kill_at"),
    [
        ([*TINY, *EASY], 44),
        (["experiment=reber", "replicas=3", "data.strings=12", "steps=60", "eval_every=20", "checkpoint_every=9",
          "data.block=20", "update=step"], 33),
        (["experiment=long_lag", "data.p=4", "replicas=3", "data.tested=8", "steps=200", "eval_every=20",
          "log_every=50", "checkpoint_every=15", "batch_size=1", "optimizer.lr=1.0", "data.block=10"], 260),
    ],
)  # fmt: skip
def test_a_killed_run_ends_as_an_uninterrupted_one(
    overrides: list[str], kill_at: int, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a block, with replicas that are done already, and after a change of phase."""
    composed = config.compose("lstm", [*overrides, "figures=false"])
    whole = execute.start(composed, quiet=True)
    with monkeypatch.context() as patch:
        count, step = [0], LSTM.step

        def killed(self: LSTM, batch: Batch) -> dict[str, Tensor]:
            count[0] += 1
            if count[0] == kill_at:
                raise Killed
            return step(self, batch)

        patch.setattr(LSTM, "step", killed)
        with pytest.raises(Killed):
            execute.start(config.compose("lstm", [*overrides, "figures=false"]), quiet=True)
    cut = runs.find("last", "runs")
    assert cut != whole
    execute.resume(cut, quiet=True)
    assert same(whole, cut)
    if overrides[:6] == TINY:
        assert 0 < landmarks.load(whole).curves["train/solved"].value[4] < 1


def test_a_run_cut_between_its_phases_and_made_longer_ends_as_a_longer_one(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["experiment=long_lag", "data.p=4", "replicas=2", "data.tested=8", "eval_every=20", "log_every=20",
             "data.block=10", "figures=false"]  # fmt: skip
    longer = execute.start(config.compose("lstm", [*words, "steps=300"]), quiet=True)
    with monkeypatch.context() as patch:
        step = LSTM.step

        def killed(self: LSTM, batch: Batch) -> dict[str, Tensor]:
            if self.phase.name != "inputs alone":
                raise Killed
            return step(self, batch)

        patch.setattr(LSTM, "step", killed)
        with pytest.raises(Killed):
            execute.start(config.compose("lstm", [*words, "steps=250"]), quiet=True)
    cut = runs.find("last", "runs")
    execute.resume(cut, ["steps=300"], quiet=True)
    first = landmarks.load(longer).curves["train/loss"]
    assert landmarks.load(cut).curves["train/loss"] == first
    assert 0 < max(first.step) - 300 < 250  # the first phase ended before its length
    assert (longer / "model.safetensors").read_bytes() == (cut / "model.safetensors").read_bytes()


def test_a_quick_run_says_what_came_out_and_draws_it(workplace: Path) -> None:
    run = landmarks.run("lstm", *TINY, *EASY, quiet=True)
    assert re.match(
        r"lstm: learned in \d of 5 starts, after [\d,]+ sequences on average .*; then [\d.]+ % of 40 test sequences are"
        r" wrong; paper: no number for this net",
        run.result,
    )
    assert {"curves", "errors", "sequences", "cells", "error_flow"} == set(run.figures)
    none = landmarks.run("lstm", *TINY, "experiment=srn", quiet=True)
    assert none.result.startswith(
        "lstm: learned in 0 of 5 starts; 100.0 % of the test sequences are wrong; paper: no number"
    )
    assert "sequences" not in none.figures
    assert compare.Comparison([none.folder]).metrics == ["train/error"]  # what is measured at the end is no curve


def test_each_row_of_the_tables_is_beside_its_own_configuration() -> None:
    for overrides, expected in {
        (): "S15a", ("experiment=three_marks",): "S15b", ("experiment=adding", "data.T=500"): "S13b",
        ("experiment=adding",): "S13a", ("experiment=reber",): "S3e", ("experiment=reber", "optimizer.lr=0.1"): "S3b",
        ("experiment=distractors",): "S8a", ("experiment=distractors", "data.q=1000", "data.p=200"): "S9c",
        ("experiment=two_sequences", "data.N=1"): "S10b2", ("experiment=noisy_targets",): "S12a2",
        ("experiment=multiplication", "criterion.wrong=12"): "S14b", ("experiment=long_lag",): "S6",
        ("experiment=long_lag", "data.p=10"): None, ("experiment=adding", "data.T=50"): None,
        ("experiment=two_sequences", "data.variant=b"): "S11a2", ("data.marks=3",): "S15b",
        ("experiment=srn",): None, ("model.cell=lstm2000", "gradient=full"): None, ("data.T=30",): None,
    }.items():  # fmt: skip
        claim = make(*overrides).claim
        assert (claim and claim.id) == expected, overrides


EVERY = ["", "adding", "distractors", "long_lag", "multiplication", "noisy_signal", "noisy_targets", "random_lag",
         "reber", "three_marks", "two_sequences"]  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_the_papers_protocol_departs_in_nothing_that_could_be_as_it_was(name: str) -> None:
    said = {
        scale: {d.id for d in LSTM.card.departures if d.applies(
            assemble.make(config.compose("lstm", [f"scale={scale}", *[f"experiment={name}"] * bool(name)])).config)}
        for scale in ("paper", "quick")
    }  # fmt: skip
    assert said["paper"] == {"float32", *["strings"] * (name == "reber")}
    assert ("stop" in said["quick"]) == (name in ("long_lag", "random_lag", "distractors"))
    assert ("lags" in said["quick"]) == (name not in ("", "reber"))


def test_a_trained_run_is_measured_on_longer_sequences(workplace: Path) -> None:
    run = landmarks.run("lstm", *TINY, *EASY, "figures=false", quiet=True)
    assert run.evaluate() == {n: v for n, v in run.metrics.items() if n.startswith("test/")}
    longer = run.evaluate("data.T=40", "data.tested=30")
    assert longer["test/solved"] == 1
    assert longer["test/error"] != run.metrics["test/error"] or longer["test/absolute_error"] != pytest.approx(
        run.metrics["test/absolute_error"]
    )
    with pytest.raises(UsageError, match="patterns of another shape"):
        run.evaluate("data.marks=3")
