"""Back-propagation (1986): the facts of the papers, the rule against autograd and scalar loops, exact counts."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from torch import Tensor

from landmarks import assemble, config, data, loop
from landmarks.data import patterns
from landmarks.errors import UsageError
from landmarks.milestone import Batch, Data, Decision, Split
from landmarks.milestones.mlp_xor import MLPXOR, XORConfig
from landmarks.settings import build

TREE: dict[str, Any] = config.compose("mlp_xor").tree
FAMILY: dict[str, Any] = {"data.name": "family_trees", "model.network": "family_trees", "criterion.tolerance": None}
TOPOLOGIES: dict[str, dict[str, Any]] = {
    "XOR-A": {},
    "XOR-B": {"model.hidden": 2, "model.shortcut": False},
    "no hidden unit": {"model.hidden": 0},
    "parity": {"data.name": "parity", "data.bits": 4, "model.hidden": 4, "model.shortcut": False},
    "encoder": {"data.name": "encoder", "data.bits": 8, "model.hidden": 3, "model.shortcut": False},
    "symmetry": {"data.name": "symmetry", "data.bits": 6, "model.hidden": 2, "model.shortcut": False},
    "family trees": FAMILY,
}


def make(changes: dict[str, Any] | None = None, **root: Any) -> tuple[MLPXOR, Data]:
    """A milestone and its data from the file's values with a few changed."""
    milestone = MLPXOR(build(XORConfig, changed({**(changes or {}), **root}), lambda key: "test"))
    return milestone, data.load(milestone.config.data)


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """The file's values with a few changed; keys with a point reach into groups."""
    tree: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in TREE.items()}
    for key, value in changes.items():
        group, _, name = key.rpartition(".")
        (tree[group] if group else tree)[name] = value
    return tree


def train(milestone: MLPXOR, found: Data, sweeps: int, order: Tensor | None = None) -> list[dict[str, Tensor]]:
    """What the shared loop does, for so many sweeps; `order` (N,) of the patterns in each."""
    (phase,) = milestone.phases()
    milestone.phase = phase
    x, y = found.splits["train"]
    if order is not None:
        x, y = x[order], y[order]
    replicas = milestone.config.replicas
    batch = Batch(x.expand(replicas, *x.shape), y.expand(replicas, *y.shape))
    lines = []
    for sweep in range(sweeps):
        milestone.epoch = sweep
        milestone.begin_epoch(found)
        phase.optimizers["main"].param_groups[0]["lr"].fill_(phase.schedules["main"](sweep))
        lines.append(milestone.step(batch))
    return lines


def doubled(found: Data) -> Data:
    splits = {name: Split(split.x.double(), split.y.double()) for name, split in found.splits.items()}
    return Data(found.name, splits, found.checksum)


def put(milestone: MLPXOR, **values: list[list[float]]) -> None:
    for name, value in values.items():
        milestone.get_parameter(name).data.copy_(torch.tensor(value))


@pytest.mark.parametrize(
    ("name", "count"),
    [("XOR-A", 7), ("XOR-B", 9), ("parity", 25), ("encoder", 59), ("symmetry", 17), ("family trees", 630)],
)
def test_networks_have_the_parameters_of_the_papers(name: str, count: int) -> None:
    milestone, _ = make(TOPOLOGIES[name], replicas=3)
    assert sum(p.numel() for p in milestone.parameters()) == 3 * count
    assert sum(layer.parameters for layer in milestone.layers()) == count


def test_printed_xor_weights_answer_about_a_tenth_and_nine_tenths() -> None:
    milestone, found = make()
    put(
        milestone,
        hidden_from_input=[[-6.4], [-6.4]],
        hidden_bias=[[2.2]],
        output_from_input=[[-4.2], [-4.2]],
        output_from_hidden=[[-9.4]],
        output_bias=[[6.3]],
    )
    answers = milestone(found.splits["train"].x[None]).flatten().tolist()
    assert answers == pytest.approx([0.103, 0.877, 0.877, 0.109], abs=5e-4)


def test_printed_symmetry_weights_of_nature_tell_mirror_images() -> None:
    milestone, found = make(TOPOLOGIES["symmetry"] | {"data.targets": [0.0, 1.0]})
    into = [[14.2, -14.2], [-3.6, 3.6], [7.2, -7.1], [-7.2, 7.1], [3.6, -3.6], [-14.2, 14.2]]
    put(
        milestone,
        hidden_from_input=into,
        hidden_bias=[[-1.1, -1.1]],
        output_from_hidden=[[-8.8], [-8.8]],
        output_bias=[[6.4]],
    )
    x, y = found.splits["train"]
    answers = milestone(x[None])[0]
    assert answers[y == 1].min() >= 0.881
    assert answers[y == 0].max() <= 0.1565  # 0.156 to three digits


def test_logic_has_all_sixteen_functions() -> None:
    assert sorted(patterns.FUNCTIONS.values()) == sorted("".join(row) for row in itertools.product("01", repeat=4))
    meanings = {
        "xor": lambda a, b: a != b,
        "and": lambda a, b: a and b,
        "or": lambda a, b: a or b,
        "nand": lambda a, b: not (a and b),
        "a_implies_b": lambda a, b: not a or b,
        "b_not_a": lambda a, b: b and not a,
        "xnor": lambda a, b: a == b,
        "not_b": lambda a, b: not b,
    }
    for name, meaning in meanings.items():
        x, y = make({"data.function": name, "data.targets": [0.0, 1.0]})[1].splits["train"]
        assert y.flatten().tolist() == [float(bool(meaning(a, b))) for a, b in x.tolist()]


@given(bits=st.integers(1, 8))
@settings(max_examples=8, deadline=None)
def test_parity_symmetry_and_encoder_say_what_their_names_say(bits: int) -> None:
    rows = list(itertools.product([0.0, 1.0], repeat=bits))
    for name, answer in {"parity": lambda r: sum(r) % 2, "symmetry": lambda r: float(r == r[::-1])}.items():
        x, y = make({"data.name": name, "data.bits": bits, "data.targets": [0.0, 1.0]})[1].splits["train"]
        assert [tuple(row) for row in x.tolist()] == rows
        assert y.flatten().tolist() == [answer(row) for row in rows]
    x, y = make({"data.name": "encoder", "data.bits": bits})[1].splits["train"]
    assert torch.equal(x, torch.eye(bits))
    assert torch.equal(y, torch.where(torch.eye(bits) > 0, 0.9, 0.1))


def test_two_families_give_104_facts() -> None:
    known = patterns.facts()
    assert len(known) == 104

    def say(person: str, relation: str) -> set[str]:
        place = patterns.PEOPLE.index(person), patterns.RELATIONS.index(relation)
        return {patterns.PEOPLE[i] for p, r, found in known if (p, r) == place for i in found}

    assert say("Colin", "aunt") == {"Jennifer", "Margaret"}  # Nature, p. 535
    assert say("Sophia", "uncle") == {"Emilio", "Tomaso"}
    assert say("Charles", "niece") == {"Charlotte"}
    assert say("Victoria", "husband") == {"James"}
    assert say("Arthur", "father") == {"Christopher"}
    assert say("Margaret", "father") == set()


def test_family_trees_keep_four_facts_from_every_seed() -> None:
    splits = make(FAMILY)[1].splits
    assert splits["train"].x.shape == (100, 36)
    assert splits["test"].y.shape == (4, 24)
    rows = {tuple(row) for split in splits.values() for row in split.x.tolist()}
    assert len(rows) == 104
    assert make(FAMILY)[1].checksum == make(FAMILY, seed=5)[1].checksum


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_back_propagation_is_the_gradient(name: str) -> None:
    milestone, found = make(TOPOLOGIES[name], replicas=3)
    milestone.double()
    milestone.phases()
    x, d = doubled(found).splits["train"]
    y = milestone.activities(x.expand(3, *x.shape))
    milestone.back_propagate(y, y["output"] - d, milestone.slopes)
    weights = {n: w.clone().requires_grad_() for n, w in milestone.weights.items()}
    loss = (milestone.activities(x.expand(3, *x.shape), weights)["output"] - d).square().sum() / 2
    for (link, slope), true in zip(
        milestone.slopes.items(), torch.autograd.grad(loss, list(weights.values())), strict=True
    ):
        torch.testing.assert_close(slope, true, msg=link, rtol=1e-9, atol=1e-12)


def scalar_xor(weights: list[float], order: list[int], sweeps: int, pattern: bool) -> tuple[list[float], list[float]]:
    """XOR-A in scalars: weights a, b, hidden bias; output from a, b, hidden; output bias. Returns them and the E."""
    w, velocity, errors = list(weights), [0.0] * 7, []
    low, high = float(np.float32(0.1)), float(np.float32(0.9))
    xor = [(0, 0, low), (0, 1, high), (1, 0, high), (1, 1, low)]

    def squash(total: float) -> float:
        return 1 / (1 + math.exp(-total))

    for _ in range(sweeps):
        errors.append(0.0)
        for a, b, d in xor:
            hidden = squash(w[0] * a + w[1] * b + w[2])
            errors[-1] += (squash(w[3] * a + w[4] * b + w[5] * hidden + w[6]) - d) ** 2 / 2
        slopes = [0.0] * 7
        for position, i in enumerate(order):
            a, b, d = xor[i]
            hidden = squash(w[0] * a + w[1] * b + w[2])
            y = squash(w[3] * a + w[4] * b + w[5] * hidden + w[6])
            up = (y - d) * y * (1 - y)
            down = up * w[5] * hidden * (1 - hidden)
            new = (down * a, down * b, down, up * a, up * b, up * hidden, up)
            slopes = [s + n for s, n in zip(slopes, new, strict=True)]
            if pattern or position == 3:
                velocity = [0.9 * v - 0.5 * s for v, s in zip(velocity, slopes, strict=True)]
                w = [old + v for old, v in zip(w, velocity, strict=True)]
                slopes = [0.0] * 7
    return w, errors


@pytest.mark.parametrize("update", ["sweep", "pattern"])
def test_updates_are_those_of_a_loop_over_scalars(update: str) -> None:
    milestone, found = make({"criterion.tolerance": None}, update=update, replicas=2)
    milestone.double()
    start = milestone.flat.tolist()
    order = [2, 0, 3, 1]
    lines = train(milestone, doubled(found), 40, torch.tensor(order))
    ends = [scalar_xor(row, order, 40, update == "pattern") for row in start]
    np.testing.assert_allclose(milestone.flat.numpy(), [w for w, _ in ends], rtol=1e-9)
    ours = [float(line["loss"]) for line in lines]
    np.testing.assert_allclose(ours, np.mean([errors for _, errors in ends], axis=0), rtol=1e-6)


@pytest.mark.parametrize(("update", "length"), [("sweep", 400), ("pattern", 260)])
def test_sweeps_are_counted_exactly(update: str, length: int) -> None:
    """Against each replica alone, stopped by hand before the first sweep that finds the criterion met."""
    many, found = make(update=update, replicas=6, seed=3)
    many.double()
    found = doubled(found)
    train(many, found, length)
    x, d = found.splits["train"]
    for replica in range(6):
        alone, _ = make({"criterion.tolerance": None}, update=update, first_replica=replica, seed=3)
        alone.double()
        train(alone, found, 0)
        alone.descent.param_groups[0]["lr"].fill_(0.5)
        alone.begin_epoch(found)
        made = 0
        while made < length and (alone(x[None]) - d).abs().max() >= 0.1:
            alone.step(Batch(x[None], d[None]))
            made += 1
        assert int(many.sweeps[replica]) == made
        assert bool(many.done[replica]) == (made < length)
        torch.testing.assert_close(many.flat[replica], alone.flat[0], rtol=1e-6, atol=1e-6)
    assert many.done.any()
    assert not many.done.all()


def test_frozen_replicas_do_not_move_whatever_their_gradient() -> None:
    milestone, found = make({"optimizer.decay": 0.01}, replicas=5)
    train(milestone, found, 5)
    milestone.done[[1, 3]] = True
    before = milestone.flat.clone()
    x, d = (tensor.expand(5, *tensor.shape) for tensor in found.splits["train"])
    counts = milestone.sweeps.tolist()
    for _ in range(20):
        milestone.step(Batch(x, d))
    assert torch.equal(milestone.flat[[1, 3]], before[[1, 3]])
    assert (milestone.flat[[0, 2, 4]] != before[[0, 2, 4]]).all()
    assert milestone.sweeps.tolist() == [n + 20 * (i not in (1, 3)) for i, n in enumerate(counts)]


@pytest.mark.parametrize("update", ["sweep", "pattern"])
def test_a_replica_alone_is_the_one_among_many(update: str) -> None:
    many, found = make(TOPOLOGIES["encoder"], update=update, replicas=20)
    alone, _ = make(TOPOLOGIES["encoder"], update=update, first_replica=7)
    assert torch.equal(many.flat[7], alone.flat[0])
    train(many, found, 50)
    train(alone, found, 50)
    torch.testing.assert_close(many.flat[7], alone.flat[0], rtol=1e-4, atol=1e-5)


def test_initial_weights_lie_in_the_range_and_differ() -> None:
    milestone, _ = make({"model.init": 0.3}, replicas=500)
    assert milestone.flat.abs().max() <= 0.3
    assert milestone.flat.std() == pytest.approx(0.3 / math.sqrt(3), rel=0.05)
    assert len(torch.unique(milestone.flat, dim=0)) == 500


def test_parameters_stay_views_of_one_memory() -> None:
    milestone, found = make(replicas=4)
    other, _ = make(replicas=4, seed=9)
    milestone.load_state_dict(other.state_dict())
    assert torch.equal(milestone.flat, other.flat)
    milestone.to(torch.float64)
    milestone.to(torch.float32)
    train(milestone, found, 3)
    assert torch.equal(milestone.flat, torch.cat([p.detach().flatten(1) for p in milestone.parameters()], 1))


def test_training_goes_on_from_a_saved_state() -> None:
    whole, found = make(replicas=3)
    train(whole, found, 20)
    x, d = (tensor.expand(3, *tensor.shape) for tensor in found.splits["train"])
    saved = {name: tensor.clone() for name, tensor in whole.state_dict().items()}
    velocity = {name: tensor.clone() for name, tensor in whole.descent.state_dict().items()}
    whole.step(Batch(x, d))
    other, _ = make(replicas=3, seed=4)
    train(other, found, 0)
    other.load_state_dict(saved)
    other.descent.load_state_dict(velocity)
    other.begin_epoch(found)
    other.descent.param_groups[0]["lr"].fill_(0.5)
    other.step(Batch(x, d))
    assert torch.equal(whole.flat, other.flat)


def test_small_errors_count_as_none_in_the_dead_zone() -> None:
    milestone, found = make({"optimizer.dead_zone": 0.45, "data.targets": [0.1, 0.9], "criterion.tolerance": None})
    put(milestone, output_bias=[[-0.2]])
    before = milestone.flat.clone()
    milestone.flat[0, :6] = 0  # every output is 0.45: within 0.45 of 0.1, not quite of 0.9
    zeroed = milestone.flat.clone()
    train(milestone, found, 1)
    moved = milestone.flat[0, 6] - zeroed[0, 6]
    y = 1 / (1 + math.exp(0.2))
    assert not torch.equal(before, zeroed)
    assert float(moved) == pytest.approx(-0.5 * 2 * (y - 0.9) * y * (1 - y) if 0.9 - y > 0.45 else 0.0, abs=1e-6)
    quiet, _ = make({"optimizer.dead_zone": 0.9, "criterion.tolerance": None})
    start = quiet.flat.clone()
    train(quiet, found, 10)
    assert torch.equal(quiet.flat, start)


def test_early_sweeps_have_their_own_rate_and_momentum() -> None:
    milestone, found = make({"optimizer.early": {"sweeps": 20, "lr": 0.005, "momentum": 0.5}, "optimizer.lr": 0.01})
    group = milestone.phases()[0].optimizers["main"].param_groups[0]
    rate = milestone.phases()[0].schedules["main"]
    assert [rate(sweep) for sweep in (0, 19, 20, 1499)] == [0.005, 0.005, 0.01, 0.01]
    for sweeps, momentum in ((20, 0.5), (21, 0.9)):
        train(milestone, found, sweeps)
        group = milestone.phase.optimizers["main"].param_groups[0]
        assert float(group["momentum"]) == pytest.approx(momentum)


def measured(milestone: MLPXOR, found: Data) -> dict[str, float]:
    """The measures over all replicas, by their names in the log."""
    return loop.measure(milestone, found, ["train"], torch.device("cpu")).values


def test_without_a_hidden_unit_every_answer_is_one_half() -> None:
    milestone, found = make({"model.hidden": 0}, replicas=10)
    train(milestone, found, 1500)
    metrics = measured(milestone, found)
    answers = milestone(found.splits["train"].x.expand(10, 4, 2))
    torch.testing.assert_close(answers, torch.full_like(answers, 0.5), rtol=0, atol=1e-4)
    assert metrics["train_set/solved"] == 0
    assert "train_set/sweeps_median" not in metrics
    assert milestone.conclude(metrics).startswith("solved 0 of 10 starts within 5,000 sweeps")


def test_most_starts_solve_xor_around_the_measured_median() -> None:
    milestone, found = make(replicas=200)
    lines = train(milestone, found, 1500)
    metrics = measured(milestone, found)
    assert metrics["train_set/solved"] > 0.85
    assert 300 < metrics["train_set/sweeps_median"] < 480
    assert metrics["train_set/sweeps_q1"] < metrics["train_set/sweeps_median"] < metrics["train_set/sweeps_q3"]
    assert float(lines[-1]["solved"]) == pytest.approx(metrics["train_set/solved"], abs=0.01)
    assert milestone.decide(metrics) is Decision.CONTINUE
    assert milestone.decide({"train_set/solved": 1.0}) is Decision.STOP
    assert "sweeps: median" in milestone.conclude(metrics)


def test_labels_of_a_table_are_coded_as_one_unit_for_two_classes_and_one_each_for_more() -> None:
    for classes, rows in ((("no", "yes"), {0: [0.2], 1: [0.7]}), (("a", "b", "c"), {0: [0.7, 0.2, 0.2]})):
        changes = {"data.name": "csv", "data.inputs": 2, "data.classes": list(classes), "data.targets": [0.2, 0.7]}
        own = MLPXOR(build(XORConfig, changed(changes), lambda key: "test"))
        for label, wanted in rows.items():
            assert torch.equal(own.targets(torch.tensor([[label], [label]])), torch.tensor([[wanted], [wanted]]))
    milestone, found = make()
    assert milestone.targets(found.splits["train"].y) is found.splits["train"].y


def test_measuring_changes_nothing() -> None:
    milestone, found = make(replicas=3)
    train(milestone, found, 10)
    before = {name: tensor.clone() for name, tensor in milestone.state_dict().items()}
    milestone.measure(found.splits["train"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in milestone.state_dict().items())


def test_family_trees_begin_to_learn() -> None:
    milestone, found = make(FAMILY | {"data.targets": [0.0, 1.0], "optimizer.lr": 0.01, "model.init": 0.3})
    lines = train(milestone, found, 60)
    assert float(lines[-1]["loss"]) < float(lines[0]["loss"]) / 2
    metrics = {f"test/{k}": float(v) for k, v in milestone.measure(found.splits["test"]).items()}
    assert "of 4 held-out facts answered right after" in milestone.conclude(metrics)


def test_watching_notes_gradient_norms() -> None:
    milestone, found = make(replicas=2)
    milestone.watching = True
    train(milestone, found, 1)
    assert set(milestone.gradient_norms) == {*milestone.shapes, "all"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.name": "parity"}, "data.bits must be a whole number for parity"),
        ({"data.bits": 3}, "data.bits must be null for logic"),
        ({"model.network": "family_trees"}, "learns data.name=family_trees alone"),
        (FAMILY | {"criterion.tolerance": 0.2}, "criterion.tolerance must be null"),
        ({"data.targets": [0.9, 0.1]}, "data.targets must be two numbers, the lower one first"),
        ({"epochs": None}, "epochs must be a whole number"),
        ({"precision": "bf16"}, "precision must be fp32 or tf32"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make(changes)


EXPERIMENTS = {"two_hidden": "X2", "chauvin": "X4", "parity": "X5", "encoder": "X6", "symmetry": "X7a"}
EXPERIMENTS |= {"family_trees": "X8"}


@pytest.mark.parametrize("scale", ["quick", "paper"])
@pytest.mark.parametrize("experiment", [None, *EXPERIMENTS])
def test_every_experiment_composes_and_has_its_claim(experiment: str | None, scale: str) -> None:
    overrides = [f"scale={scale}", *([f"experiment={experiment}"] if experiment else [])]
    milestone = assemble.make(config.compose("mlp_xor", overrides))
    assert isinstance(milestone, MLPXOR)
    assert milestone.claim is not None
    assert milestone.claim.id == EXPERIMENTS.get(experiment or "", "X1")


def test_no_experiment_is_without_its_claim_but_the_digits_of_which_the_paper_says_nothing() -> None:
    assert sorted([*EXPERIMENTS, "digits"]) == config.experiments("mlp_xor")
    for scale in ("quick", "paper"):
        assert assemble.make(config.compose("mlp_xor", ["experiment=digits", f"scale={scale}"])).claim is None


def test_the_paper_is_quoted_only_where_it_has_a_number() -> None:
    def quoted(*overrides: str) -> str:
        metrics = {"train_set/solved": 0.0, "train_set/loss": 0.1}
        return assemble.make(config.compose("mlp_xor", overrides)).conclude(metrics)

    assert "paper: 558 sweeps" in quoted()
    assert "no number in the paper" in quoted("data.function=never")
    assert "no number in the paper" in quoted("experiment=parity", "data.bits=3")
    assert "paper: 115 sweeps" in quoted("experiment=chauvin", "model.hidden=32")


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_figures_are_drawn(name: str) -> None:
    milestone, found = make(TOPOLOGIES[name], replicas=2)
    train(milestone, found, 2)
    figures = dict(milestone.figures(found))
    assert all(isinstance(figure, Figure) for figure in figures.values())
    assert {"hidden_code", "error_surface"} <= set(figures)
    assert ("sweeps" in figures) == (name != "family trees")


def test_figures_of_an_untrained_network_are_drawn() -> None:
    milestone, found = make()
    assert len(dict(milestone.figures(found))) == 3
