"""Residual networks: the paper's counts, shortcuts, schedule and warm-up; equal to torchvision's where they agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor, nn

from landmarks import assemble, cli, config, data, execute, runs
from landmarks.cards import resnet as card
from landmarks.data import textured
from landmarks.data.vision import torchvision
from landmarks.errors import LandmarksError, UsageError
from landmarks.milestone import Batch, Data, Decision, Split
from landmarks.milestones.resnet import ResNet, ResNetConfig, check, form_of
from landmarks.parts.residual import Form, Network, Padded, Zeros, initialise
from landmarks.randomness import stream
from landmarks.weights import start_from
from tests.test_loop import Killed, same

pytestmark = pytest.mark.usefixtures("compose_once")
TINY = ("model.depth=8", "model.widths=[2,2,4]", "batch_size=16", "steps=12", "log_every=2", "eval_every=4",
        "checkpoint_every=3", "figures=false")  # fmt: skip
"""Two blocks' stages; of `few` 40 pictures to learn and 20 to test."""


@pytest.fixture(scope="module")
def drawn() -> Data:
    """`textured` with few pictures, drawn once for all tests."""
    draw = np.random.default_rng(0)
    x = textured.draw(draw.integers(0, 256, (60, 28, 28), dtype=np.uint8))
    y = torch.arange(60) % 10
    splits = {"train": Split(torch.from_numpy(x[:40]), y[:40]), "test": Split(torch.from_numpy(x[40:]), y[40:])}
    return Data("textured", splits, "0" * 64, classes=tuple("0123456789"))


@pytest.fixture
def few(drawn: Data, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Data:
    monkeypatch.setattr(data, "load", lambda settings, draws=None: drawn)
    return drawn


@cache
def settings(*overrides: str) -> ResNetConfig:
    found = assemble.complete(config.compose("resnet", overrides))
    assert isinstance(found, ResNetConfig)
    return found


def make(*overrides: str) -> ResNet:
    return ResNet(settings(*overrides))


def start(*overrides: str) -> Path:
    return execute.start(config.compose("resnet", overrides), quiet=True)


def network(form: Form) -> Network:
    """Without memory for its weights: enough to count."""
    with torch.device("meta"):
        return Network(form)


def cifar(depth: int, shortcut: Any = "A") -> Network:
    return network(Form(((depth - 2) // 6,) * 3, (16, 32, 64), 10, shortcut))


def imagenet(depth: int, shortcut: Any, stride_on: str = "first") -> Network:
    words = ("experiment=imagenet", "scale=paper", "data.name=cifar10", f"model.depth={depth}",
             f"model.shortcut={shortcut}", f"model.residual={'false' if shortcut == 'null' else 'true'}",
             f"model.stride_on={stride_on}")  # fmt: skip
    return network(form_of(settings(*words).model, 1000))


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


CIFAR = {
    20: (269_722, (14_016, 51_072, 203_520), 40_551_040),
    32: (464_154, (23_360, 88_192, 351_488), 68_862_592),
    44: (658_586, (32_704, 125_312, 499_456), 97_174_144),
    56: (853_018, (42_048, 162_432, 647_424), 125_485_696),
    110: (1_727_962, (84_096, 329_472, 1_313_280), 252_887_680),
    1202: (19_421_274, (934_400, 3_707_392, 14_778_368), 2_829_238_912),
}
"""By depth: all parameters, those of each stage, multiply-adds of a picture; by arithmetic from section 4.2."""


@pytest.mark.parametrize("depth", CIFAR)
def test_counts_of_the_networks_for_cifar(depth: int) -> None:
    count, stages, multiplied = CIFAR[depth]
    net = cifar(depth)
    rows = net.rows(32)
    assert size(net) == sum(row.parameters for row in rows) == count
    assert [row.parameters for row in rows] == [464, *stages, 650]
    assert sum(row.multiply_adds or 0 for row in rows) == multiplied
    assert size(cifar(depth, None)) == count  # the plain twin
    assert size(cifar(depth, "B")) == count + 2_752
    assert sum(isinstance(module, nn.Conv2d) for module in net.modules()) + 1 == depth
    assert [row.output for row in rows] == ["16 × 32 × 32", "16 × 32 × 32", "32 × 16 × 16", "64 × 8 × 8", "10"]


def test_six_more_layers_add_the_same() -> None:
    assert size(cifar(26)) - size(cifar(20)) == size(cifar(62)) - size(cifar(56)) == 97_216


IMAGENET = {
    (18, "A"): (11_515_688, 1_794_805_760), (18, "B"): (11_689_512, 1_814_073_344),
    (34, "A"): (21_623_848, 3_644_493_824), (34, "B"): (21_797_672, 3_663_761_408),
    (34, "C"): (22_716_840, 3_830_747_136), (50, "B"): (25_557_032, 3_857_973_248),
    (101, "B"): (44_549_160, 7_570_194_432), (152, "B"): (60_192_808, 11_282_415_616),
}  # fmt: skip


@pytest.mark.parametrize(("depth", "shortcut"), IMAGENET)
def test_counts_of_the_networks_for_imagenet(depth: int, shortcut: str) -> None:
    net = imagenet(depth, shortcut)
    rows = net.rows(224)
    assert (size(net), sum(row.multiply_adds or 0 for row in rows)) == IMAGENET[depth, shortcut]
    assert sum(row.parameters for row in rows) == size(net)
    wide = 4 if depth >= 50 else 1
    sides = zip((64, 128, 256, 512), (56, 28, 14, 7), strict=True)
    assert [row.output for row in rows[1:-1]] == [f"{wide * width} × {side} × {side}" for width, side in sides]
    if (depth, shortcut) in ((34, "B"), (34, "C")):
        projections = sum(name.endswith("downsample.0") for name, _ in net.named_modules())
        assert projections == {"B": 3, "C": 16}[shortcut]
    if shortcut == "A":
        assert size(imagenet(depth, "null")) == size(net)


def test_multiply_adds_are_those_that_a_forward_pass_makes() -> None:
    """Counted while it runs: places of the output times weights of a kernel."""
    net = make("model.form=imagenet", "model.depth=50", "model.widths=[4,4,8,8]").network
    made = [0]
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(lambda m, _, y: made.append(y[0].numel() * m.weight[0].numel()))
    net(torch.zeros(1, 3, 75, 75))
    assert sum(made) == sum(row.multiply_adds or 0 for row in net.rows(75))


@pytest.mark.parametrize(("zeros", "first"), [("back", 0), ("front", 3), ("both", 1)])
@pytest.mark.parametrize(("side", "stride"), [(8, 2), (7, 2), (5, 1)])
def test_option_a_takes_every_second_pixel_and_adds_zeros(zeros: Zeros, first: int, side: int, stride: int) -> None:
    x = torch.rand(2, 3, side, side, requires_grad=True)
    y = Padded(3, 3, stride, zeros)(x)
    kept = range(0, side, stride)
    assert y.shape == (2, 6, len(kept), len(kept))
    for channel in range(6):
        inside = 0 <= channel - first < 3
        for i, row in enumerate(kept):
            for j, column in enumerate(kept):
                expected = x[:, channel - first, row, column] if inside else torch.zeros(2)
                assert torch.equal(y[:, channel, i, j], expected)
    padding = [channel for channel in range(6) if not 0 <= channel - first < 3]
    (gradient,) = torch.autograd.grad(y[:, padding].sum(), x, retain_graph=True)
    assert not gradient.any()
    (gradient,) = torch.autograd.grad(y.sum(), x)
    expected = torch.zeros(side, side)
    expected[::stride, ::stride] = 1
    assert torch.equal(gradient, expected.expand_as(gradient))


def scalar_block(net: Network, name: str, x: Tensor, projected: bool) -> Tensor:
    """A basic block written out by 3.2: conv, BN, ReLU, conv, BN, addition, ReLU; and option A."""
    p = {k.removeprefix(f"{name}."): v for k, v in net.state_dict().items() if k.startswith(f"{name}.")}

    def normal(y: Tensor, k: int) -> Tensor:
        return F.batch_norm(y, p[f"bn{k}.running_mean"], p[f"bn{k}.running_var"], p[f"bn{k}.weight"], p[f"bn{k}.bias"])

    stride = 2 if projected else 1
    y = normal(F.conv2d(x, p["conv1.weight"], stride=stride, padding=1), 1).clamp_min(0)
    y = normal(F.conv2d(y, p["conv2.weight"], padding=1), 2)
    identity = torch.zeros_like(y)
    identity[:, : x.shape[1]] = x[:, :, ::stride, ::stride]
    return (y + identity).clamp_min(0)


@torch.no_grad()
def test_a_block_is_that_of_section_3() -> None:
    net = make("model.depth=14", "model.widths=[4,6,9]").network.double().eval()
    stir(net)
    x = torch.rand(2, 4, 9, 9).double()
    assert torch.allclose(net.layer1[1](x.clone()), scalar_block(net, "layer1.1", x, False))
    assert torch.allclose(net.layer2[0](x.clone()), scalar_block(net, "layer2.0", x, True))
    plain = make("model.depth=14", "model.widths=[4,6,9]", "model.residual=false").network.double().eval()
    plain.load_state_dict(net.state_dict())
    alone = plain.layer1[1].bn2(plain.layer1[1].conv2(plain.layer1[1].bn1(plain.layer1[1].conv1(x)).relu())).relu()
    assert torch.allclose(plain.layer1[1](x.clone()), alone)


@torch.no_grad()
def stir(net: nn.Module) -> None:
    """Statistics and γ, β as they might be after learning."""
    draw = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in ((module.weight, 0.5, 1.5), (module.bias, -0.5, 0.5),
                                      (module.running_mean, -0.5, 0.5), (module.running_var, 0.5, 1.5)):  # fmt: skip
                assert tensor is not None
                tensor.copy_(low + (high - low) * torch.rand(tensor.shape, generator=draw))


@torch.no_grad()
@pytest.mark.parametrize(("depth", "stride_on"), [(18, "first"), (50, "second")])
def test_equal_to_torchvision_with_copied_weights(depth: int, stride_on: str, tmp_path: Path) -> None:
    words = ("model.form=imagenet", f"model.depth={depth}", "model.widths=[64,128,256,512]", "model.shortcut=B",
             f"model.stride_on={stride_on}")  # fmt: skip
    ours = make(*words)
    theirs = getattr(torchvision().models, f"resnet{depth}")(num_classes=10).eval()
    stir(ours.network)
    theirs.load_state_dict(ours.exported(), strict=True)
    x = torch.rand(2, 3, 96, 96) * 255 - 128
    ours.eval()
    scale = theirs(x).abs().max()
    assert torch.allclose(ours.network(x), theirs(x), atol=float(1e-4 * scale))
    torch.manual_seed(1)
    other = getattr(torchvision().models, f"resnet{depth}")(num_classes=10).eval()
    torch.save(other.state_dict(), tmp_path / "theirs.pth")
    assert start_from(ours, tmp_path / "theirs.pth").endswith("; new: mean")
    scale = other(x).abs().max()
    assert torch.allclose(ours.network(x), other(x), atol=float(1e-4 * scale))
    if depth == 50:
        with torch.device("meta"):
            first, second = (Network(form_of(settings(*words[:4], f"model.stride_on={on}").model, 1000)) for on in
                             ("first", "second"))  # fmt: skip
        counted = [sum(row.multiply_adds or 0 for row in net.rows(224)) for net in (first, second)]
        assert counted == [3_857_973_248, 4_089_184_256]


@pytest.mark.parametrize("fan", ["fan_in", "fan_out"])
def test_weights_begin_with_the_deviation_of_he(fan: Any) -> None:
    net = Network(Form((1, 1, 1), (32, 64, 128), 10, "B"))
    initialise(net, fan, np.random.default_rng(0))
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            out, channels, high, wide = module.weight.shape
            n = high * wide * (channels if fan == "fan_in" else out)
            assert float(module.weight.detach().std()) == pytest.approx((2 / n) ** 0.5, rel=0.06), name
            assert abs(float(module.weight.detach().mean())) < 4 * (2 / n / module.weight.numel()) ** 0.5, name
        if isinstance(module, nn.BatchNorm2d):
            assert module.weight.eq(1).all()
            assert module.bias.eq(0).all()
    assert float(net.fc.weight.detach().std()) == pytest.approx((2 / 128) ** 0.5, rel=0.06)
    assert not net.fc.bias.any()


def test_a_plain_twin_begins_with_the_same_weights() -> None:
    ours, twin, other = make(), make("model.residual=false"), make("seed=1")
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), twin.parameters(), strict=True))
    assert not torch.equal(ours.network.conv1.weight, other.network.conv1.weight)


def test_the_rate_falls_after_32_000_and_48_000_steps() -> None:
    (phase,) = make("scale=paper").phases()
    rate = phase.schedules["main"]
    assert phase.steps == 64_000
    assert [rate(step) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)] == [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    (group,) = phase.optimizers["main"].param_groups
    assert group["decay"] == 1e-4
    assert float(group["momentum"]) == pytest.approx(0.9)
    assert len(group["params"]) == 19 * 3 + 2  # each convolution with its γ and β, and the last layer


def test_a_step_is_that_of_the_paper(few: Data) -> None:
    """v ← 0.9 v − ε (∇ + 1e-4 w), of every parameter, in two steps by hand."""
    resnet = make(*TINY, "augmentation.crops=false", "augmentation.pad=0")
    (resnet.phase,) = resnet.phases()
    resnet.begin_epoch(few)
    resnet.train()
    names = [name for name, _ in resnet.network.named_parameters()]
    weights = [p.detach().clone() for p in resnet.network.parameters()]
    velocities = [torch.zeros_like(w) for w in weights]
    for rate, part in ((0.1, slice(0, 16)), (0.01, slice(16, 32))):
        batch = Batch(few.splits["train"].x[part], few.splits["train"].y[part])
        leaves = {name: w.clone().requires_grad_() for name, w in zip(names, weights, strict=True)}
        buffers = {name: b.clone() for name, b in resnet.network.named_buffers()}
        logits = torch.func.functional_call(resnet.network, leaves | buffers, (resnet.centred(batch.x),))
        gradients = torch.autograd.grad(F.cross_entropy(logits, batch.y), [*leaves.values()])
        velocities = [0.9 * v - rate * (g + 1e-4 * w) for v, g, w in zip(velocities, gradients, weights, strict=True)]
        weights = [w + v for w, v in zip(weights, velocities, strict=True)]
        resnet.phase.optimizers["main"].param_groups[0]["lr"].fill_(rate)
        resnet.step(batch)
        for name, now, then in zip(names, resnet.network.parameters(), weights, strict=True):
            assert torch.allclose(now, then, atol=1e-6), name


WARMING = ("optimizer.warmup={rate:0.01,below:0.8}", "schedule=[{until:null,rate:0.1}]")


def test_the_warm_up_ends_below_80_percent_and_never_returns() -> None:
    resnet = make("experiment=resnet110", "scale=paper")
    base = resnet.phases()[0].schedules["main"](0)
    rates = []
    for error in (0.9, 0.8, 0.799, 0.85):
        assert resnet.decide({"train/error": error, "test/error": 0.1}) is Decision.CONTINUE
        rates.append(base * resnet.factor)
    assert rates == pytest.approx([0.01, 0.01, 0.1, 0.1])
    assert rates[2:] == [0.1, 0.1]
    assert make("experiment=resnet110", "scale=paper").decide({}) is Decision.CONTINUE  # nothing logged yet


def lines(folder: Path) -> Iterator[dict[str, Any]]:
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        yield json.loads(line)


def test_a_run_switches_to_its_own_rate_once_it_has_learned_something(few: Data) -> None:
    folder = start(*TINY, *WARMING, "steps=40", "model.widths=[8,8,8]", "augmentation.crops=false",
                   "augmentation.pad=0")  # fmt: skip
    logged = {line["step"]: line for line in lines(folder) if "rate/main" in line}
    looked_at = [step for step in logged if step % 4 == 0]
    end = next(step for step in looked_at if logged[step]["train/error"] < 0.8)
    assert 4 < end < 40
    for step, line in logged.items():
        assert line["rate/main"] == pytest.approx(0.01 if step <= end else 0.1), step


def test_a_run_that_learns_nothing_never_switches(few: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures that are all alike: nine of ten are misread for ever."""
    alike = {name: Split(torch.full_like(x, 100), y) for name, (x, y) in few.splits.items()}
    monkeypatch.setattr(data, "load", lambda settings, draws=None: replace(few, splits=alike))
    folder = start(*TINY, *WARMING, "batch_size=40", "steps=24")
    found = [line for line in lines(folder) if "rate/main" in line]
    assert [line["train/error"] for line in found] == pytest.approx([0.9] * 12)
    assert [line["rate/main"] for line in found] == pytest.approx([0.01] * 12)


def test_a_plateau_of_the_validation_error_divides_the_rate() -> None:
    resnet = make("optimizer.plateau={patience:2,by:10,times:2}")
    factors = []
    for error in (0.5, 0.6, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4):
        resnet.decide({"valid/error": error, "test/error": 0.0})
        factors.append(resnet.factor)
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.01])


def test_the_mean_picture_is_that_of_the_training_pictures(few: Data) -> None:
    resnet = make(*TINY)
    resnet.begin_epoch(few)
    x = few.splits["train"].x
    assert torch.allclose(resnet.mean, x.double().mean(0).float())
    assert not torch.allclose(resnet.mean, torch.cat([x, few.splits["test"].x]).double().mean(0).float())


def test_statistics_estimated_anew_are_averages_over_batches(few: Data) -> None:
    resnet = make(*TINY, "model.statistics=reestimated", "augmentation.crops=false", "augmentation.pad=0")
    resnet.begin_epoch(few)
    stir(resnet.network)
    resnet.eval()
    weights = [p.clone() for p in resnet.parameters()]
    with torch.no_grad():
        resnet.calibrate(few)
    assert not any(module.training for module in resnet.modules())
    assert all(torch.equal(a, b) for a, b in zip(weights, resnet.parameters(), strict=True))
    some = torch.from_numpy(stream(0, 0, "evaluation").permutation(40)[:32])
    seen: dict[str, list[Tensor]] = {}
    for name, module in resnet.network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda m, inputs, y, name=name: seen.setdefault(name, []).append(inputs[0]))
    found = {name: buffer.clone() for name, buffer in resnet.network.named_buffers()}
    resnet.network.train()
    with torch.no_grad():
        for part in some.split(16):
            resnet.network(resnet.centred(few.splits["train"].x[part]))
    for name, batches in seen.items():
        flat = [x.double().transpose(0, 1).flatten(1) for x in batches]
        assert len(flat) == 2
        mean = sum(x.mean(1) for x in flat) / 2
        variance = sum(x.var(1) for x in flat) / 2
        assert torch.allclose(found[f"{name}.running_mean"].double(), cast("Tensor", mean), rtol=1e-4, atol=1e-4)
        assert torch.allclose(found[f"{name}.running_var"].double(), cast("Tensor", variance), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("statistics", ["moving", "reestimated"])
def test_how_often_is_measured_changes_no_weight(few: Data, statistics: str) -> None:
    words = (*TINY, f"model.statistics={statistics}")
    often, seldom = start(*words, "eval_every=1"), start(*words, "eval_every=12")
    assert (often / "model.safetensors").read_bytes() == (seldom / "model.safetensors").read_bytes()


@pytest.mark.parametrize("kill_at", [2, 8, 11])
def test_a_killed_run_ends_as_an_uninterrupted_one(few: Data, kill_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (*TINY, "optimizer.warmup={rate:0.01,below:0.99}", "model.statistics=reestimated")
    whole = start(*words)
    calls, step = [0], ResNet.step

    def killed(self: ResNet, batch: Batch) -> Any:
        calls[0] += 1
        if calls[0] == kill_at:
            raise Killed
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(ResNet, "step", killed)
        with pytest.raises(Killed):
            start(*words)
    cut = runs.find("last", "runs")
    assert cut != whole
    execute.resume(cut, quiet=True)
    assert same(whole, cut)
    rates = [line["rate/main"] for line in lines(whole) if "rate/main" in line]
    assert (rates[0], rates[-1]) == (pytest.approx(0.01), 0.1)


def test_with_bf16_weights_averages_and_losses_are_float32(few: Data) -> None:
    folder = start(*TINY, "precision=bf16", "model.shortcut=B")
    milestone = assemble.load_model(folder)
    assert {tensor.dtype for tensor in milestone.state_dict().values()} == {torch.float32, torch.int64}
    (milestone.phase,) = milestone.phases()  # type: ignore[assignment]
    batch = Batch(few.splits["train"].x[:16], few.splits["train"].y[:16])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert cast("ResNet", milestone).network(cast("ResNet", milestone).augmented(batch.x)).dtype == torch.bfloat16
        assert {value.dtype for value in milestone.train().step(batch).values()} == {torch.float32}
        assert milestone.eval().answer(batch.x).score.dtype == torch.float32


def test_a_last_batch_of_one_picture_and_one_place_is_refused(few: Data) -> None:
    """BN would have a single number to take a mean and a variance of."""
    words = (*TINY, "experiment=imagenet", "data.valid=0", "model.depth=18", "model.widths=[2,2,2,2]", "batch_size=13",
             "optimizer.plateau=null")  # fmt: skip
    with pytest.raises(UsageError, match="batch_size=13: the last batch of 40 pictures is a single one"):
        start(*words)
    start(*words, "batch_size=14", "steps=3")
    start(*TINY, "batch_size=13", "steps=4")  # 8 × 8 places


@pytest.mark.parametrize(("form", "stages"), [(3, 3), (7, 4)])
def test_the_side_of_the_last_maps(form: Any, stages: int) -> None:
    net = Network(Form((1,) * stages, (2,) * stages, 10, "A", stem=form))
    seen: list[int] = []
    net.get_submodule(net.stages[-1]).register_forward_hook(lambda m, x, y: seen.append(y.shape[2]))
    sides = (1, 2, 7, 28, 32, 33, 45)
    for side in sides:
        net.eval()(torch.zeros(1, 3, side, side))
    assert seen == [net.last(side) for side in sides]


def test_a_run_that_starts_from_weights_goes_on_where_they_are_gone(few: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    first = start(*TINY, "seed=1")
    given = Path("given.safetensors")
    given.write_bytes((first / "model.safetensors").read_bytes())
    words = (*TINY, f"init={given}")
    whole = start(*words)
    for kill_at, kept in ((8, False), (2, True)):
        calls, step = [0], ResNet.step

        def killed(self: ResNet, batch: Batch, at: int = kill_at, calls: Any = calls, step: Any = step) -> Any:
            calls[0] += 1
            if calls[0] == at:
                raise Killed
            return step(self, batch)

        with monkeypatch.context() as patch:
            patch.setattr(ResNet, "step", killed)
            with pytest.raises(Killed):
                start(*words)
        cut = runs.find("last", "runs")
        weights = given.read_bytes()
        if not kept:
            given.unlink()
        else:  # before the first checkpoint they are needed, as they were
            given.write_bytes((whole / "model.safetensors").read_bytes())
            with pytest.raises(LandmarksError, match="no longer the weights that this run was started with"):
                execute.resume(cut, quiet=True)
            given.write_bytes(weights)
        execute.resume(cut, quiet=True)
        assert same(whole, cut)
        assert runs.summary(cut)["fingerprint"] == runs.summary(whole)["fingerprint"]
        given.write_bytes(weights)


def test_light_is_of_the_pictures_at_hand_where_the_weights_bring_none(few: Data) -> None:
    first = start(*TINY, "steps=1")
    second = start(*TINY, "steps=1", f"init={first}", "augmentation.colour=0.1")
    milestone = cast("ResNet", assemble.load_model(second))
    assert torch.allclose(milestone.colour_axes.T @ milestone.colour_axes, torch.eye(3), atol=1e-5)
    assert milestone.colour_amounts.all()


def test_bf16_follows_fp32(few: Data) -> None:
    """Also after the first step: weights as they have become are what is rounded."""
    words = (*TINY, "model.shortcut=B", "schedule=[{until:null,rate:0.01}]", "steps=30")
    begun = make(*words).state_dict()
    moved = [
        torch.cat([(tensor - begun[name]).flatten() for name, tensor in model.state_dict().items() if "conv" in name])
        for model in (assemble.load_model(start(*words, f"precision={p}")) for p in ("fp32", "bf16"))
    ]
    assert float(F.cosine_similarity(*moved, dim=0)) > 0.95


def test_the_gradients_of_a_deep_net_are_noted_stage_by_stage(few: Data) -> None:
    milestone = make("model.depth=20")
    (milestone.phase,) = milestone.phases()
    milestone.begin_epoch(few)
    milestone.watching = True
    milestone.step(Batch(few.splits["train"].x[:8], few.splits["train"].y[:8]))
    norms = {name: float(norm) for name, norm in milestone.gradient_norms.items()}
    assert [*norms] == [f"network.{part}" for part in ("conv1", "bn1", "layer1", "layer2", "layer3", "fc")] + ["all"]
    squares = dict.fromkeys(norms, 0.0)
    for name, parameter in milestone.named_parameters():
        assert parameter.grad is not None
        for part in (".".join(name.split(".")[:2]), "all"):
            squares[part] += float(parameter.grad.double().square().sum())
    assert norms == pytest.approx({part: square**0.5 for part, square in squares.items()}, rel=1e-4)


@torch.no_grad()
def test_responses_are_taken_after_bn_and_before_relu_and_addition() -> None:
    net = make("model.depth=8", "model.widths=[4,4,4]").network.eval()
    stir(net)
    x = torch.rand(3, 3, 12, 12)
    names, found = zip(*net.responses(x), strict=True)
    assert names == ("conv1", *(f"layer{i}.0.conv{k}" for i in (1, 2, 3) for k in (1, 2)))
    first = net.bn1(net.conv1(x))
    block = net.layer1[0]
    second = block.bn1(block.conv1(first.relu()))
    third = block.bn2(block.conv2(second.relu()))
    assert found[:3] == pytest.approx([float(y.std()) for y in (first, second, third)])
    bottlenecks = make("model.form=imagenet", "model.depth=50", "model.widths=[4,4,4,4]").network.eval()
    assert len(bottlenecks.responses(torch.rand(1, 3, 32, 32))) == 1 + 16
    assert not any(module._forward_hooks for module in net.modules())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("model.depth=21",), r"model.depth=21: of the cifar form it must be 6n \+ 2"),
        (("model.depth=2",), r"must be 6n \+ 2"),
        (("model.form=imagenet", "model.depth=20"), "of the imagenet form it must be one of 18, 34, 50, 101, 152"),
        (("model.widths=[16,32]",), "has 3 stages"),
        (("model.residual=false", "model.shortcut=A"), "a plain net has no shortcuts"),
        (("model.shortcut=B", "model.zeros=both"), "only shortcuts of option A have zeros"),
        (("model.widths=[16,8,8]",), "no stage may be narrower"),
        (("model.stride_on=second",), "only a bottleneck has a choice"),
        (("epochs=3",), "length is in steps"),
        (("steps=null",), "length is in steps"),
        (("optimizer.warmup={rate:0.01,below:0.8}", "optimizer.plateau={patience:1,by:10,times:1}"), "one of them"),
        (("data.side=28",), "must be at least as large as model.input=32"),
        (("augmentation.pad=0",), "augmentation.crops: 32 × 32 out of as many pixels"),
        (("evaluation.views=10",), "corners and middle are the same"),
        (("schedule=[{until:null,rate:0.1},{until:9,rate:0.01}]",), "every stage must end after the one before it"),
        (("schedule=[{until:9,rate:0.1},{until:9,rate:0.01}]",), "every stage must end after the one before it"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_one_sentence(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        make(*words)
    assert "\n" not in str(caught.value)


def test_a_plateau_wants_held_out_pictures(few: Data) -> None:
    with pytest.raises(UsageError, match=r"give data\.valid=N"):
        start(*TINY, "optimizer.plateau={patience:1,by:10,times:1}")
    assert not Path("runs").exists()


def test_a_run_from_the_command_line_to_its_pictures(few: Data, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in TINY if word != "figures=false"]
    assert cli.main(["run", "resnet", *words, "-q"]) == 0
    folder = runs.find("last", "runs")
    said = capsys.readouterr().out
    assert "residual-8: test error" in said
    assert "no number in the paper" in said
    assert {path.stem for path in (folder / "figures").glob("*.png")} == {"curves", "responses", "labels"}
    milestone = assemble.load_model(folder)
    answer = milestone.answer(few.splits["test"].x)
    assert answer.probabilities is not None
    assert answer.probabilities.shape == (20, 10)
    assert torch.allclose(answer.probabilities.sum(1), torch.ones(20))
    assert cli.main(["export", str(folder), "-o", "net.safetensors"]) == 0
    with safe_open("net.safetensors", "pt") as file:
        notes = file.metadata()
    assert json.loads(notes["classes"]) == [*few.classes]
    assert np.allclose(json.loads(notes["mean"]), few.splits["train"].x.double().mean(0).numpy(), atol=1e-3)
    assert cli.main(["run", "resnet", *TINY, "steps=1", f"init={folder}", "-q"]) == 0
    assert cli.main(["show", "resnet"]) == 0
    assert "| **in all** |  | **68,050** | **10,248,512** |" in capsys.readouterr().out


def test_the_published_number_of_a_configuration() -> None:
    def of(*words: str) -> str | None:
        found = card.claim_of(settings(*words))
        return found and found.id

    photographs = ("experiment=imagenet", "scale=paper", "data.name=cifar10", "data.side=256")
    assert of() == of("scale=paper") == "R20"
    assert of("model.depth=56") == "R56"
    assert of("experiment=resnet110") == "R110"
    assert of("model.depth=26") is None
    assert of("model.residual=false") is None
    assert of("model.shortcut=B") is None
    assert of(*photographs) == "T3-34-A"
    assert of(*photographs, "model.depth=18", "model.residual=false") == "T2-plain-18"
    assert of(*photographs, "model.depth=50") == "T3-50-B"
    assert of(*photographs, "model.depth=50", "evaluation.views=1") == "T1-50-B"
    assert of(*photographs, "model.shortcut=C", *card.SCALED) == "T4-34-C"


def departed(*words: str) -> set[str]:
    found = settings(*words)
    return {departure.id for departure in card.DEPARTURES if departure.applies(found)}


def test_departures_are_those_of_the_configuration() -> None:
    assert departed("scale=paper") == departed("scale=paper", "experiment=resnet110") == set()
    assert departed("scale=paper", "data.name=cifar10-jpeg") == {"jpeg"}
    assert departed() == {"digits", "width", "length", "rates", "batch", "augmentation"}
    assert departed("scale=paper", "model.depth=110") == {"warm-up"}
    assert departed("scale=paper", "model.shortcut=B") == {"shortcut"}
    assert departed("scale=paper", "data.valid=5000") == {"held out"}
    assert departed("scale=paper", "data.labels=1000") == {"labels"}
    assert departed("scale=paper", "model.widths=[8,16,32]", "steps=100") == {"width", "length"}
    assert departed("scale=paper", "evaluation.views=10") == {"views"}
    assert departed("scale=paper", "optimizer.decay=0.0") == {"rule"}
    assert departed("scale=paper", "init=FILE") == {"init"}
    assert departed("scale=paper", "optimizer.plateau={patience:1,by:10,times:1}") == {"rates"}
    assert departed("scale=paper", WARMING[0]) == {"warm-up"}
    assert departed("scale=paper", "model.depth=1202", WARMING[0]) == set()
    assert departed("scale=paper", "experiment=resnet110", "optimizer.warmup.below=0.5") == {"warm-up"}
    photographs = ("scale=paper", "experiment=imagenet", "data.name=cifar10")
    assert departed(*photographs) == {"other data", "mean"}
    assert departed(*photographs, "evaluation.views=5") == {"other data", "mean", "views"}
    assert departed(*photographs, "schedule=[{until:null,rate:0.03}]") == {"other data", "mean", "rates"}
    assert departed(*photographs, *card.SCALED) == {"other data", "mean", "whole"}


def test_every_claim_has_runs_that_can_be_made() -> None:
    assert len({claim.id for claim in card.CLAIMS}) == len(card.CLAIMS)
    for claim in card.CLAIMS:
        for arm in claim.arms if claim.built else ():
            photographs = ("data.name=cifar10", "data.side=256") if "experiment=imagenet" in arm else ()
            larger = tuple(word for word in arm if word.startswith("data.side"))
            found = settings("scale=paper", *arm, *(photographs if not larger else photographs[:1]))
            check(found)
            if not claim.two_arms and claim.id not in ("R110m", "R1202t", "P110"):
                headed = card.claim_of(found)
                assert headed is not None
                assert headed.id == claim.id.removesuffix("-5")  # of top-5 errors the claim of top-1 is the head


def test_conclusions_say_what_differs() -> None:
    said = card.concluded(settings(), 10, {"test/error": 0.1234})
    assert said.startswith("residual-20: test error 12.34 % on textured; paper: 8.75 % (Table 6); they differ")
    assert "digits" in said
    whole = card.concluded(settings("scale=paper"), 10, {"test/error": 0.0875})
    assert whole == "residual-20: test error 8.75 % on cifar10; paper: 8.75 % (Table 6)"


def test_own_draws_leave_training_alone(few: Data) -> None:
    """What is estimated anew draws crops; training's generator does not see it."""
    resnet = make(*TINY, "model.statistics=reestimated")
    resnet.begin_epoch(few)
    resnet.eval()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    execute.loop.measure(resnet, few, ["test"], torch.device("cpu"))
    first = {name: buffer.clone() for name, buffer in resnet.network.named_buffers()}
    assert torch.equal(torch.get_rng_state(), before)
    execute.loop.measure(resnet, few, ["test"], torch.device("cpu"))
    assert all(torch.equal(first[name], buffer) for name, buffer in resnet.network.named_buffers())
