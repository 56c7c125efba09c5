"""The perceptron (1958–1969): its theorems as tests, the rule against scalar loops, counts against enumeration."""

from __future__ import annotations

import itertools
import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy.optimize import linprog

from landmarks import assemble, config, data, execute, runs
from landmarks.data import points
from landmarks.data.batches import Batches
from landmarks.errors import UsageError
from landmarks.milestone import Data, Decision
from landmarks.milestones.perceptron import Perceptron, PerceptronConfig
from landmarks.settings import build

pytestmark = pytest.mark.usefixtures("compose_once")

TREE: dict[str, Any] = config.compose("perceptron").tree
XOR, XNOR = 6, 9


def make(changes: dict[str, Any] | None = None, **root: Any) -> tuple[Perceptron, Data]:
    """A perceptron and its data from the file's values with a few changed; keys with a point reach into groups."""
    tree: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in TREE.items()} | {"replicas": 1}
    for key, value in {**(changes or {}), **root}.items():
        group, _, name = key.rpartition(".")
        (tree[group] if group else tree)[name] = value
    milestone = Perceptron(build(PerceptronConfig, tree, lambda key: "test"))
    own = milestone.config
    return milestone, data.load(own.data, data.Draws(own.seed, own.replicas, own.first_replica))


def functions(bits: int, first: int = 0, replicas: int | None = None, **root: Any) -> tuple[Perceptron, Data]:
    changes = {"data.name": "functions", "data.bits": bits, "order": "sequential"}
    return make(changes, replicas=replicas or 2**2**bits, first_replica=first, **root)


def train(milestone: Perceptron, found: Data, passes: int) -> dict[str, float]:
    """What the shared loop does, for so many passes or until it would stop; the measures at the end."""
    measured: dict[str, float] = {}
    for phase in milestone.phases():
        milestone.phase = phase
        batches = Batches(phase, found, milestone, milestone.config)
        for epoch in range(passes):
            milestone.epoch = epoch
            milestone.begin_epoch(found)
            batch = batches.begin(epoch)
            for position in range(batches.per_epoch):
                milestone.step(batch(position))
            measured = measure(milestone, found)
            if milestone.decide(measured) is Decision.STOP:
                break
    return measured or measure(milestone, found)


def measure(milestone: Perceptron, found: Data) -> dict[str, float]:
    with torch.no_grad():
        return {f"train_set/{k}": float(v) for k, v in milestone.measure(found.splits["train"]).items()}


def learned(milestone: Perceptron, found: Data) -> set[int]:
    x, y = found.splits["train"]
    with torch.no_grad():
        right = (milestone.sums(x)[..., 0] * y > 0).all(1)
    return {milestone.config.first_replica + int(i) for i in right.nonzero()}


def scalar_perceptron(x: list[list[float]], t: list[float], passes: int, rate: float = 1.0) -> tuple[list[float], int]:
    """Error correction in scalars, bias last, patterns in their order. Returns the weights and the mistakes."""
    w, mistakes = [0.0] * (len(x[0]) + 1), 0
    for _ in range(passes):
        for row, target in zip(x, t, strict=True):
            active = [*row, 1.0]
            if target * sum(wi * ai for wi, ai in zip(w, active, strict=True)) <= 0:
                w = [wi + rate * target * ai for wi, ai in zip(w, active, strict=True)]
                mistakes += 1
    return w, mistakes


def threshold_functions(bits: int) -> set[int]:
    """The numbers of all functions sign(w·x + b) with integer weights up to 3, by enumeration: enough up to 4 bits."""
    x = np.array([[1 if row >> bit & 1 else -1 for bit in reversed(range(bits))] for row in range(2**bits)])
    w = np.array([*itertools.product(range(-3, 4), repeat=bits)])
    sums = w @ x.T
    found = set()
    for bias in range(-3 * bits - 1, 3 * bits + 2):
        clear = (sums + bias != 0).all(1)
        found |= {*((sums[clear] + bias > 0) @ (1 << np.arange(2**bits, dtype=np.int64))).tolist()}
    return found


@pytest.mark.parametrize(("bits", "count"), [(2, 14), (3, 104), (4, 1882)])
def test_exactly_the_threshold_functions_are_learned_and_all_others_cycle(bits: int, count: int) -> None:
    milestone, found = functions(bits)
    metrics = train(milestone, found, 200)
    assert metrics["train_set/learned"] == count
    assert metrics["train_set/cycling"] == 2**2**bits - count
    assert metrics["train_set/undecided"] == 0
    assert learned(milestone, found) == threshold_functions(bits)


@pytest.mark.parametrize("number", [XOR, XNOR])
def test_xor_and_its_opposite_cycle(number: int) -> None:
    milestone, found = functions(2, first=number, replicas=1)
    assert train(milestone, found, 10)["train_set/cycling"] == 1
    x, t = (part[0].tolist() for part in found.splits["train"])
    ends = [tuple(scalar_perceptron(x, t, passes)[0]) for passes in range(1, 40)]
    assert len(set(ends)) < len(ends)


@given(number=st.integers(0, 255), passes=st.integers(1, 12), rate=st.sampled_from([0.25, 1.0, 8.0]))
@settings(max_examples=40, deadline=None)
def test_updates_are_those_of_a_loop_over_scalars(number: int, passes: int, rate: float) -> None:
    milestone, found = make(
        {"data.name": "functions", "data.bits": 3, "optimizer.lr": rate, "order": "sequential"},
        first_replica=number,
        epochs=passes,
    )
    milestone.decide = lambda metrics: Decision.CONTINUE  # type: ignore[method-assign]
    train(milestone, found, passes)
    x, t = (part[0].tolist() for part in found.splits["train"])
    w, mistakes = scalar_perceptron(x, t, passes, rate)
    assert milestone.weight[0, 0].tolist() == w
    assert int(milestone.mistakes) == mistakes


@given(
    seed=st.integers(0, 10_000),
    dimensions=st.integers(1, 8),
    margin=st.floats(0.02, 0.2),
    offset=st.floats(-0.4, 0.4),
    order=st.sampled_from(["sequential", "shuffled", "fixed"]),
)
@settings(max_examples=30, deadline=None)
def test_mistakes_stay_below_novikoffs_bound_in_any_order(
    seed: int, dimensions: int, margin: float, offset: float, order: str
) -> None:
    changes = {"data.dimensions": dimensions, "data.points": 25, "data.margins": [margin, margin]}
    milestone, found = make(changes | {"data.offset": offset}, seed=seed, order=order)
    metrics = train(milestone, found, 6000)
    x, y = (part[0].double().numpy() for part in found.splits["train"])
    (plane,) = points.planes(milestone.config.data, data.Draws(seed))
    distance = y * (x @ plane[:-1] + plane[-1])
    assert distance.min() >= margin - 1e-6
    longest = max(math.hypot(*row, 1) for row in x)
    bound = (longest * math.hypot(1, offset) / distance.min()) ** 2
    assert metrics["train_set/learned"] == 1
    assert int(milestone.mistakes) <= bound
    assert metrics["train_set/within_bound"] == 1
    assert metrics["train_set/bound_median"] == pytest.approx(bound, rel=1e-5)


def test_a_count_over_the_bound_would_show() -> None:
    milestone, found = make(replicas=20)
    train(milestone, found, 100)
    bound = milestone.bound(found.splits["train"])
    milestone.mistakes[3] = int(bound[3]) + 1
    assert measure(milestone, found)["train_set/within_bound"] == pytest.approx(0.95)


def test_the_rate_is_immaterial_from_weights_of_zero() -> None:
    one, found = make(replicas=10)
    other, _ = make({"optimizer.lr": 0.125}, replicas=10)
    for milestone in (one, other):
        train(milestone, found, 50)
    assert torch.equal(one.mistakes, other.mistakes)
    assert torch.equal(one.weight * 0.125, other.weight)


def test_a_replica_that_has_learned_does_not_move() -> None:
    milestone, found = make(replicas=5)
    train(milestone, found, 100)
    before, mistakes = milestone.weight.clone(), milestone.mistakes.clone()
    train(milestone, found, 1)
    assert torch.equal(milestone.weight, before)
    assert torch.equal(milestone.mistakes, mistakes)


def test_a_replica_alone_is_the_one_among_many() -> None:
    many, all_clouds = make(replicas=8, order="shuffled")
    alone, own = make(first_replica=5, order="shuffled")
    assert torch.equal(all_clouds.splits["train"].x[5], own.splits["train"].x[0])
    for milestone, found in ((many, all_clouds), (alone, own)):
        train(milestone, found, 200)
    assert torch.equal(many.weight[5], alone.weight[0])
    assert torch.equal(many.mistakes[5], alone.mistakes[0])


def test_averaged_weights_are_the_mean_over_all_patterns_shown() -> None:
    milestone, found = make(
        {"data.name": "functions", "model.averaged": True, "order": "sequential"}, first_replica=XOR, batch_size=3
    )
    milestone.decide = lambda metrics: Decision.CONTINUE  # type: ignore[method-assign]
    train(milestone, found, 7)
    x, t = (part[0].tolist() for part in found.splits["train"])
    naive, w = np.zeros(3), np.zeros(3)
    for row, target in list(zip(x, t, strict=True)) * 7:
        active = np.array([*row, 1.0])
        w = w + target * active * (target * (w @ active) <= 0)
        naive += w
    np.testing.assert_allclose(milestone.reader()[0, 0].detach().numpy(), naive)
    np.testing.assert_allclose(milestone.weight[0, 0].detach().numpy(), w)


@pytest.mark.parametrize(("bits", "size"), [(n, k) for n in (2, 3, 4) for k in range(1, n + 1)])
def test_parity_of_n_points_has_order_n(bits: int, size: int) -> None:
    """Learned with masks of n points alone; and by linear programming no smaller masks have weights for it."""
    changes = {"data.name": "functions", "data.bits": bits, "model.masks": size}
    milestone, found = make(changes, first_replica=points.parity(bits))
    metrics = train(milestone, found, 2000)
    assert metrics["train_set/learned"] == (size == bits)
    assert metrics["train_set/cycling"] == (size < bits)
    x, t = (part[0].numpy() for part in found.splits["train"])
    sets = [s for k in range(size + 1) for s in itertools.combinations(range(bits), k)]
    masks = np.array([[all(row[i] > 0 for i in s) for s in sets] for row in x], dtype=float)
    program = linprog(np.zeros(len(sets)), -t[:, None] * masks, -np.ones(len(t)), bounds=(None, None))
    assert program.success == (size == bits)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5])
def test_parity_is_a_sum_of_masks_with_powers_of_minus_two(bits: int) -> None:
    milestone, found = make(
        {"data.name": "functions", "data.bits": bits, "model.masks": bits}, first_replica=points.parity(bits)
    )
    assert milestone.wiring is not None
    sizes = milestone.wiring[0].sum(0)
    with torch.no_grad():
        milestone.weight[0, 0, :-1] = (-2.0) ** (sizes - 1)
        milestone.weight[0, 0, -1] = 0
    odd = (found.splits["train"].x[0] > 0).sum(1) % 2
    assert milestone.sums(found.splits["train"].x)[0, :, 0].tolist() == odd.tolist()


@cache
def five_thousand() -> Data:
    settings = assemble.settings_of(config.compose("perceptron", ["experiment=photoperceptron"])).data
    return data.load(settings)


def digits(**changes: Any) -> tuple[Perceptron, Data]:
    """The photoperceptron on the digits that come with the dependencies."""
    tree = config.compose("perceptron", ["experiment=photoperceptron"]).tree
    tree["model"] |= changes
    milestone = Perceptron(build(PerceptronConfig, tree, lambda key: "test"))
    return milestone, five_thousand()


def test_a_units_answer_to_as_many_random_stimuli_as_equation_1_says() -> None:
    """P_a of 1958, eq. 1, for a stimulus on a fraction R of the retina: Σ over e − i ≥ θ of two binomials."""
    milestone, _ = digits(a_units=4000)
    fraction = 0.3
    pixels = (torch.rand(1, 50, 28, 28, generator=torch.Generator().manual_seed(1)) < fraction).to(torch.uint8) * 255
    active = milestone.activity(pixels)[..., :-1].mean()

    def binomial(n: int, k: int) -> float:
        return math.comb(n, k) * fraction**k * (1 - fraction) ** (n - k)

    expected = sum(binomial(10, e) * binomial(5, i) for e in range(11) for i in range(6) if e - i >= 2)
    assert float(active) == pytest.approx(expected, abs=0.01)


def test_a_units_add_up_their_points_one_by_one() -> None:
    milestone, found = digits(a_units=30)
    assert milestone.wiring is not None
    picture = found.splits["train"].x[:1]
    retina = [[int(pixel) > 127 for pixel in row[4:24]] for row in picture[0][4:24]]
    flat = [pixel for row in retina for pixel in row]
    impulses = [sum(int(w) for w, on in zip(wires, flat, strict=True) if on) for wires in milestone.wiring[0].T]
    assert milestone.activity(picture)[0, 0].tolist() == [*(float(total >= 2) for total in impulses), 1.0]
    assert milestone.wiring[0].clamp(min=0).sum(0).max() <= 10
    assert (milestone.wiring[0].sum(0) == 5).all()


def test_layers_count_the_ten_r_units() -> None:
    milestone, _ = digits()
    assert [(layer.name, layer.parameters) for layer in milestone.layers()][-1] == ("R-units", 513 * 10)
    assert [layer.connections for layer in milestone.layers()][1] <= 512 * 15
    assert make()[0].layers()[-1].parameters == 3


def test_more_a_units_read_digits_better_and_summed_weights_better_than_the_last() -> None:
    errors: dict[tuple[int, bool], float] = {}
    for units, averaged in ((128, False), (128, True), (1024, True)):
        milestone, found = digits(a_units=units, averaged=averaged)
        train(milestone, found, 3)
        errors[units, averaged] = float(milestone.measure(found.splits["test"])["error"])
    assert errors[1024, True] < 0.12 < errors[128, True] < errors[128, False]


def test_the_answer_is_the_class_of_the_largest_sum() -> None:
    milestone, found = digits(a_units=0)
    train(milestone, found, 1)
    x, y = found.splits["test"]
    answer = milestone.answer(x)
    wrong = float((answer.label != y).float().mean())
    assert wrong == pytest.approx(float(milestone.measure(found.splits["test"])["error"]))
    sums = milestone.sums(x[None])[0]
    assert torch.equal(answer.score, sums.max(1).values)
    two, clouds = make()
    train(two, clouds, 100)
    assert torch.equal(two.answer(clouds.splits["train"].x[0]).label * 2 - 1, clouds.splits["train"].y[0].long())


SETS = {"data.name": "stimuli", "data.dimensions": 60, "data.responses": 4, "data.points": 3, "data.active": 0.4}
SETS |= {"model.connected": 0.5}


@pytest.mark.parametrize("rule", ["alpha", "beta", "gamma"])
def test_values_move_as_in_table_1(rule: str) -> None:
    """Unit by unit and stimulus by stimulus; and the source-set gains N_ar, K and 0 in all."""
    milestone, found = make(SETS, rule=rule, epochs=1, batch_size=5)
    train(milestone, found, 1)
    assert milestone.responses is not None
    values = [0.0] * 60
    for active, response in zip(*(part.tolist() for part in found.splits["train"]), strict=True):
        members = milestone.responses.sets[response].tolist()
        size, working = sum(members), sum(1 for a, m in zip(active, members, strict=True) if a and m)
        total = 0.0
        for unit, (on, member) in enumerate(zip(active, members, strict=True)):
            if rule == "beta":
                change = (1 / working if on else 0) if member else 1 / size
            else:
                lost = working / (size - working) if rule == "gamma" else 0
                change = (1 if on else -lost) if member else 0
            values[unit] += change
            total += change if member else 0
        assert total == pytest.approx({"alpha": working, "beta": 1, "gamma": 0}[rule], abs=1e-9)
    np.testing.assert_allclose(milestone.weight[0, 0].tolist(), values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("system", ["sum", "mean"])
def test_the_stronger_of_two_source_sets_wins(system: str) -> None:
    milestone, found = make(SETS | {"model.system": system}, rule="alpha", epochs=1)
    train(milestone, found, 1)
    assert milestone.responses is not None
    wins = []
    for active, response in zip(*(part.tolist() for part in found.splits["train"]), strict=True):
        strengths = []
        for members in milestone.responses.sets.tolist():
            values = [v for v, a, m in zip(milestone.weight[0, 0].tolist(), active, members, strict=True) if a and m]
            strengths.append(sum(values) / (len(values) if system == "mean" else 1))
        own = strengths[response]
        others = [s for r, s in enumerate(strengths) if r != response]
        wins += [1.0 if own > s + 1e-6 else 0.5 if abs(own - s) <= 1e-6 else 0.0 for s in others]
    assert measure(milestone, found)["train_set/correct"] == pytest.approx(np.mean(wins), abs=1e-6)


def test_gamma_beats_alpha_beats_beta_where_stimuli_are_unequal() -> None:
    """Figure 10 at a fifth of its A-units and responses; and without values the choice is a guess."""
    right = {}
    for rule in ("gamma", "alpha", "beta", "none"):
        changes = {"data.name": "stimuli", "data.dimensions": 2000, "data.responses": 20}
        milestone, found = make(changes | {"data.points": 10}, rule=rule, epochs=1)
        right[rule] = train(milestone, found, 1)["train_set/correct"]
    assert right["gamma"] > right["alpha"] + 0.1 > right["beta"] + 0.2
    assert right["none"] == pytest.approx(0.5)


@pytest.mark.parametrize(("classes", "units"), [(2, 1), (3, 3)])
def test_a_table_of_ones_own_is_learned_class_against_class(workplace: Path, classes: int, units: int) -> None:
    """Rows about corners far from each other: parted, and the run ends after a pass without a mistake."""
    draw = np.random.default_rng(classes)
    corners = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    rows = [
        (*(corners[label] + draw.uniform(-1, 1, 2)), f"class {label}") for label in range(classes) for _ in range(30)
    ]
    Path("own.csv").write_text("\n".join(f"{a},{b},{label}" for a, b, label in rows))
    folder = execute.start(
        config.compose("perceptron", ["data.name=csv", "data.root=own.csv", "figures=false"]), quiet=True
    )
    summary = runs.summary(folder)
    assert summary["metrics"]["test/error"] == summary["metrics"]["train_set/error"] == 0
    assert summary["steps"] < 60
    model = assemble.load_model(folder)
    assert isinstance(model, Perceptron)
    assert model.weight.shape == (1, units, 3)


def test_functions_are_numbered_by_their_answers() -> None:
    _, found = functions(2)
    x, y = found.splits["train"]
    assert x[0].tolist() == [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    assert y[XOR].tolist() == [-1, 1, 1, -1]
    assert y[8].tolist() == [-1, -1, -1, 1]
    assert points.parity(2) == XOR
    assert points.parity(4) == 27030


def test_without_the_rule_nothing_is_learned() -> None:
    milestone, found = functions(2, rule="none")
    metrics = train(milestone, found, 10)
    assert metrics["train_set/learned"] == metrics["train_set/cycling"] == 0
    milestone, found = make(rule="none", replicas=5)
    metrics = train(milestone, found, 10)
    assert metrics["train_set/separated"] == metrics["train_set/within_bound"] == 0
    assert "; 0 of 5 learned within" in milestone.conclude(metrics)


def test_keys_of_one_set_alone_have_the_values_of_the_file() -> None:
    found = make()[0].config.data
    assert {key: getattr(found, key) for key in points.ALONE} == {k: value for k, (_, value) in points.ALONE.items()}


def test_a_run_says_which_functions_of_how_many_it_learned() -> None:
    milestone, found = functions(5, replicas=16)
    said = milestone.conclude(train(milestone, found, 100))
    assert "learned 14 of 16, functions 0 to 15 of the 4,294,967,296 of 5 inputs" in said
    (figure,) = dict(milestone.figures(found)).values()
    assert "functions 0 to 15 of the 4,294,967,296 of 5 inputs" in figure.axes[0].get_title()
    milestone, found = functions(2)
    assert milestone.conclude(train(milestone, found, 100)).startswith("learned 14 of 16 functions, with")
    assert points.which(10, 3, 3) == "function 3 of the 2^1024 of 10 inputs"


def test_a_run_claims_no_more_than_it_shows() -> None:
    """Full masks learn parity: that fewer do not is another run's; and without the rule no theorem speaks."""
    for size, words in ((4, "learned with .* are enough, .* shows model.masks=3, which cycles"), (3, "not learned: ")):
        milestone, found = make(
            {"data.name": "functions", "data.bits": 4, "model.masks": size}, first_replica=points.parity(4)
        )
        said = milestone.conclude(train(milestone, found, 1000))
        assert re.search(rf"^function 27,030 of the 65,536 of 4 inputs \(parity\): {words}", said)
        assert "proved:" not in said
        assert not dict(milestone.figures(found))
    milestone, found = make(rule="none")
    assert "proved" not in milestone.conclude(train(milestone, found, 1))
    assert "proved" in make()[0].conclude(train(*make(), 100))


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_the_reading_of_the_coding_has_its_numbers(bits: int) -> None:
    """Mistakes until learned, in the median and at most, with inputs ±1 and with 0 and 1."""
    _, found = functions(bits)
    (reading,) = (r for r in Perceptron.card.readings if r.key == "data.bits")
    counts = reading.evidence.partition("of 2, 3, 4 inputs ±1")[2].replace("0 and 1", "")
    numbers = [int(n) for n in re.findall(r"\d+", counts)]
    targets, made = found.splits["train"].y.float().numpy(), []
    for patterns in (found.splits["train"].x[0].numpy(), (found.splits["train"].x[0].numpy() + 1) / 2):
        active = np.column_stack((patterns, np.ones(len(patterns)))).astype(np.float32)
        w, mistakes = np.zeros((len(targets), bits + 1), np.float32), np.zeros(len(targets))
        for row, target in [*zip(active, targets.T, strict=True)] * 60:
            wrong = target * (w @ row) <= 0
            w += np.outer(wrong * target, row)
            mistakes += wrong
        taken = mistakes[(targets * (w @ active.T) > 0).all(1)]
        made += [np.median(taken), taken.max()]
    table = np.array(numbers).reshape(2, 2, 3)  # coding, median and most, inputs
    assert made == table[:, :, bits - 2].flatten().tolist()


def test_what_is_not_learned_yet_is_not_within_the_bound() -> None:
    milestone, found = make(replicas=20)
    metrics = train(milestone, found, 3)
    bound = milestone.bound(found.splits["train"])
    assert (milestone.mistakes[:, 0] <= bound).all()
    assert 0 < metrics["train_set/separated"] < 1
    assert metrics["train_set/within_bound"] == metrics["train_set/separated"]


def test_measuring_changes_nothing() -> None:
    milestone, found = functions(3)
    train(milestone, found, 2)
    before = {name: tensor.clone() for name, tensor in milestone.state_dict().items()}
    measure(milestone, found)
    assert all(torch.equal(tensor, before[name]) for name, tensor in milestone.state_dict().items())


EXPERIMENTS = {"functions2": "P1a", "functions3": "P1b", "functions4": "P1c", "novikoff": "P2", "parity_order": "P9"}
EXPERIMENTS |= {"reinforcement": "P6a"}


@pytest.mark.parametrize("scale", ["quick", "paper"])
@pytest.mark.parametrize("experiment", [None, "photoperceptron", *EXPERIMENTS])
def test_every_experiment_composes_and_has_its_claim(experiment: str | None, scale: str) -> None:
    overrides = [f"scale={scale}", *([f"experiment={experiment}"] if experiment else [])]
    milestone = assemble.make(config.compose("perceptron", overrides))
    expected = "P2" if experiment is None else EXPERIMENTS.get(experiment)
    assert (milestone.claim and milestone.claim.id) == expected


def test_gamma_is_ahead_of_alpha_by_what_lies_between_their_points_of_figure_10() -> None:
    known = {claim.id: claim for claim in Perceptron.card.claims}
    assert known["P6"].published == pytest.approx(known["P6a"].published - known["P6b"].published)
    assert known["P6"].digit == known["P6a"].digit + known["P6b"].digit


def test_claims_name_runs_that_compose() -> None:
    runs_named = {overrides for claim in Perceptron.card.claims for overrides in (claim.overrides, claim.against)}
    for overrides in runs_named:
        config.compose("perceptron", overrides)


class Killed(BaseException):
    """Ends a run as `kill -9` would: nothing of ours catches it."""


def run(*overrides: str) -> Path:
    composed = config.compose("perceptron", ["figures=false", "histograms=false", *overrides])
    return execute.start(composed, quiet=True)


def test_a_run_that_is_extended_ends_as_a_longer_one(workplace: Path) -> None:
    whole, part = (run("experiment=parity_order", f"epochs={passes}") for passes in (170, 20))
    execute.resume(part, ["epochs=170"], quiet=True)
    assert (whole / "model.safetensors").read_bytes() == (part / "model.safetensors").read_bytes()
    assert runs.summary(part)["metrics"]["train_set/learned"] == 1
    assert (whole / "metrics.jsonl").read_text().count("\n") == (part / "metrics.jsonl").read_text().count("\n")


def table_of_ones_own() -> tuple[str, ...]:
    """Ten rows that are parted after a few passes."""
    Path("own.csv").write_text("\n".join(f"{i},{i % 3},{'ab'[i > 4]}" for i in range(10)))
    return "data.name=csv", "data.root=own.csv", "data.test=0", "order=sequential"


def logged(folder: Path) -> list[dict[str, Any]]:
    """What a run has logged, but for its times."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "speed/items_per_s")} for line in lines]


SUMMED = ("order=shuffled", "model.averaged=true", "replicas=20", "batch_size=7", "checkpoint_every=4")
TABLE = ("batch_size=3", "eval_every=null", "checkpoint_every=2")


@pytest.mark.parametrize(
    ("overrides", "left"),
    [
        (("experiment=functions3", "checkpoint_every=5"), 2),  # a cycle is found by a mark that was set before
        (("experiment=functions3", "checkpoint_every=6"), 2),  # what was found then would be found again later
        (SUMMED, 40),  # within a pass
        (TABLE, 5),  # within the pass that is the first without a mistake
        (TABLE, 1),  # within the one after it, which ends the run
    ],
)
def test_a_killed_run_ends_as_one_that_was_not(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, overrides: tuple[str, ...], left: int
) -> None:
    """Killed so many steps before its end, with steps made since the last checkpoint."""
    overrides += table_of_ones_own() if overrides is TABLE else ()
    whole = run(*overrides)
    step, made = Perceptron.step, itertools.count(1)
    last = runs.summary(whole)["steps"] - left

    def killed(self: Perceptron, batch: Any) -> Any:
        if next(made) == last:
            raise Killed
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Perceptron, "step", killed)
        with pytest.raises(Killed):
            run(*overrides)
    cut = runs.find("last", "runs")
    assert cut != whole
    execute.resume(cut, quiet=True)
    assert (whole / "model.safetensors").read_bytes() == (cut / "model.safetensors").read_bytes()
    assert logged(whole) == logged(cut)
    assert runs.summary(whole)["result"] == runs.summary(cut)["result"]


def test_a_clean_last_pass_is_told(workplace: Path) -> None:
    """A run of fixed length that ends with the first clean pass says so, the one before it does not."""
    table = table_of_ones_own()
    whole = run(*table)
    assert "none in the last pass" in runs.summary(whole)["result"]
    passes = int(runs.summary(whole)["steps"]) - 1  # it stops one pass after the clean one
    assert "none in the last pass" in runs.summary(run(*table, f"epochs={passes}"))["result"]
    assert "some in every pass" in runs.summary(run(*table, f"epochs={passes - 1}"))["result"]
    assert "pass" not in runs.summary(run(*table, "rule=none"))["result"]


def test_figures_are_drawn() -> None:
    expected = {"boundary", "mistakes"}
    for (milestone, found), names in (
        (make(replicas=4), expected),
        (make(), {"boundary"}),
        (make({"data.dimensions": 3}, replicas=4), {"mistakes"}),
        (make(rule="none", replicas=2), expected),
        (functions(2), {"functions"}),
        (functions(3), {"functions"}),
        (make(SETS, rule="gamma"), {"responses"}),
    ):
        train(milestone, found, 30)
        drawn = dict(milestone.figures(found))
        assert set(drawn) == names
        assert all(isinstance(figure, Figure) for figure in drawn.values())
    for units in (0, 50):
        milestone, found = digits(a_units=units)
        assert set(dict(milestone.figures(found))) == {"templates"}


@pytest.mark.parametrize("steps", [None, 1, 13])
def test_the_boundary_is_drawn_once_for_each_mistake(steps: int | None) -> None:
    """Also of a run that ended within a pass."""
    milestone, found = make(replicas=3, order="shuffled", steps=steps, batch_size=10)
    if steps is None:
        train(milestone, found, 500)
    else:
        (phase,) = milestone.phases()
        batches = Batches(phase, found, milestone, milestone.config)
        for step in range(steps):
            epoch, position = divmod(step, batches.per_epoch)
            milestone.step(batches.begin(epoch)(position))
    axes = dict(milestone.figures(found))["boundary"].axes[0]
    made = int(milestone.mistakes[0])
    lines = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert len(lines) == made
    last = lines[-1].get_xydata()
    w = milestone.weight[0, 0].detach().double().numpy()
    np.testing.assert_allclose(np.asarray(last) @ w[:2] + w[2], 0, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.bits": 9}, "data.bits=9: is of data.name=functions alone, .* on clouds; leave it at 2$"),
        ({"data.name": "functions", "data.offset": 0.0}, "data.offset=0.0: is of data.name=clouds alone"),
        ({"data.responses": 7}, "data.responses=7: is of data.name=stimuli alone"),
        ({"data.margins": [0.2, 0.1]}, "two numbers > 0, the smaller one first"),
        ({"data.margins": [1.5, 1.5]}, "choose smaller margins"),
        ({"data.name": "functions", "first_replica": 16}, "there are 2\\^4 functions of 2 inputs"),
        ({"model.masks": 2, "model.a_units": 5}, "model.a_units must be 0"),
        ({"data.name": "csv"}, "data.root"),
        ({"rule": "gamma"}, "rule=gamma does not learn data.name=clouds"),
        ({"data.name": "stimuli"}, "rule=error_correction does not learn data.name=stimuli"),
        ({"data.name": "stimuli", "rule": "gamma", "model.masks": 2}, "model.a_units must be 0"),
        ({"model.masks": 3}, "model.masks must be at most 2, the number of points, got 3"),
        ({"data.name": "mnist5k", "model.masks": 3}, "at most so many of 400 points .* more than 100,000; choose a"),
        ({"data.name": "functions", "replicas": 17}, "there are 2\\^4 functions of 2 inputs, .* and no number 16"),
        ({"data.name": "stimuli", "rule": "gamma", "replicas": 2}, "replicas=2: .* one machine, .* `-m seed=0,1,2`"),
        ({"epochs": None}, "epochs must be a whole number"),
        ({"precision": "bf16"}, "precision must be fp32 or tf32"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make(changes)
