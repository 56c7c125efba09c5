"""Denoising autoencoders (2008, 2010): the papers' counts and formulas, greedy phases, early stopping, the probe."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import landmarks
from landmarks import assemble, config, data, execute, runs
from landmarks.cards.dae import ROWS, claim_of
from landmarks.errors import UsageError
from landmarks.milestone import Batch, Data, Decision, Split
from landmarks.milestones.dae import DAE, FINETUNING, DAEConfig, check
from landmarks.parts import probe
from landmarks.parts.denoising import corrupted, losses, tied

pytestmark = pytest.mark.usefixtures("compose_once")

TINY = ("data.sizes=[60,20,30]", "model.hidden=[12,8]", "pretraining.epochs=2", "epochs=4", "batch_size=8")
PROBED = ("experiment=features", "data.sizes=[60,20,30]", "model.hidden=[12]", "pretraining.epochs=2", "batch_size=8",
          "probe.labels=40", "probe.penalties=[0.01,0.1]")  # fmt: skip
TWO = st.integers(0, 2**31 - 1)


def make(*overrides: str) -> DAE:
    milestone = assemble.make(config.compose("dae", overrides))
    assert isinstance(milestone, DAE)
    return milestone


@cache
def checked(*overrides: str) -> DAEConfig:
    """A configuration alone, without its network."""
    found = assemble.complete(config.compose("dae", overrides))
    assert isinstance(found, DAEConfig)
    check(found)
    return found


def start(*overrides: str) -> Path:
    return execute.start(config.compose("dae", overrides), quiet=True)


def enter(milestone: DAE, index: int) -> None:
    """Stand in a phase as the loop does, with its rate."""
    phase = milestone.phase = milestone.phases()[index]
    for name, parameter in milestone.named_parameters():
        parameter.requires_grad_(name.startswith(phase.trains))
    phase.optimizers["main"].param_groups[0]["lr"].fill_(phase.schedules["main"](0))


def batch(count: int = 8, seed: int = 0) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, (count, 28, 28), generator=draw, dtype=torch.uint8)
    return Batch(x, torch.randint(0, 10, (count,), generator=draw))


def test_parameters_are_those_of_the_papers() -> None:
    milestone = make("scale=paper")
    learned = [
        sum(p.numel() for p in phase.optimizers["main"].param_groups[0]["params"]) for phase in milestone.phases()
    ]
    assert learned == [785_784, 1_002_000, 1_002_000, 2_797_010]
    assert sum(layer.parameters for layer in milestone.layers()) == 2_797_010
    assert sum(layer.multiply_adds or 0 for layer in milestone.layers()) == 784_000 + 2 * 1_000_000 + 10_000
    alone = make("scale=paper", "experiment=features", "model.hidden=[1000]")
    assert [layer.parameters for layer in alone.layers()] == [785_784]
    assert [phase.name for phase in alone.phases()] == ["layer 1"]


@given(level=st.floats(0, 0.99), width=st.integers(2, 40), seed=TWO)
@settings(max_examples=60, deadline=None)
def test_an_exact_share_of_every_pattern_is_masked(level: float, width: int, seed: int) -> None:
    torch.manual_seed(seed)
    x = torch.rand(7, width) + 0.1
    noisy, touched = corrupted(x, "masking", level)
    assert touched.sum(1).tolist() == [round(level * width)] * 7
    assert torch.equal(noisy, torch.where(touched, torch.zeros(()), x))


def test_masked_places_are_uniform_and_drawn_anew() -> None:
    torch.manual_seed(0)
    x = torch.ones(2000, 20)
    counts = sum(corrupted(x, "masking", 0.25)[1].sum(0) for _ in range(5))
    assert (counts / 10_000 - 0.25).abs().max() < 0.02
    assert not torch.equal(corrupted(x, "masking", 0.25)[1], corrupted(x, "masking", 0.25)[1])


def test_salt_and_pepper_are_a_fair_coin_on_an_exact_share() -> None:
    torch.manual_seed(0)
    x = torch.full((500, 40), 0.5)
    noisy, touched = corrupted(x, "salt_and_pepper", 0.4)
    assert touched.sum(1).tolist() == [16] * 500
    assert torch.equal(noisy[~touched], x[~touched])
    assert {*noisy[touched].tolist()} == {0.0, 1.0}
    assert noisy[touched].mean() == pytest.approx(0.5, abs=0.02)


def test_gaussian_noise_touches_all_with_its_deviation() -> None:
    torch.manual_seed(0)
    x = torch.rand(200, 500)
    noisy, touched = corrupted(x, "gaussian", 0.3)
    assert touched.all()
    assert float((noisy - x).std()) == pytest.approx(0.3, rel=0.02)
    assert float((noisy - x).mean()) == pytest.approx(0, abs=0.005)


@pytest.mark.parametrize("name", ["masking", "salt_and_pepper", "gaussian"])
def test_no_noise_draws_nothing(name: Any) -> None:
    state = torch.get_rng_state()
    x = torch.rand(3, 5, generator=torch.Generator().manual_seed(0))
    noisy, touched = corrupted(x, name, 0.0)
    assert torch.equal(noisy, x)
    assert not touched.any()
    assert torch.equal(torch.get_rng_state(), state)


def scalar_loss(milestone: DAE, k: int, clean: Tensor, noisy: Tensor, touched: Tensor, linear: bool) -> list[float]:
    """The formulas of section 2 in scalars, with one matrix W for both directions."""
    layer = milestone.layer_list[k]
    w, b, c = layer.weight.tolist(), layer.bias.tolist(), milestone.visible[k].tolist()
    alpha, beta = milestone.config.emphasis.corrupted, milestone.config.emphasis.intact
    found = []
    for x, x_noisy, t in zip(clean.tolist(), noisy.tolist(), touched.tolist(), strict=True):
        y = [1 / (1 + math.exp(-b[i] - sum(w[i][j] * x_noisy[j] for j in range(len(x))))) for i in range(len(b))]
        total = 0.0
        for j in range(len(x)):
            a = c[j] + sum(w[i][j] * y[i] for i in range(len(b)))
            z = a if linear else 1 / (1 + math.exp(-a))
            cost = (z - x[j]) ** 2 if linear else -x[j] * math.log(z) - (1 - x[j]) * math.log(1 - z)
            total += (alpha if t[j] else beta) * cost
        found.append(total)
    return found


@pytest.mark.parametrize("overrides", [
    ("corruption.level=0.25",),
    ("corruption.level=0.25", "emphasis.intact=0.5"),
    ("corruption.name=salt_and_pepper", "corruption.level=0.4", "emphasis.intact=0.0"),
    ("corruption.name=gaussian", "corruption.level=0.3", "model.decoder=linear"),
])  # fmt: skip
@pytest.mark.parametrize("k", [0, 1])
def test_the_loss_is_that_of_a_loop_over_scalars(overrides: tuple[str, ...], k: int) -> None:
    milestone = make(*TINY, *overrides).double()
    clean = milestone.code(batch(3).x, 0).double()
    clean = milestone.encode(clean, k)
    with torch.no_grad():
        milestone.visible[k].uniform_(-0.5, 0.5)
    torch.manual_seed(5)
    ours = milestone.denoising(k, clean)
    torch.manual_seed(5)
    noisy, touched = milestone.corrupt(clean)
    wanted = scalar_loss(milestone, k, clean, noisy, touched, k == 0 and "model.decoder=linear" in overrides)
    np.testing.assert_allclose(ours.tolist(), wanted, rtol=1e-9)


def test_the_target_is_the_clean_pattern() -> None:
    x = torch.rand(4, 6)
    outputs = torch.logit(x)
    assert torch.allclose(losses(outputs, x, None, False), F.binary_cross_entropy(x, x, reduction="none").sum(1))
    assert torch.allclose(losses(x, x, None, True), torch.zeros(4))


def test_the_gradient_flows_through_both_uses_of_the_tied_weights() -> None:
    milestone = make(*TINY, "corruption.level=0.25").double()
    enter(milestone, 0)
    clean, weight = milestone.code(batch(5).x, 0).double(), milestone.layer_list[0].weight

    def loss() -> Tensor:
        torch.manual_seed(3)
        return milestone.denoising(0, clean).mean()

    (slope,) = torch.autograd.grad(loss(), [weight])
    for place in ((0, 400), (5, 33), (11, 700)):
        ends = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                weight[place] += step
                ends.append(float(loss()))
                weight[place] -= step
        assert float(slope[place]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-7)


def test_the_product_that_serves_both_uses_is_their_sum() -> None:
    """Against autograd over the two layers written one after the other; in bf16 within its rounding."""
    torch.manual_seed(1)
    x, target = torch.rand(7, 30, dtype=torch.float64), torch.rand(7, 30, dtype=torch.float64)
    w, b, v = (torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((12, 30), (12,), (30,)))

    def plain() -> Tensor:
        return F.linear(F.linear(x, w, b).sigmoid(), w.T, v)

    assert torch.allclose(tied(x, w, b, v), plain())
    found, expected = (torch.autograd.grad((f - target).square().sum(), (w, b, v)) for f in (tied(x, w, b, v), plain()))
    assert all(map(torch.allclose, found, expected))
    single = [t.detach().float().requires_grad_() for t in (w, b, v)]
    with torch.autocast("cpu", torch.bfloat16):
        half = tied(x.float(), *single)
    assert half.dtype == torch.bfloat16
    rounded = torch.autograd.grad((half.float() - target.float()).square().sum(), single)
    for gradient, exact in zip(rounded, expected, strict=True):
        assert gradient.dtype == torch.float32
        assert float((gradient - exact).norm() / exact.norm()) < 0.02


def test_a_step_is_plain_descent_on_the_mean_over_the_batch() -> None:
    milestone = make(*TINY)
    enter(milestone, 0)
    some = batch()
    torch.manual_seed(1)
    loss = milestone.denoising(0, milestone.code(some.x, 0)).mean()
    parameters = milestone.phase.optimizers["main"].param_groups[0]["params"]
    wanted = [p - 0.1 * g for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True)]
    torch.manual_seed(1)
    found = milestone.step(some)
    assert found["rebuilding"].shape == ()
    assert torch.allclose(found["rebuilding"], loss)
    for ours, other in zip(parameters, wanted, strict=True):
        torch.testing.assert_close(ours, other)


def test_a_layer_learns_on_the_clean_code_of_those_below_and_leaves_them() -> None:
    milestone = make(*TINY, "corruption.level=0.25")
    before = {name: p.detach().clone() for name, p in milestone.named_parameters()}
    seen: list[Tensor] = []
    denoising = milestone.denoising
    milestone.denoising = lambda k, x: seen.append(x) or denoising(k, x)  # type: ignore[method-assign]
    for index, moves in enumerate((("encoders.0.", "visible.0"), ("encoders.1.", "visible.1"))):
        enter(milestone, index)
        for step in range(3):
            milestone.step(batch(seed=step))
        moved = {name for name, p in milestone.named_parameters() if not torch.equal(p, before[name])}
        assert moved == {name for name in before if name.startswith(moves)}
        before = {name: p.detach().clone() for name, p in milestone.named_parameters()}
    x = batch(seed=2).x
    below = torch.sigmoid(F.linear(x.flatten(1) / 255, before["encoders.0.weight"], before["encoders.0.bias"]))
    torch.testing.assert_close(seen[-1], below)
    assert milestone.corrupt(below)[1].any()


def test_all_weights_but_the_decoders_are_fine_tuned_without_noise() -> None:
    milestone = make(*TINY, "finetuning.lr=0.5")
    enter(milestone, 2)
    before = {name: p.detach().clone() for name, p in milestone.named_parameters()}
    state = torch.get_rng_state()
    for step in range(3):
        found = milestone.step(batch(seed=step))
    assert {*found} == {"loss", "error"}
    assert torch.equal(torch.get_rng_state(), state)
    moved = {name for name, p in milestone.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name in before if not name.startswith("visible.")}


def test_noise_may_go_to_the_classifiers_input_instead() -> None:
    milestone = make(*TINY, "corruption.during=finetuning", "corruption.level=0.5")
    some = batch()
    state = torch.get_rng_state()
    enter(milestone, 0)
    milestone.step(some)
    assert torch.equal(torch.get_rng_state(), state)  # a plain autoencoder
    enter(milestone, 2)
    milestone.step(some)
    assert not torch.equal(torch.get_rng_state(), state)


def test_without_pretraining_there_is_one_phase() -> None:
    assert [phase.name for phase in make(*TINY, "pretraining.epochs=0").phases()] == [FINETUNING]


@pytest.mark.parametrize(("init", "bound"), [("fan_in", 784**-0.5), ("tutorial", 4 * (6 / 1784) ** 0.5)])
def test_initial_weights_lie_in_their_range(init: str, bound: float) -> None:
    milestone = make("scale=paper", f"model.init={init}")
    weight = milestone.layer_list[0].weight.detach()
    assert float(weight.abs().max()) == pytest.approx(bound, rel=1e-3)
    assert float(weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.01)
    assert not milestone.layer_list[0].bias.any()
    assert bool(milestone.output.weight.any()) == (init == "fan_in")
    assert not torch.equal(weight, make("scale=paper", f"model.init={init}", "seed=1").layer_list[0].weight)


def test_the_best_weights_are_put_back_and_patience_ends() -> None:
    milestone = make(*TINY, "finetuning.patience=2")
    enter(milestone, 1)
    assert milestone.decide({"valid/error": 0.0}) is Decision.CONTINUE
    assert not milestone.memory
    enter(milestone, 2)
    kept = {}
    for error, value in ((0.3, 1.0), (0.2, 2.0), (0.2, 3.0), (0.25, 4.0)):
        with torch.no_grad():
            for parameter in milestone.parameters():
                parameter.fill_(value)
        kept[error] = milestone.decide({"valid/error": error, "train_set/error": 0.0})
    assert [*kept.values()] == [Decision.CONTINUE, Decision.CONTINUE, Decision.END_PHASE]
    assert milestone.end_phase()
    assert all((parameter == 2).all() for parameter in milestone.parameters())


def test_best_weights_at_the_end_are_no_change() -> None:
    milestone = make(*TINY)
    enter(milestone, 2)
    milestone.decide({"valid/error": 0.3})
    assert not milestone.end_phase()


def lines(folder: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl` without what a clock put there."""
    read = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds" and not k.startswith("speed/")} for line in read]


class Killed(BaseException):
    """Ends a run as `kill -9` would: nothing of ours catches it."""


@pytest.mark.parametrize(("overrides", "kills"), [(TINY, (12, 20, 37, 51)), (PROBED, (11,))])
def test_a_killed_run_ends_as_an_uninterrupted_one(
    overrides: tuple[str, ...], kills: tuple[int, ...], workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 steps an epoch: in the first layer, in the second, in the fine-tuning (from step 32 on), after best weights."""
    whole = start(*overrides, "figures=false")
    step: Callable[..., Any] = DAE.step
    for kill in kills:
        made = [0]

        def killed(self: DAE, some: Batch, made: list[int] = made, kill: int = kill) -> Any:
            made[0] += 1
            if made[0] == kill:
                raise Killed
            return step(self, some)

        with monkeypatch.context() as patch:
            patch.setattr(DAE, "step", killed)
            with pytest.raises(Killed):
                start(*overrides, "figures=false", "checkpoint_every=3")
        cut = runs.find("last", "runs")
        execute.resume(cut, quiet=True)
        assert (cut / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
        assert lines(cut) == lines(whole)


def test_the_test_patterns_are_measured_once_and_at_the_end_with_the_best_weights(workplace: Path) -> None:
    words = ("model.hidden=[12,8,6]", "finetuning.patience=2", "finetuning.lr=3.0", "epochs=12")
    run = landmarks.run("dae", *TINY, *words, quiet=True)
    assert len(run.curves["test/error"].value) == 1
    assert run.metrics["valid/error"] == min(run.curves["valid/error"].value)
    assert run.curves["valid/rebuilding"].step == [8, 16, 24, 32, 40, 48]
    assert "paper: 2.84 %" in run.result
    assert "mnist5k" in run.result
    measured = run.evaluate()
    assert measured == pytest.approx({k: v for k, v in run.metrics.items() if k in measured})
    assert {*run.figures} == {"curves", "filters", "rebuilt"}


def test_an_answer_is_the_likeliest_class_with_its_probability() -> None:
    milestone = make(*TINY, "model.init=tutorial")
    with torch.no_grad():
        milestone.output.weight.normal_()
    answer = milestone.answer(batch(20).x)
    p = milestone(batch(20).x).softmax(1)
    assert answer.kind == "probability"
    assert torch.equal(answer.label, p.argmax(1))
    torch.testing.assert_close(answer.score, p.amax(1))


def test_a_run_answers_files(workplace: Path) -> None:
    from PIL import Image

    run = landmarks.run("dae", *PROBED, "figures=false", quiet=True)
    Image.fromarray(batch(1).x[0].numpy()).save(workplace / "digit.png")
    (found,) = run.predict("digit.png")
    assert found.kind == "probability"
    assert 0.1 <= found.score <= 1
    with pytest.raises(UsageError, match="may change only"):
        run.evaluate("data.sizes=[30,20,60]")
    with pytest.raises(UsageError, match="mnist5k: has patterns of basic"):
        run.evaluate("data.name=mnist5k")
    assert run.evaluate("data.name=rot")["test/probe_error"] > 0


def test_the_probe_is_the_minimum_of_its_convex_loss() -> None:
    draw = torch.Generator().manual_seed(0)
    x, y = 3 + torch.randn(80, 6, generator=draw, dtype=torch.float64), torch.randint(0, 4, (80,), generator=draw)
    for start_at in (None, (torch.randn(4, 6, dtype=torch.float64), torch.randn(4, dtype=torch.float64))):
        weight, bias = (t.requires_grad_() for t in probe.softmax_regression(x, y, 4, 0.1, start_at))
        loss = F.cross_entropy(F.linear(x, weight, bias), y) + 0.05 * weight.square().sum()
        slopes = torch.autograd.grad(loss, [weight, bias])
        assert max(float(slope.abs().max()) for slope in slopes) < 1e-4


def test_the_probe_agrees_with_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    draw = torch.Generator().manual_seed(1)
    x, y = torch.rand(200, 8, generator=draw).double(), torch.randint(0, 3, (200,), generator=draw)
    weight, bias = probe.softmax_regression(x, y, 3, 0.01)
    other = linear_model.LogisticRegression(C=1 / (0.01 * 200), tol=1e-8, max_iter=1000).fit(
        x.double().numpy(), y.numpy()
    )
    wanted = other.predict_proba(x.double().numpy())
    np.testing.assert_allclose(F.linear(x.double(), weight, bias).softmax(1).numpy(), wanted, atol=1e-3)


def test_the_penalty_is_chosen_on_held_out_patterns() -> None:
    """Labels to learn from that say nothing, held-out ones of one class: the largest penalty, nearest to it, wins."""
    draw = torch.Generator().manual_seed(2)
    x = torch.randn(60, 5, generator=draw)
    y = torch.cat([torch.zeros(40, dtype=torch.long), torch.randint(0, 2, (20,), generator=draw)])
    held = torch.randn(200, 5, generator=draw), torch.zeros(200, dtype=torch.long)
    weight, _ = probe.chosen((x, y), held, 2, (1e-4, 1e3))
    assert weight.abs().max() < 0.01
    held = x, y
    weight, _ = probe.chosen((x, y), held, 2, (1e-4, 1e3))
    assert weight.abs().max() > 0.1


def test_the_probe_sees_no_test_pattern() -> None:
    milestone = make(*PROBED)
    found = data.load(milestone.config.data)
    splits = dict(found.splits)
    with torch.no_grad():
        milestone.calibrate(found)
        fitted = milestone.output.weight.clone()
        splits["test"] = Split(255 - splits["test"].x, splits["test"].y.flip(0))
        milestone.calibrate(Data("basic", splits, ""))
        assert torch.equal(milestone.output.weight, fitted)
        milestone.calibrate(Data("images", {"test": splits["train"]}, ""))
    assert torch.equal(milestone.output.weight, fitted)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("steps=100",), "steps: dae's length is in epochs"),
        (("epochs=null",), "epochs must be a whole number"),
        (("experiment=features", "epochs=3"), "epochs: with a probe nothing is fine-tuned"),
        (("experiment=features", "pretraining.epochs=0"), "pretraining.epochs: with a probe nothing else learns"),
        (("experiment=features", "corruption.during=finetuning"), "corruption.during=finetuning: with a probe"),
        (("experiment=features", "data.name=mnist5k", "data.digits=null", "data.sizes=null"), "data.valid=N"),
        (("corruption.level=1.0",), "corruption.level: at 1 nothing of a pattern is left"),
        (("corruption.name=gaussian", "emphasis.intact=0.5"), "emphasis: gaussian noise leaves no component intact"),
        (("emphasis.intact=0.0", "emphasis.corrupted=0.0"), "emphasis: where nothing counts"),
        (("emphasis.intact=0.5", "corruption.level=0.0"), "emphasis: no layer rebuilds anything from noise"),
        (("emphasis.intact=0.5", "corruption.during=finetuning"), "emphasis: no layer rebuilds anything from noise"),
        (("emphasis.intact=0.5", "pretraining.epochs=0"), "emphasis: no layer rebuilds anything from noise"),
        (("model.decoder=linear", "pretraining.epochs=0"), "model.decoder: without pretraining"),
        (("data.name=cifar",), "data.name: there is no data set cifar"),
        (("data.name=bg_img",), "data.correlation must be given"),
        (("model.hidden=[]",), "model.hidden must be"),
        (("data.name=mnist50k",), "data.digits is without effect on mnist50k and must be null"),
    ],
)
def test_what_does_not_go_together_is_a_sentence(overrides: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked(*overrides)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_every_experiment_composes_and_has_its_number(scale: str) -> None:
    numbers = {n: claim_of(checked(f"scale={scale}", f"experiment={n}")) for n in config.experiments("dae")}
    assert numbers.pop("features") is numbers.pop("digits") is None
    expected = {"rot": 0.0953, "bg_rand": 0.103, "bg_img": 0.1668, "bg_img_rot": 0.4376, "rect": 0.0199,
                "rect_img": 0.2159, "convex": 0.1906, "mnist": 0.0128 if scale == "paper" else 0.0284}  # fmt: skip
    assert {name: claim and claim.published for name, claim in numbers.items()} == expected
    levels = {name: checked("scale=paper", f"experiment={name}").corruption.level for name in expected}
    assert levels == {"rot": 0.25, "bg_rand": 0.4, "bg_img": 0.25, "bg_img_rot": 0.25, "rect": 0.1,
                      "rect_img": 0.25, "convex": 0.1, "mnist": 0.25}  # fmt: skip


def test_each_configuration_stands_beside_its_own_number() -> None:
    for overrides, published in (
        ((), 0.0284), (("corruption.level=0.0",), 0.0346), (("pretraining.epochs=0",), None),
        (("corruption.during=finetuning",), None), (("emphasis.intact=0.5",), None),
        (("experiment=rot", "corruption.name=salt_and_pepper", "emphasis.intact=0.5"), 0.0876),
        (("experiment=rot", "corruption.name=salt_and_pepper", "emphasis.intact=0.3"), None),
        (("model.hidden=[1000]",), None),
    ):  # fmt: skip
        claim = claim_of(checked(*overrides))
        assert (claim and claim.published) == published


def test_departures_follow_what_is_changed() -> None:
    def active(*overrides: str) -> set[str]:
        found = checked("scale=paper", *overrides)
        return {departure.id for departure in DAE.card.departures if departure.applies(found)}

    always = {"own draw", "grid"}
    assert active() == active("corruption.level=0.0") == active("model.hidden=[2000,2000]") == always
    assert active("experiment=mnist") == {"grid"}
    assert active("corruption.level=0.25") == {*always, "noise level"}
    assert active("experiment=rot", "corruption.level=0.1") == {*always, "noise level"}
    assert active("model.hidden=[1000,2000,1000]") == active("model.hidden=[500]") == {*always, "width"}
    assert active("model.decoder=linear") == {*always, "decoder"}


def test_the_spread_of_a_claim_is_what_the_table_prints() -> None:
    half = {claim.id: round(196 * claim.spread, 2) for claim in DAE.card.claims if claim.spread}
    assert {name: half[f"T3-{name}"] for name in ROWS} == {
        "basic": 0.15, "rot": 0.26, "bg_rand": 0.27, "bg_img": 0.33, "bg_img_rot": 0.43, "rect": 0.12,
        "rect_img": 0.36, "convex": 0.34, "mnist": 0.22,
    }  # fmt: skip
    assert half["T4-rot"] == round(196 * (0.0876 * 0.9124 / 50_000) ** 0.5, 2) != half["T3-rot"]


def test_the_runs_of_every_claim_compose() -> None:
    for claim in DAE.card.claims:
        if claim.built:
            assert claim.source == "recalled" or checked("scale=paper", *claim.overrides).pretraining.epochs > 0
        if claim.kind == "contrast":
            assert claim.published >= 0
            assert checked("scale=paper", *claim.against) != checked("scale=paper", *claim.overrides)
    assert len({claim.id for claim in DAE.card.claims}) == len(DAE.card.claims)


def test_a_draw_of_ours_is_never_the_published_set() -> None:
    named = {name for claim in DAE.card.claims for name in claim.data}
    assert named & {*data.SOURCES} == {"mnist50k"}


def test_a_probe_is_not_fitted_anew_to_other_data(workplace: Path) -> None:
    words = (
        "experiment=features",
        "data.digits=mnist5k",
        "data.sizes=[200,60,80]",
        "model.hidden=[12]",
        "probe.labels=100",
    )
    run = landmarks.run("dae", *words, "pretraining.epochs=1", "figures=false", quiet=True)
    fitted = run.model().output.weight.detach()
    seen: list[torch.Tensor] = []
    with pytest.MonkeyPatch.context() as patch:
        measure = DAE.measure
        patch.setattr(
            DAE, "measure", lambda self, split: seen.append(self.output.weight.detach()) or measure(self, split)
        )
        run.evaluate("data.name=bg_rand")
    assert all(torch.equal(fitted, weight) for weight in seen)
    assert run.evaluate()["test/probe_error"] == run.metrics["test/probe_error"]
