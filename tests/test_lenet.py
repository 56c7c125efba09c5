"""LeNet-5: what the 1998 paper says of its network, losses and learning rule, and the written-out update."""

from __future__ import annotations

import gzip
import itertools
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from landmarks import assemble, config, execute
from landmarks.data.batches import Batches
from landmarks.data.pictures import DIGITS, moved
from landmarks.errors import UsageError
from landmarks.milestone import Batch, Data, Split
from landmarks.milestones.lenet import LeNet
from landmarks.parts import lenets, second_order
from landmarks.results import Run

pytestmark = pytest.mark.usefixtures("compose_once")


def make(*overrides: str) -> LeNet:
    milestone = assemble.make(config.compose("lenet", overrides))
    assert isinstance(milestone, LeNet)
    return milestone


def digits(n: int = 24) -> Data:
    """Blobs that look a little like digits."""
    generator = torch.Generator().manual_seed(7)
    coarse = torch.rand(n, 1, 7, 7, generator=generator)
    x = (F.interpolate(coarse, size=(28, 28), mode="bilinear").clamp(0.4, 0.9).sub(0.4) * 510).to(torch.uint8)[:, 0]
    return Data("blobs", {"train": Split(x, torch.arange(n) % 10)}, "0" * 64, classes=DIGITS)


def losses(milestone: LeNet, one: Batch) -> Tensor:
    """E of each pattern, (B,), by the plain form."""
    outputs = milestone.outputs(one.x)
    return milestone.losses(outputs, milestone.penalties(outputs), one.y)


def begin(milestone: LeNet, data: Data, rate: float = 5e-4) -> None:
    """Stand where the loop stands at the first step."""
    (milestone.phase,) = milestone.phases()
    milestone.begin_epoch(data)
    milestone.phase.optimizers["main"].param_groups[0]["lr"].fill_(rate)


def batch(data: Data, start: int, size: int = 1) -> Batch:
    x, y = data.splits["train"]
    return Batch(x[start : start + size], y[start : start + size])


def test_c3_connects_as_table_1() -> None:
    rows = [[int(i) for i in row] for row in lenets.TABLE_I.split()]
    assert [len(row) for row in rows] == [3] * 6 + [4] * 9 + [6]
    assert [sum(i in row for row in rows) for i in range(6)] == [10] * 6
    assert rows[4] == [0, 4, 5]
    assert rows[14] == [0, 2, 3, 5]
    c3 = make().network["C3"]
    inputs = torch.zeros(1, 6, 14, 14)
    blank = c3.sum(inputs, c3.weight, c3.bias)
    for i in range(6):
        one = inputs.clone()
        one[0, i] = 1
        touched = (c3.sum(one, c3.weight, c3.bias) != blank).any(dim=(0, 2, 3))
        assert touched.nonzero()[:, 0].tolist() == [o for o, row in enumerate(rows) if i in row]


def test_layers_count_60000_parameters_and_340908_connections() -> None:
    rows = {row.name: (row.output, row.parameters, row.connections) for row in make().layers()}
    assert rows == {
        "C1": ("6@28×28", 156, 122_304),
        "S2": ("6@14×14", 12, 5_880),
        "C3": ("16@10×10", 1_516, 151_600),
        "S4": ("16@5×5", 32, 2_000),
        "C5": ("120@1×1", 48_120, 48_120),
        "F6": ("84", 10_164, 10_164),
        "RBF": ("10", 0, 840),
    }
    assert sum(p.numel() for p in make().parameters()) == 60_000
    assert sum(row[2] for row in rows.values()) == 340_908


@pytest.mark.parametrize(
    ("overrides", "parameters"),
    [
        (["model.network=linear", "model.output=targets"], 7_850),
        (["model.network=mlp300", "model.output=targets"], 238_510),
        (["model.c3=dense"], 60_900),
        (["model.output=softmax"], 60_850),
        (["model.pooling=max"], 59_956),
        (["experiment=lenet1", "model.c3=dense"], 3_278),
        (["experiment=pairwise"], 45 * 785),
    ],
)
def test_other_networks_count_as_they_should(overrides: list[str], parameters: int) -> None:
    milestone = make(*overrides)
    assert sum(p.numel() for p in milestone.parameters()) == parameters
    assert sum(row.parameters for row in milestone.layers()) == parameters


def test_lenet1_has_about_2600_parameters_and_100_thousand_multiply_adds() -> None:
    lenet1 = make("experiment=lenet1")
    assert [(row.name, row.output, row.parameters, row.connections) for row in lenet1.layers()] == [
        ("C1", "4@24×24", 4 * 26, 4 * 26 * 24**2),
        ("S2", "4@12×12", 4 * 2, 4 * 5 * 12**2),
        ("C3", "12@8×8", 20 * 25 + 12, (20 * 25 + 12) * 8**2),
        ("S4", "12@4×4", 12 * 2, 12 * 5 * 4**2),
        ("output", "10", 10 * (12 * 16 + 1), 1_930),
        ("distance", "10", 0, 100),
    ]
    assert sum(p.numel() for p in lenet1.parameters()) == 2_578
    assert sum(row.connections or 0 for row in lenet1.layers()[:-1]) == 98_442
    assert lenet1.picture(torch.zeros(3, 28, 28, dtype=torch.uint8)).shape == (3, 1, 28, 28)
    kernels = [[int(i) for i in row] for row in lenets.LENET1.split()]
    assert [sum(i in row for row in kernels) for i in range(4)] == [5] * 4


@pytest.mark.parametrize(
    ("overrides", "thousands"),
    [
        (["model.network=mlp1000"], 795),
        (["model.network=mlp300-100"], 267),
        (["model.network=mlp500-150"], 469),
        (["model.network=mlp300", "data.version=deslanted"], 123),
        (["model.network=linear", "data.version=deslanted"], 4),
    ],
)
def test_figures_11_and_12_count_fully_linked_networks(overrides: list[str], thousands: int) -> None:
    rows = [row for row in make("model.output=targets", *overrides).layers() if row.parameters]
    assert round(sum(row.parameters for row in rows) / 1000) == thousands
    assert abs(sum(row.multiply_adds or 0 for row in rows) / 1000 - thousands) <= 1


def test_figure_11_counts_the_weights_of_lenet5_beside_its_connections() -> None:
    """401 thousand are no multiply-adds of this network; connections and parameters are so many together."""
    rows = make().layers()
    products, connections = (sum(getattr(row, of) for row in rows) for of in ("multiply_adds", "connections"))
    assert (products, connections) == (328_096, 340_908)
    assert round((connections + sum(row.parameters for row in rows)) / 1000) == 401


@pytest.mark.parametrize("pairs", ["squashed", "linear", "votes"])
def test_pairwise_units_learn_from_their_two_classes_alone(pairs: str) -> None:
    """A unit at a time, a pattern at a time, against the written-out update; then the scores by their definition."""

    def squash(a: Any) -> tuple[Any, Any]:
        """f and f' of sums a."""
        if pairs != "squashed":
            return a, np.ones_like(a)
        return 1.7159 * np.tanh(2 / 3 * a), 2 / 3 * 1.7159 / np.cosh(2 / 3 * a) ** 2

    milestone, data = make("experiment=pairwise", f"model.pairs={pairs}"), digits(30)
    weights, biases = (p.detach().double().numpy().copy() for p in milestone.parameters())
    begin(milestone, data)
    errors = [float(milestone.step(batch(data, i))["error"]) for i in range(30)]
    assert set(errors) <= {0.0, 1.0}
    x, labels = data.splits["train"]
    pixels, y = x.flatten(1).double().numpy() * 1.275 / 255 - 0.1, labels.tolist()
    scores = np.zeros((10, 30))
    for unit, (i, j) in enumerate(itertools.combinations(range(10), 2)):
        w, b = weights[unit], biases[unit]
        mine = [p for p in range(30) if y[p] in (i, j)]
        slopes = squash(pixels[mine] @ w + b)[1]
        h, h_bias = (slopes[:, None] ** 2 * pixels[mine] ** 2).mean(0), (slopes**2).mean()
        for p in mine:
            out, slope = squash(w @ pixels[p] + b)
            d = (out - (1 if y[p] == i else -1)) * slope
            w, b = w - 5e-4 / (0.02 + h) * d * pixels[p], b - 5e-4 / (0.02 + h_bias) * d
        ours = [p.detach()[unit].numpy() for p in milestone.parameters()]
        assert np.allclose(ours[0], w, atol=1e-6)
        assert np.allclose(ours[1], b, atol=1e-6)
        said = squash(pixels @ w + b)[0]
        said = np.sign(said) if pairs == "votes" else said
        scores[i] += said
        scores[j] -= said
    answer = milestone.answer(x)
    assert answer.kind == "weighted sum"
    assert np.array_equal(answer.label.numpy(), scores.argmax(0))
    assert np.allclose(answer.score.detach().numpy(), scores.max(0), atol=1e-4)


def test_codes_are_the_digits_of_figure_3() -> None:
    codes = lenets.bitmaps()
    assert codes.shape == (10, 84)
    assert set(codes.unique().tolist()) == {-1.0, 1.0}
    distance = (codes[:, None] != codes).sum(-1)
    apart = distance[~torch.eye(10, dtype=torch.bool)]
    assert (apart.min(), apart.max()) == (12, 50)
    assert distance[6, 8] == 12
    assert distance[4, 1] == distance[4, 7] == distance[8, 1] == 50
    one = codes[1].view(12, 7)
    assert "".join("#" if v > 0 else "." for v in one[0]) == "...##.."
    assert "".join("#" if v > 0 else "." for v in one[9]) == ".######"


def test_squashing_maps_one_to_one_and_bends_most_there() -> None:
    f, derivative = second_order.squashing()
    assert f(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([1, -1], abs=1e-5)
    a = torch.linspace(0, 3, 3001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(f(a).sum(), a, create_graph=True)
    assert torch.allclose(slope, derivative(f(a)))
    (bend,) = torch.autograd.grad(slope.sum(), a)
    assert a[bend.abs().argmax()].item() == pytest.approx(1, abs=0.02)


def test_pixels_run_from_background_to_foreground_on_32_by_32() -> None:
    x = torch.zeros(1, 28, 28, dtype=torch.uint8)
    x[0, 0, 0] = 255
    picture = make().picture(x)
    assert picture.shape == (1, 1, 32, 32)
    assert picture[0, 0, 2, 2].item() == pytest.approx(1.175)
    assert picture[0, 0, 0, 0].item() == picture[0, 0, 16, 16].item() == pytest.approx(-0.1)


def test_rate_by_passes_is_the_papers() -> None:
    milestone = make()
    rates = [milestone.rate(passes) for passes in range(20)]
    assert rates == [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    assert milestone.rate(1.9999) == 5e-4
    assert make("optimizer.lr=0.3").rate(7.0) == 0.3


@pytest.mark.parametrize("name", ["map", "mse"])
@pytest.mark.parametrize("half", ["true", "false"])
def test_losses_are_equations_8_and_9(name: str, half: str) -> None:
    milestone, data = make(f"loss.name={name}", f"loss.half={half}"), digits(4)
    x, target = batch(data, 0, 4)
    found = losses(milestone, Batch(x, target))
    outputs, codes = milestone.network(milestone.picture(x)).tolist(), milestone.get_buffer("codes").tolist()
    for p in range(4):
        k = 0.5 if half == "true" else 1.0
        y = [k * sum((a - w) ** 2 for a, w in zip(outputs[p], code, strict=True)) for code in codes]
        expected = y[target[p]]
        if name == "map":
            expected += math.log(math.exp(-0.1) + sum(math.exp(-v) for v in y))
        assert found[p].item() == pytest.approx(expected, rel=1e-5)


def test_softmax_is_cross_entropy() -> None:
    milestone, (x, y) = make("model.output=softmax"), batch(digits(), 0, 8)
    outputs = milestone.outputs(x)
    assert torch.allclose(losses(milestone, Batch(x, y)), F.cross_entropy(outputs, y, reduction="none"), atol=1e-5)


@pytest.mark.parametrize(("init", "bound"), [("fan_in", 2.4 / 75), ("sqrt_fan_in", 2.4 / 75**0.5)])
def test_weights_start_within_a_bound_by_fan_in(init: str, bound: float) -> None:
    network = make(f"model.init={init}").network
    c3, s2 = network["C3"], network["S2"]
    assert 0.9 * bound < c3.weight[:18].abs().max() <= bound
    least = bound * (75 / 150 if init == "fan_in" else (75 / 150) ** 0.5)
    assert 0.9 * least < c3.weight[54:].abs().max() <= least
    assert s2.weight.tolist() == [0.25] * 6
    assert s2.bias.tolist() == [0] * 6
    assert network["F6"].bias.abs().max() > 0


def test_subsampling_may_start_at_random_and_changes_nothing_else() -> None:
    fixed, random = make(), make("model.subsampling=null")
    assert 0 < random.network["S2"].weight.abs().max() <= 2.4 / 4**0.5
    assert torch.equal(fixed.network["F6"].weight, random.network["F6"].weight)
    assert not make("model.biases=zero").network["F6"].bias.any()
    assert not torch.equal(fixed.network["C1"].weight, make("seed=1").network["C1"].weight)


def test_gradients_equal_finite_differences() -> None:
    milestone = make().double()
    x, y = batch(digits(), 3)
    picture = milestone.picture(x).double()

    def loss() -> Tensor:
        outputs = milestone.network(picture)
        return milestone.losses(outputs, milestone.penalties(outputs), y).sum()

    parameters = [*milestone.network.parameters()]
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss(), parameters), strict=True):
        at = int(gradient.abs().argmax())
        with torch.no_grad():
            values = []
            for step in (1e-5, -2e-5):
                parameter.view(-1)[at] += step
                values.append(loss())
            parameter.view(-1)[at] += 1e-5
        assert gradient.view(-1)[at].item() == pytest.approx(((values[0] - values[1]) / 2e-5).item(), rel=1e-5)


def test_curvature_equals_loops_over_connections() -> None:
    """A tiny network of every kind of layer: eqs. 18–27 one connection at a time."""
    torch.manual_seed(0)
    f = second_order.squashing()
    pairs = [(0, 0), (1, 0), (1, 1)]
    network = second_order.Network(
        {"C": second_order.Convolution(pairs, f), "S": second_order.Subsampling(2, f), "F": second_order.Full(2, 3, f)}
    )
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, -0.5, 0.5)
    x = torch.rand(2, 2, 6, 6)
    with torch.no_grad():
        found = network.curvature(x, lambda out: torch.full_like(out, 2.0))
        expected = _looped_curvature(network, x, pairs)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4)


def _looped_curvature(network: Any, x: Tensor, pairs: list[tuple[int, int]]) -> list[Tensor]:
    c, s, f = network["C"], network["S"], network["F"]
    h = [torch.zeros_like(p) for p in network.parameters()]

    def slope(out: Tensor) -> float:
        return (2 / 3) * (1.7159 - float(out) ** 2 / 1.7159)

    for one in x:
        c_out = c(one[None])[0]
        s_out = s(c_out[None])[0]
        f_out = f(s_out[None])[0]
        sums = [float(c_out[m].sum()) for m in range(2)]
        back = [0.0, 0.0]
        for i in range(3):
            h_a = 2.0 * slope(f_out[i]) ** 2 / len(x)
            h[5][i] += h_a
            for j in range(2):
                h[4][i, j] += h_a * float(s_out[j, 0, 0]) ** 2
                back[j] += h_a * float(f.weight[i, j]) ** 2
        for m in range(2):
            h_a = back[m] * slope(s_out[m, 0, 0]) ** 2
            h[3][m] += h_a
            h[2][m] += h_a * sums[m] ** 2
            for row, col in np.ndindex(2, 2):
                h_c = h_a * float(s.weight[m]) ** 2 * slope(c_out[m, row, col]) ** 2
                h[1][m] += h_c
                for k, (out, source) in enumerate(pairs):
                    if out == m:
                        h[0][k] += h_c * one[source, row : row + 5, col : col + 5] ** 2
    return h


def test_curvature_of_f6_in_closed_form() -> None:
    milestone, data = make(), digits()
    x, y = data.splits["train"]
    with torch.no_grad():
        h = milestone.curvature(x, y)[-1]
        outputs = milestone.network(milestone.picture(x))
    slope = 2 / 3 * (1.7159 - outputs.square() / 1.7159)
    assert torch.allclose(h, slope.square().mean(0), rtol=1e-4)
    whole = make("loss.half=false").curvature(x, y)[-1]
    assert torch.allclose(whole, 2 * h, rtol=1e-4)


def test_curvature_samples_follow_from_seed_and_pass_alone() -> None:
    data, found = digits(40), []
    for epoch in (0, 1, 0):
        milestone = make("optimizer.samples=5")
        torch.rand(3)
        milestone.epoch = epoch
        begin(milestone, data)
        found.append(milestone.phase.optimizers["main"].state_dict()["h"])
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])


WRITTEN_OUT = [
    [],
    ["model.c3=dense"],
    ["model.output=targets"],
    ["experiment=mlp300"],
    ["experiment=linear", "loss.name=map", "model.scramble=true"],
    ["experiment=lenet1"],
    ["experiment=pairwise"],
    ["experiment=pairwise", "model.pairs=squashed"],
]
"""Networks whose update on one pattern is written out."""


@pytest.mark.parametrize("half", ["true", "false"])
@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (each, name)
        for each in WRITTEN_OUT
        for name in ("map", "mse")
        if not (name == "map" and "experiment=pairwise" in each)
    ],
)
def test_fused_gradients_equal_autograd(overrides: list[str], name: str, half: str) -> None:
    milestone, data = make(*overrides, f"loss.name={name}", f"loss.half={half}"), digits()
    begin(milestone, data)
    rule = milestone.phase.optimizers["main"]
    assert milestone.fused is not None
    assert isinstance(rule, second_order.SDLM)
    for i in range(5):
        one = batch(data, i)
        y = milestone(one.x)
        loss = losses(milestone, one)[0]
        expected = torch.autograd.grad(loss, [*milestone.network.parameters()])
        scalars = milestone.step(one)
        assert scalars["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
        assert bool(scalars["error"]) == bool(y.argmin(1) != one.y)
        for gradient, wanted in zip(rule.views(rule.gradient / rule.rate), expected, strict=True):
            assert (gradient - wanted).norm() <= 1e-5 * wanted.norm()


@pytest.mark.parametrize("overrides", WRITTEN_OUT)
def test_fifty_fused_updates_equal_fifty_plain_ones(overrides: list[str]) -> None:
    data, networks = digits(), []
    for fused in (True, False):
        milestone = make(*overrides)
        begin(milestone, data)
        if not fused:
            milestone.fused = None
        for i in range(50):
            milestone.step(batch(data, i % 24))
        networks.append(milestone.network)
    start = make(*overrides).network
    for ours, plain, first in zip(*(n.parameters() for n in (*networks, start)), strict=True):
        assert not torch.equal(ours, first)
        assert torch.allclose(ours, plain, atol=2e-5, rtol=1e-4)


def test_watching_observes_the_gradients_of_the_fused_update() -> None:
    milestone, data = make(), digits()
    begin(milestone, data)
    one = batch(data, 0)
    loss = losses(milestone, one)[0]
    expected = torch.autograd.grad(loss, milestone.network["C3"].weight)[0].norm()
    milestone.watching = True
    milestone.step(one)
    assert milestone.gradient_norms["network.C3.weight"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_weights_and_curvature_come_back_from_a_checkpoint() -> None:
    data = digits()
    before = make()
    begin(before, data)
    before.step(batch(data, 0))
    state = {k: v.clone() for k, v in before.state_dict().items()}, before.phase.optimizers["main"].state_dict()
    after = make("seed=5")
    begin(after, digits(10))
    after.load_state_dict(state[0])
    after.phase.optimizers["main"].load_state_dict({"h": state[1]["h"].clone()})
    for milestone in (before, after):
        milestone.step(batch(data, 1))
    for ours, theirs in zip(before.parameters(), after.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "overrides",
    [
        ["model.activation=relu"],
        ["model.activation=tanh"],
        ["model.pooling=average"],
        ["model.pooling=max"],
        ["model.output=softmax"],
        ["optimizer.name=sgd"],
        ["optimizer.name=adam"],
        ["batch_size=8"],
        ["precision=bf16"],
        ["model.network=mlp300", "model.output=softmax", "model.activation=relu"],
        *WRITTEN_OUT,
    ],
)
def test_every_switch_learns(overrides: list[str]) -> None:
    milestone, data = make(*overrides), digits()
    begin(milestone, data, rate=1e-4)
    assert (milestone.fused is None) == (overrides not in WRITTEN_OUT)
    size = milestone.config.batch_size
    losses = [float(milestone.step(batch(data, 0, size))["loss"].detach()) for _ in range(6)]
    assert all(map(math.isfinite, losses))
    assert losses[-1] < losses[0]
    assert milestone.evaluate(batch(data, 0, 8))["error"][1] == 8
    assert "they differ" in milestone.conclude({"test/error": 0.03})


def updates(data: Data, count: int, *overrides: str) -> LeNet:
    """A LeNet after so many updates in its own order, as the loop makes them."""
    milestone = make("optimizer.samples=5", *overrides)
    (milestone.phase,) = milestone.phases()
    batches = Batches(milestone.phase, data, milestone, milestone.config)
    milestone.phase.optimizers["main"].param_groups[0]["lr"].fill_(5e-4)
    for at in range(count):
        milestone.epoch, position = divmod(at, batches.per_epoch)
        if position == 0:
            milestone.begin_epoch(data)
        milestone.step(batches.begin(milestone.epoch)(position))
    return milestone


@pytest.mark.parametrize(
    ("overrides", "count"),
    [
        ([], 50),
        (["experiment=mlp300", "order=shuffled", "model.scramble=true"], 30),
        (["optimizer.name=sgd", "batch_size=5"], 15),
        (["optimizer.name=adam", "model.output=softmax", "model.pooling=max"], 25),
        (["batch_size=40", "order=shuffled"], 4),
    ],
)
def test_a_replica_learns_as_it_would_alone(overrides: list[str], count: int) -> None:
    data, replicas = digits(45 if "batch_size=40" in overrides else 24), 3 if overrides else 5
    several = (f"replicas={replicas}", "first_replica=4", "seed=2", *overrides)
    together, begun = updates(data, count, *several), make(*several)
    measured = together.measure(data.splits["train"])
    for r in range(replicas):
        alone = updates(data, count, f"first_replica={4 + r}", "seed=2", *overrides)
        for (name, ours), theirs in zip(together.network.named_parameters(), alone.network.parameters(), strict=True):
            assert ours.shape == (replicas, *theirs.shape)
            assert torch.allclose(ours[r], theirs, atol=2e-5, rtol=1e-4)
            assert not torch.allclose(ours[r], begun.network.get_parameter(name)[r], atol=1e-4) or name[0] == "S"
        assert measured[f"error/{r}"].item() == pytest.approx(alone.measure(data.splits["train"])["error"].item())
    errors = [measured[f"error/{r}"].item() for r in range(replicas)]
    assert measured["error"].item() == pytest.approx(np.mean(errors))
    assert measured["error_deviation"].item() == pytest.approx(np.std(errors, ddof=1), abs=1e-6)


def test_replicas_differ_in_weights_order_and_samples() -> None:
    three, data = make("replicas=3"), digits(40)
    assert [p.shape[0] for p in three.parameters()] == [3] * 12
    assert len({p[0].item() for p in three.network["C1"].get_parameter("bias")}) == 3
    (phase,) = three.phases()
    x, _ = Batches(phase, data, three, three.config).begin(0)(0)
    assert x.shape == (3, 1, 28, 28)
    assert len({tuple(one.flatten().tolist()) for one in x}) == 3
    assert len({tuple(one.sample(40, 1).tolist()[:6]) for one in three.members}) == 3


def test_the_first_of_several_replicas_answers_is_exported_and_drawn() -> None:
    three, alone, x = make("replicas=3"), make(), digits().splits["train"].x
    assert torch.equal(three.answer(x).score, alone.answer(x).score)
    assert three.layers() == alone.layers()
    exported = three.exported()
    assert [*exported] == [*alone.state_dict()]
    assert all(torch.equal(exported[name], tensor) for name, tensor in alone.state_dict().items())
    assert [*dict(three.figures(digits()))] == ["c1_kernels", "feature_maps", "confusion", "errors", "rejection"]
    said = three.conclude({"test/error": 0.026, "test/error_deviation": 0.004})
    assert "test error 2.60 % (mean of 3 networks, which deviate by 0.40 %) on 1,000 held-out digits" in said


@pytest.mark.parametrize("overrides", [["replicas=3"], ["experiment=linear", "replicas=2"], []])
def test_a_killed_run_ends_as_an_uninterrupted_one(
    overrides: list[str],
    killed: Callable[[str, Sequence[str]], tuple[Run, Run]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = digits(30)
    data = replace(data, splits={**data.splits, "test": data.splits["train"]})
    monkeypatch.setattr(execute.data, "load", lambda settings, draws: data)
    words = ("epochs=3", "checkpoint_every=7", "log_every=4", "figures=false", "data.shifted=2", *overrides)
    whole, cut = killed("lenet", words)
    ours, theirs = ((run.folder / "model.safetensors").read_bytes() for run in (whole, cut))
    assert ours == theirs
    assert cut.metrics == whole.metrics
    if "replicas=3" in overrides:
        assert {f"test/{name}/{r}" for name in ("error", "shifted_error") for r in range(3)} <= whole.metrics.keys()
        assert "error/0" not in (whole.folder / "log.txt").read_text()


def test_quick_conclusion_says_why_it_is_not_the_papers_number() -> None:
    said = make().conclude({"test/error": 0.026})
    assert (
        "test error 2.60 % on 1,000 held-out digits; paper: 0.95 % on MNIST's 10,000 test digits (Fig. 9, p. 12)"
        in said
    )
    assert "4,000 training digits instead of 60,000" in said
    assert "they differ" not in make("scale=paper").conclude({"test/error": 0.0095})


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["model.network=linear"], "model.output must be targets or softmax"),
        (["experiment=pairwise", "loss.name=map"], "model.output must be targets and loss.name mse"),
        (
            ["model.network=pairwise", "model.output=targets", "loss.name=mse"],
            "must be squashed, linear or votes where",
        ),
        (["model.pairs=votes"], "model.pairs: must be null where model.network=lenet5, got votes"),
        (["steps=100"], "epochs must be a number"),
        (["loss.j=0.0"], "loss.j must be > 0"),
        (["model.pooling=mean"], "model.pooling must be trainable, average or max"),
        (["optimizer.mu=-1"], "optimizer.mu must be > 0"),
        (["data.shifted=28"], "data.shifted must be >= 0 and < 28, the side of a picture, got 28"),
    ],
)
def test_misuse_is_one_sentence(overrides: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make(*overrides)


@pytest.mark.parametrize("far", [1, 2, 27])
def test_moved_pictures_lose_what_leaves_and_get_what_their_border_is(far: int) -> None:
    x = torch.randint(256, (3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(far))
    x[0, :, 0] = x[0, 0] = x[0, -1] = 255  # black on white
    x[1, [0, -1], 2:] = x[1, :, [0, -1]] = 0  # white on black, with some ink at the edge
    found = [*moved(x, far)]
    for picture in range(3):
        rows = x[picture].tolist()
        edge = [rows[i][j] for i in range(28) for j in range(28) if {i, j} & {0, 27}]
        ground = sorted(edge)[len(edge) // 2]
        for (down, right), found_there in zip([(far, 0), (-far, 0), (0, far), (0, -far)], found, strict=True):
            wanted = [
                [rows[i - down][j - right] if 0 <= i - down < 28 and 0 <= j - right < 28 else ground for j in range(28)]
                for i in range(28)
            ]
            assert found_there[picture].tolist() == wanted


def test_what_leaves_a_picture_does_not_come_back_at_the_other_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    milestone = make("experiment=linear", "data.shifted=2")
    x = torch.zeros(1, 28, 28, dtype=torch.uint8)
    seen: list[Tensor] = []
    ordinary = milestone.outputs
    monkeypatch.setattr(milestone, "outputs", lambda x: seen.append(x) or ordinary(x))
    x[0, 26:] = 255
    with torch.no_grad():
        milestone.measure(Split(x, torch.tensor([1])))
    assert [int((part > 0).sum()) for part in seen] == [56, 0, 56, 52, 52]


def test_figures_are_drawn() -> None:
    drawn = dict(make().figures(digits()))
    assert [*drawn] == ["c1_kernels", "feature_maps", "confusion", "errors", "rejection"]
    assert [*dict(make("experiment=linear").figures(digits()))] == ["confusion", "errors", "rejection"]


def _idx(name: str, header: int, count: int) -> Tensor:
    raw = Path(os.environ["LANDMARKS_DATA"]) / "MNIST" / "raw" / f"{name}.gz"
    return torch.tensor(np.frombuffer(gzip.decompress(raw.read_bytes()), np.uint8, offset=header)[:count])


@pytest.mark.slow
@pytest.mark.skipif("LANDMARKS_DATA" not in os.environ, reason="LANDMARKS_DATA names no folder with MNIST")
def test_the_authors_later_library_is_met() -> None:
    """Its LeNet-5 has ten squashed outputs on C5, plain tanh, S = ½, and asserts 0.985, 49.85, 97.15 % and 95.80 %."""
    x, y = _idx("train-images-idx3-ubyte", 16, 2000 * 784).view(-1, 28, 28), _idx("train-labels-idx1-ubyte", 8, 2000)
    xt, yt = _idx("t10k-images-idx3-ubyte", 16, 5500 * 784).view(-1, 28, 28), _idx("t10k-labels-idx1-ubyte", 8, 5500)
    xs, tests = (F.pad(part[:, None].float() / 100, (2, 2, 2, 2)) for part in (x, xt[4500:]))
    f = second_order.squashing(1.0, 1.0)
    layers = {name: layer for name, layer in make().network.items() if name != "F6"}
    network = second_order.Network(layers | {"output": second_order.Full(120, 10, f)})
    for layer in network.values():
        layer.squash = f
    start = SimpleNamespace(init="lecun_library", bias_in_fan_in=False, subsampling=0.5, biases="zero")
    second_order.initialise(network, start, np.random.default_rng(1))  # type: ignore[arg-type]
    parameters = [*network.parameters()]
    assert sum(p.numel() for p in parameters) == 51_046
    rule = second_order.SDLM(parameters, mu=0.02)
    with torch.no_grad():
        rule.estimate(network.curvature(xs[:100], torch.ones_like))
    assert 0.98 <= rule.inverse.min() <= 0.995
    assert 49.7 <= rule.inverse.max() <= 50.0
    rule.rate.fill_(1e-4)
    targets = 2 * torch.eye(10)[y.long()] - 1
    for i in [*range(2000)] * 5:
        loss = 0.5 * (network(xs[i : i + 1]) - targets[i]).square().sum()
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        rule.step()
    with torch.no_grad():
        assert 0.965 <= (network(xs).argmax(1) == y).float().mean() <= 0.977
        assert 0.948 <= (network(tests).argmax(1) == yt[4500:]).float().mean() <= 0.96
