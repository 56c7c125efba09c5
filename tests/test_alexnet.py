"""AlexNet (2012): counts and shapes of the paper, separate towers, normalisation by its formula, the files' nets."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from landmarks import assemble, cli, compare, config, data, execute, runs
from landmarks.cards import alexnet as card
from landmarks.data import textured
from landmarks.errors import UsageError
from landmarks.figures import alexnet as draw
from landmarks.milestone import Batch, Data, Decision, Split
from landmarks.milestones.alexnet import AlexNet, AlexNetConfig, build_network
from landmarks.parts.cuda_convnet import Dropout, Stack
from landmarks.parts.normalisation import AcrossMaps, WithinMap
from landmarks.parts.unshared import LocallyConnected
from tests.pictures import mixed_folder
from tests.test_loop import Killed, same

pytestmark = pytest.mark.usefixtures("compose_once")
PAPER = ("scale=paper",)
TINY = ("model.width=0.03125", "batch_size=16", "epochs=4", "log_every=2", "eval_every=3", "checkpoint_every=2",
        "figures=false", "evaluation.views=1",
        "schedule=[{until: 2, rate: 0.01}, {until: null, rate: 0.001}]")  # fmt: skip
"""A layer of a few units on 40 pictures, three updates an epoch."""
CIFAR = {"cifar26": None, "cifar18": 89_578, "cifar13": 1_116_490, "cifar11": 2_112_970}

DECAYS = {
    "cifar26": [0.004, 0.004, 0.004, 0.03, 0.03],
    "cifar18": [0.004, 0.004, 0.004, 1.0],
    "cifar13": [0.0, 0.0, 0.004, 0.004, 0.004],
    "cifar11": [0.0, 0.0, 0.004, 0.004, 0.01],
}


@pytest.fixture(scope="module")
def drawn() -> Data:
    """`textured` with few pictures, drawn once for all tests."""
    pixels = np.random.default_rng(0).integers(0, 256, (80, 28, 28), dtype=np.uint8)
    x, y = torch.from_numpy(textured.draw(pixels)), torch.arange(80) % 10
    parts = {"train": slice(0, 40), "valid": slice(40, 60), "test": slice(60, 80)}
    splits = {name: Split(x[part], y[part]) for name, part in parts.items()}
    return Data("textured", splits, "0" * 64, classes=tuple("0123456789"))


@pytest.fixture
def few(drawn: Data, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Data:
    monkeypatch.setattr(data, "load", lambda settings, draws=None: drawn)
    return drawn


@cache
def settings(*overrides: str, classes: int = 0) -> AlexNetConfig:
    composed = config.compose("alexnet", overrides)
    if classes:
        composed.tree["data"]["classes"] = [str(i) for i in range(classes)]
    found = assemble.settings_of(composed)
    assert isinstance(found, AlexNetConfig)
    return found


def make(*overrides: str) -> AlexNet:
    return AlexNet(settings(*overrides))


@cache
def whole(*overrides: str) -> Stack:
    """The network of the paper with its initial weights, 1,000 classes."""
    return AlexNet(settings(*PAPER, *overrides, classes=1000)).network.eval()


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def unfilled(*overrides: str) -> Stack:
    """The paper's network, or a variant, without memory for its weights."""
    found = settings(*PAPER, *overrides, classes=1000)
    with torch.device("meta"):
        return build_network(found.model, found.optimizer.decay, 1000)


def outputs(net: Stack, x: Tensor) -> dict[str, Tensor]:
    found = {}
    with torch.no_grad():
        for name, layer in net.named_children():
            x = layer(x)
            found[name] = x.clone()
    return found


# The network of 2012


def test_layers_have_the_parameters_of_the_paper() -> None:
    rows = {row.name: row for row in whole().rows()}
    parameters = {name: row.parameters for name, row in rows.items() if row.parameters}
    assert parameters == {
        "conv1": 34_944, "conv2": 307_456, "conv3": 885_120, "conv4": 663_936, "conv5": 442_624,
        "fc6": 37_752_832, "fc7": 16_781_312, "fc8": 4_097_000,
    }  # fmt: skip
    assert count(whole()) == sum(parameters.values()) == 60_965_224
    assert rows["conv2"].multiply_adds == 307_200 * 27 * 27
    assert rows["fc6"].multiply_adds == 37_748_736
    assert [*rows] == [
        "conv1", "norm1", "pool1", "conv2", "norm2", "pool2", "conv3", "conv4", "conv5", "pool5",
        "fc6", "drop6", "fc7", "drop7", "fc8",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "parameters"),
    [
        (("model.input=227",), 60_965_224),
        (("model.towers=joined",), 62_378_344),
        (("model.pool=2",), 60_965_224),  # "output of equivalent dimensions", section 3.4
        # half of the kernels in conv1 to conv4, and nothing apart: 48, 128, 192, 192, 256
        (("model.towers=one",), 17_472 + 153_728 + 221_376 + 331_968 + 442_624 + 37_752_832 + 16_781_312 + 4_097_000),
        (("model.without=conv4",), 60_965_224 - 663_936),
        (("model.without=fc7",), 60_965_224 - 16_781_312),
    ],
)
def test_variants_have_theirs(words: tuple[str, ...], parameters: int) -> None:
    assert count(unfilled(*words)) == parameters


@pytest.mark.parametrize("side", [224, 227])
def test_maps_have_the_sizes_of_figure_2(side: int) -> None:
    net = unfilled(f"model.input={side}").eval()
    x = torch.zeros(1, 3, side, side, device="meta")
    shapes = {name: tuple(y.shape[1:]) for name, y in outputs(net, x).items()}
    assert shapes["conv1"] == (96, 55, 55)
    assert shapes["pool1"] == (96, 27, 27)
    assert shapes["conv2"] == (256, 27, 27)
    assert shapes["pool2"] == (256, 13, 13)
    assert shapes["conv3"] == shapes["conv4"] == (384, 13, 13)
    assert shapes["conv5"] == (256, 13, 13)
    assert shapes["pool5"] == (256, 6, 6)
    assert shapes["flat"] == (9216,)
    sizes = [int(np.prod(shapes[name])) for name in ("conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")]
    assert sizes == [186_624, 64_896, 64_896, 43_264, 4_096, 4_096, 1_000]
    assert round(sum(sizes) + 96 * 55 * 55, -4) == 660_000  # "650,000 neurons"


def test_each_rectifier_comes_before_its_normalisation_and_that_before_its_pool() -> None:
    kinds = [type(layer).__name__ for layer in whole().children()]
    assert kinds[:8] == ["Conv2d", "ReLU", "AcrossMaps", "MaxPool2d"] * 2
    assert kinds[8:] == ["Conv2d", "ReLU"] * 3 + ["MaxPool2d", "Flatten"] + ["Linear", "ReLU", "Dropout"] * 2 + [
        "Linear"
    ]


@pytest.mark.parametrize("joined", ["false", "true"])
def test_towers_see_nothing_of_each_other_but_in_conv3(joined: str) -> None:
    net = make(f"model.lrn.joined={joined}").network.eval()
    torch.manual_seed(0)
    x = 60 * torch.randn(2, 3, 28, 28)
    before = outputs(net, x)
    with torch.no_grad():
        half = len(net.get_parameter("conv1.weight")) // 2
        net.get_parameter("conv1.weight")[:half] += 0.1  # the first tower sees something else
    after = outputs(net, x)
    for name, apart in (("conv1", True), ("pool1", joined == "false"), ("conv2", joined == "false"), ("conv3", False)):
        first, second = ((one != other).any() for one, other in zip(
            before[name].chunk(2, 1), after[name].chunk(2, 1), strict=True))  # fmt: skip
        assert first
        assert bool(second) != apart, name
    for name in ("conv4", "conv5"):  # each on its own: another input for the first tower, the same for the second
        layer, maps = net.get_submodule(name), before["conv3" if name == "conv3" else "conv4"].shape[1]
        seen = torch.randn(2, maps, 6, 6)
        other = torch.cat([seen[:, : maps // 2] + 1, seen[:, maps // 2 :]], 1)
        with torch.no_grad():
            one, two = (layer(each).chunk(2, 1) for each in (seen, other))
        assert not torch.equal(one[0], two[0])
        assert torch.equal(one[1], two[1])


def test_start_is_that_of_section_5() -> None:
    for name, layer in whole().named_children():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            assert float(layer.weight.detach().std()) == pytest.approx(0.01, rel=0.02), name
            assert abs(float(layer.weight.detach().mean())) < 2e-4
            bias = 1.0 if name in ("conv2", "conv4", "conv5", "fc6", "fc7") else 0.0
            assert (layer.bias == bias).all(), name


def test_narrow_layers_receive_as_much_where_they_are_rescaled() -> None:
    net = make("model.std=0.01").network
    inputs = {"conv1": 363, "conv2": 1200, "conv3": 2304, "conv4": 1728, "conv5": 1728, "fc6": 9216, "fc7": 4096,
              "fc8": 4096}  # fmt: skip
    for name, of_the_paper in inputs.items():
        weight = net.get_parameter(f"{name}.weight").detach()
        received = float(weight.std()) * weight[0].numel() ** 0.5
        assert received == pytest.approx(0.01 * of_the_paper**0.5, rel=0.1), name
    full = {name: rule.fan_in for name, rule in unfilled("model.rescaled=true").rules.items()}
    assert full == inputs
    for name in inputs:
        assert unfilled().get_parameter(f"{name}.weight")[0].numel() == inputs[name]


def test_dropout_silences_half_and_halves_in_a_test() -> None:
    layer, x = Dropout(0.5), torch.ones(400, 500)
    torch.manual_seed(0)
    learned = layer.train()(x)
    assert set(learned.unique().tolist()) == {0.0, 1.0}  # outputs are not doubled: section 4.2
    assert float(learned.mean()) == pytest.approx(0.5, abs=0.01)
    assert torch.equal(layer.eval()(x), 0.5 * x)


# Normalisation


def scalar_lrn(a: Any, n: int, k: float, alpha: float, beta: float, towers: int = 1) -> Any:
    """Section 3.3, to the letter, in a loop; a (maps,)."""
    size = len(a) // towers
    found = []
    for i in range(len(a)):
        first = i // size * size
        window = range(max(first, i - n // 2), min(first + size - 1, i + n // 2) + 1)
        found.append(a[i] / (k + alpha * sum(a[j] ** 2 for j in window)) ** beta)
    return found


@pytest.mark.parametrize("n", [1, 3, 5, 9, 15])
@pytest.mark.parametrize("towers", [1, 2])
@pytest.mark.parametrize("beta", [0.75, 0.6])
def test_normalisation_across_maps_is_the_formula(n: int, towers: int, beta: float) -> None:
    torch.manual_seed(n)
    a = (3 * torch.randn(2, 12, 2, 3, dtype=torch.float64)).to(memory_format=torch.channels_last).requires_grad_()
    layer = AcrossMaps(n, 0.3, beta, 2.0, towers)
    b = layer(a)
    for picture in range(2):
        for row in range(2):
            expected = scalar_lrn(a[picture, :, row, 1].tolist(), n, 2.0, 0.3, beta, towers)
            assert b[picture, :, row, 1].tolist() == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(layer, (a[:, :, :1, :1].detach().clone().requires_grad_(),))
    if towers == 1:
        theirs = nn.LocalResponseNorm(n, alpha=0.3 * n, beta=beta, k=2.0)
        torch.testing.assert_close(b, theirs(a))
        ours, other = (torch.autograd.grad(f(a).sin().sum(), a)[0] for f in (layer, theirs))
        torch.testing.assert_close(ours, other)


@pytest.mark.parametrize("n", [3, 5])
def test_normalisation_within_a_map_is_the_formula(n: int) -> None:
    torch.manual_seed(n)
    a = torch.randn(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    layer, far = WithinMap(n, 0.3, 0.75, 1.0), n // 2
    b = layer(a)
    for row in range(4):
        for column in range(5):
            window = a[1, 1, max(0, row - far) : row + far + 1, max(0, column - far) : column + far + 1]
            expected = a[1, 1, row, column] / (1 + 0.3 * window.square().sum()) ** 0.75
            assert float(b[1, 1, row, column].detach()) == pytest.approx(float(expected.detach()), rel=1e-12)
    assert torch.autograd.gradcheck(layer, (a,))


def test_half_precision_is_normalised_in_single() -> None:
    a = torch.randn(2, 8, 3, 3)
    layer = AcrossMaps(5, 1e-4, 0.75, 2.0)
    half = layer(a.bfloat16())
    assert half.dtype == torch.bfloat16
    assert torch.equal(half, layer(a.bfloat16().float()).bfloat16())


def test_both_readings_of_alpha_and_the_tower_border() -> None:
    def norm(*words: str) -> Any:
        return make(*words).network.get_submodule("norm1")

    assert (norm().size, norm().k, norm().alpha, norm().beta, norm().groups) == (5, 2.0, 1e-4, 0.75, 2)
    assert norm("model.lrn.divided=true").alpha == pytest.approx(2e-5)
    assert norm("model.lrn.joined=true").groups == 1
    assert "norm1" not in dict(make("model.lrn=null").network.named_children())


# The networks for CIFAR-10


def network(name: str, *overrides: str) -> Stack:
    return make(f"experiment={name}", *overrides).network


@pytest.mark.parametrize("name", CIFAR)
def test_cifar_networks_are_those_of_the_files(name: str) -> None:
    net, wanted = network(name), CIFAR[name]
    assert wanted is None or count(net) == wanted
    for layer, rule in net.rules.items():
        weight, bias = (net.get_parameter(f"{layer}.{part}") for part in ("weight", "bias"))
        assert float(weight.detach().std()) == pytest.approx(rule.std, rel=0.05)
        assert not bias.any()
    stds = {layer: rule.std for layer, rule in net.rules.items()}
    decays = [rule.decay for rule in net.rules.values()]
    assert stds["conv1"] == 1e-4
    assert stds["conv2"] == 0.01
    assert decays == DECAYS[name]


def test_parameters_of_the_18_percent_network_by_layer() -> None:
    rows = {row.name: row for row in network("cifar18").rows()}
    assert [row.parameters for row in rows.values() if row.parameters] == [2_432, 25_632, 51_264, 10_250]
    assert [rows[name].output for name in ("pool1", "pool2", "pool3")] == ["32@16×16", "32@8×8", "64@4×4"]
    assert [*network("cifar18")._modules] == [
        "conv1", "pool1", "act1", "norm1", "conv2", "act2", "pool2", "norm2", "conv3", "act3", "pool3", "flat", "fc",
    ]  # fmt: skip
    norm: Any = network("cifar18").get_submodule("norm1")
    assert isinstance(norm, WithinMap)
    assert (norm.size, norm.k, norm.alpha) == (3, 1.0, pytest.approx(5e-5 / 9))


def test_the_11_percent_network_normalises_after_one_pool_and_before_the_other() -> None:
    assert [*network("cifar11")._modules][:8] == [
        "conv1", "act1", "pool1", "norm1", "conv2", "act2", "norm2", "pool2",
    ]  # fmt: skip
    norm: Any = network("cifar11").get_submodule("norm2")
    assert (norm.size, norm.k, norm.alpha) == (9, 1.0, pytest.approx(1e-3 / 9))
    plain = network("cifar11", "model.lrn=null")
    assert [row.parameters for row in plain.rows() if row.parameters] == [4_864, 102_464, 1_329_408, 664_704, 11_530]
    assert [row.parameters for row in network("cifar13").rows() if row.parameters] == [
        4_864, 102_464, 664_704, 332_928, 11_530,
    ]  # fmt: skip


def test_pools_round_up_and_an_average_is_of_what_is_there() -> None:
    pool = network("cifar18").get_submodule("pool2")
    x = torch.arange(64.0).reshape(1, 1, 8, 8)
    y = pool(x)
    assert y.shape == (1, 1, 4, 4)
    assert float(y[0, 0, 3, 3]) == float(x[0, 0, 6:, 6:].mean())
    assert float(y[0, 0, 1, 2]) == float(x[0, 0, 2:5, 4:7].mean())


def test_a_locally_connected_layer_is_its_loop() -> None:
    torch.manual_seed(0)
    layer = LocallyConnected(2, 3, 3, 4).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64)
    y, padded = layer(x), F.pad(x, (1, 1, 1, 1))
    for b, m, row, column in np.ndindex(2, 3, 4, 4):
        kernel = layer.weight[row * 4 + column, :, m]
        window = padded[b, :, row : row + 3, column : column + 3].flatten()
        expected = window @ kernel + layer.bias[m, row, column]
        assert y[b, m, row, column].item() == pytest.approx(expected.item())


def test_biases_of_the_files_learn_twice_as_fast_and_no_bias_decays() -> None:
    groups = [*network("cifar18").groups(2.0)]
    assert [(len(g["params"]), g.get("decay"), g.get("times")) for g in groups] == [  # type: ignore[arg-type]
        (3, 0.004, None), (1, 1.0, None), (4, None, 2.0),
    ]  # fmt: skip
    alexnet = make()
    (phase,) = alexnet.phases()
    assert [(len(g["params"]), g["decay"], g["times"]) for g in phase.optimizers["main"].param_groups] == [
        (8, 5e-4, 1.0), (8, 0.0, 1.0),
    ]  # fmt: skip


# The protocol


def test_rates_of_the_18_percent_network_at_their_boundaries() -> None:
    (phase,) = make("scale=paper", "experiment=cifar18").phases()
    rate = phase.schedules["main"]
    assert phase.epochs == 140
    assert [rate(epoch) for epoch in (0, 119.99, 120, 129.99, 130, 139)] == [1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5]


def test_the_11_percent_network_folds_in_the_fifth_file() -> None:
    first, second = make("scale=paper", "experiment=cifar11").phases()
    assert (first.epochs, first.withheld) == (350, 10_000)
    assert (second.epochs, second.withheld) == (170, 0)
    rate = second.schedules["main"]
    assert [rate(epoch) for epoch in (0, 149.9, 150, 159.9, 160)] == [1e-3, 1e-3, 1e-4, 1e-4, 1e-5]


def test_the_rate_falls_three_times_when_the_validation_error_does_not() -> None:
    net = make("optimizer.plateau={patience: 2, by: 10, times: 3}")
    factors = []
    for number, error in enumerate((0.9, 0.8, 0.8, 0.81, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7)):
        assert net.decide({"valid/error": error, "test/error": 0.0}) is Decision.CONTINUE
        factors.append(net.factor)
        if number == 5:  # as if killed and resumed
            other = make("optimizer.plateau={patience: 2, by: 10, times: 3}")
            other.factor, other.memory = net.factor, {k: v.clone() for k, v in net.memory.items()}
            net = other
    assert factors == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3, 1e-3, 1e-3])
    assert make().decide({"valid/error": 0.5}) is Decision.CONTINUE


def test_a_plateau_wants_held_out_pictures(few: Data) -> None:
    net = make("optimizer.plateau={patience: 2, by: 10, times: 3}")
    net.check_data(few)
    none = Data("textured", {name: few.splits[name] for name in ("train", "test")}, "")
    with pytest.raises(UsageError, match=r"give data.valid=N, a folder data.root with `train` and `val` in it"):
        net.check_data(none)


def start(*overrides: str) -> Path:
    return execute.start(config.compose("alexnet", overrides), quiet=True)


def lines(folder: Path) -> list[dict[str, Any]]:
    return runs.read_metrics(folder)


CRITERION = (*TINY, "criterion=0.86")
FOLDING = ("experiment=cifar13", *TINY, "model.width=null", "fold_in={pictures: 10, after: 2}")


@pytest.mark.parametrize(
    ("words", "kills"),
    [
        (CRITERION, (2, 7, 12)),
        ((*TINY, "optimizer.plateau={patience: 1, by: 10, times: 3}"), (8,)),
        (FOLDING, (3, 9)),
    ],
    ids=["criterion", "plateau", "fold in"],
)
def test_a_killed_run_ends_as_an_uninterrupted_one(
    words: tuple[str, ...], kills: tuple[int, ...], few: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    unhindered, step = start(*words), AlexNet.step
    for kill_at in kills:
        calls = [0]

        def killed(self: AlexNet, batch: Batch, calls: list[int] = calls, kill_at: int = kill_at) -> Any:
            calls[0] += 1
            if calls[0] == kill_at:
                raise Killed
            return step(self, batch)

        with monkeypatch.context() as patch:
            patch.setattr(AlexNet, "step", killed)
            with pytest.raises(Killed):
                start(*words)
        cut = runs.find("last", "runs")
        execute.resume(cut, quiet=True)
        assert same(unhindered, cut)


def test_epochs_to_a_training_error_are_counted(few: Data) -> None:
    folder = start(*CRITERION, "log_every=null", "eval_every=null")
    by_epoch = [line["train/error"] for line in lines(folder) if "train/error" in line]
    metrics = json.loads((folder / "summary.json").read_text())["metrics"]
    net = AlexNet(settings(*CRITERION))
    net.memory = {"errors": torch.tensor([0.9, 0.2]), "wrong": torch.tensor(1.0), "seen": torch.tensor(40.0),
                  "of": torch.tensor(40.0)}  # fmt: skip
    assert net.errors().tolist() == pytest.approx([0.9, 0.2, 1 / 40])
    net.memory["seen"] = torch.tensor(39.0)  # an epoch that is not over does not count
    assert net.errors().tolist() == pytest.approx([0.9, 0.2])
    # the log has the mean of batches of 16, 16 and 8, the measure that of pictures
    met = [number + 1 for number, error in enumerate(by_epoch) if error <= 0.84]
    surely = [number + 1 for number, error in enumerate(by_epoch) if error <= 0.88]
    needed = metrics.get("train_set/epochs_needed")
    assert metrics["train_set/solved"] == (needed is not None)
    assert not met or needed is not None
    assert needed is None or needed >= min(surely)


def test_what_is_measured_or_logged_changes_no_weight(few: Data) -> None:
    often = start(*TINY, "eval_every=1", "log_every=1")
    seldom = start(*TINY, "eval_every=12", "evaluation.views=5")
    assert (often / "model.safetensors").read_bytes() == (seldom / "model.safetensors").read_bytes()


def test_the_middle_view_is_measured_beside_all(few: Data) -> None:
    net = make(*TINY, "evaluation.views=10").eval()
    net.begin_epoch(few)
    alone = make(*TINY).eval()
    alone.load_state_dict(net.state_dict())
    split = few.splits["test"]
    with torch.no_grad():
        several, one = net.measure(split), alone.measure(split)
        five = make(*TINY, "evaluation.views=5").eval()
        five.load_state_dict(net.state_dict())
        by_five = five.measure(split)
    assert several["centre_error"] == by_five["centre_error"] == one["error"]
    assert several["centre_top5_error"] == one["top5_error"]
    assert "centre_error" not in one


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("epochs=null",), "length is in epochs"),
        (("steps=10",), "length is in epochs"),
        (("evaluation.scales=[224]",), "evaluation.scales: alexnet's full layers"),
        (("model.network=cifar18",), "of cifar18 its file in cuda-convnet says it, so it must be null; experiment=ci"),
        (("model.std=null",), "model.std: of alexnet it must be given"),
        (("optimizer.decay=null",), "only the files of cuda-convnet say it by layer"),
        (("experiment=cifar11", "model.dropout=0.5"), "model.dropout: without effect on cifar11"),
        (("experiment=cifar18", "model.rescaled=true"), "model.rescaled: of cifar18 its file says the spreads"),
        (("experiment=cifar18", "model.lrn.joined=true"), "only windows over maps of two towers can be joined"),
        (("model.towers=one", "model.lrn.joined=true"), "only windows over maps of two towers can be joined"),
        (("model.lrn.size=4",), "model.lrn.size must be odd"),
        (("fold_in={pictures: 10, after: 15}",), "must be less than epochs=15"),
        (("fold_in={pictures: 10, after: 5}", "criterion=0.5"), "criterion: with fold_in"),
        (("model.input=33",), "at least as large as model.input=33"),
        (("model.input=4",), "model.input=4: too small, pool2 has no place in it"),
        (("model.conv1={kernel: 31, stride: 1, pad: 0}",), "model.input=28: too small, conv1 has no place"),
        (("model.width=0.005",), "model.width=0.005: leaves a layer without maps"),
        (("optimizer.plateau={patience: 2, by: 0.5, times: 3}",), "optimizer.plateau.by must be > 1"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_one_sentence(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        make(*words)
    assert "\n" not in str(caught.value)


def test_test_pictures_are_looked_at_once_where_others_are_held_out_to_choose_by() -> None:
    (chosen,), (fixed,) = make("optimizer.plateau={patience: 2, by: 10, times: 3}").phases(), make().phases()
    assert chosen.measures == ("valid",)
    assert fixed.measures == ("valid", "test")


# The card and the pictures


@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_departures_are_of_the_run_itself(scale: str) -> None:
    def active(*words: str, classes: int = 0) -> set[str]:
        found = settings(f"scale={scale}", *words, classes=classes)
        return {departure.id for departure in card.DEPARTURES if departure.applies(found)}

    quick = {"digits", "geometry", "width", "start", "augmentation", "views", "length", "rates", "batch"}
    assert active(classes=1000) == (quick if scale == "quick" else set())
    if scale == "paper":
        assert active("experiment=cifar18") == active("experiment=cifar11") == active("experiment=figure1") == set()
        assert active("experiment=cifar18", "model.activation=tanh") == {"activation"}
        assert active("model.lrn=null", "model.pool=2", classes=1000) == {"normalisation", "pooling"}
        assert active(classes=3) == {"other data"}
        assert active("data.name=cifar10-jpeg") == {"other data"}
        assert active("experiment=cifar13", "data.name=cifar10-jpeg") == {"jpeg"}
    else:
        files = {"digits", "batch", "length", "rates"}
        assert active("experiment=cifar11") == active("experiment=cifar13") == {*files, "augmentation", "views"}
        assert active("experiment=cifar18") == files
        assert active("experiment=figure1") == {"digits", "batch"}


@pytest.mark.parametrize(
    ("words", "departure"),
    [
        (("optimizer.momentum=0.5",), "rule"),
        (("optimizer.decay=0",), "rule"),
        (("experiment=cifar18", "optimizer.decay=0.1"), "rule"),
        (("experiment=cifar18", "optimizer.bias_times=1"), "rule"),
        (("experiment=figure1", "optimizer.decay=0.1"), "rule"),
        (("schedule=[{until: null, rate: 0.1}]",), "rates"),
        (("optimizer.plateau.times=2",), "rates"),
        (("experiment=cifar13", "schedule=[{until: null, rate: 0.001}]"), "rates"),
        (("experiment=cifar11", "fold_in=null"), "length"),
        (("experiment=cifar11", "model.input=28"), "geometry"),
        (("data.side=300",), "geometry"),
        (("experiment=cifar11", "augmentation.mirror=false"), "augmentation"),
        (("experiment=cifar18", "augmentation.mirror=true"), "augmentation"),
        (("data.scales={low: 256, high: 480, crop: 224}",), "augmentation"),
        (("experiment=cifar11", "evaluation.views=1"), "views"),
        (("model.rescaled=true",), "start"),
        (("model.lrn.alpha=0.1",), "normalisation"),
        (("experiment=cifar18", "model.lrn.divided=false"), "normalisation"),
        (("experiment=cifar11", "model.lrn=null"), "normalisation"),
        (("init=start.safetensors",), "init"),
    ],
)
def test_each_departure_is_declared_alone(words: tuple[str, ...], departure: str) -> None:
    found = settings(*PAPER, *words, classes=1000)
    assert [each.id for each in card.DEPARTURES if each.applies(found)] == [departure]


def test_conclusions_name_the_number_that_they_stand_beside() -> None:
    said = card.concluded(settings(*PAPER, classes=1000), 1000, {"valid/error": 0.4, "valid/top5_error": 0.19})
    assert said == (
        "valid error 40.00 %, top-5 19.00 % on images, 1000 classes; paper: 40.7 % on images (ILSVRC-2012) (Table 2)"
    )
    assert "paper: 37.5 % on images (ILSVRC-2010)" in card.concluded(settings(*PAPER), 1000, {"test/error": 0.4})
    assert "paper: 37.5 %" in card.concluded(settings(*PAPER, "data.valid=9"), 1000, {"valid/error": 0.4})
    figure_1 = settings("scale=paper", "experiment=figure1")
    assert "25 % after 6 epochs; paper: six times" in card.concluded(figure_1, 10, {"train_set/epochs_needed": 6.0})
    assert "not within 40 epochs" in card.concluded(figure_1, 10, {})


@torch.no_grad()
def test_about_half_of_the_rectifiers_are_active_at_the_start() -> None:
    net = make("model.bias=0.0").network.eval()
    torch.manual_seed(0)
    shares = draw.active(net, 60 * torch.randn(32, 3, 28, 28))
    assert [*shares] == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    assert all(0.35 < share < 0.65 for share in shares.values())
    expected = (F.conv2d(torch.ones(1, 3, 28, 28), net.get_parameter("conv1.weight"), padding=2) > 0).float().mean()
    assert draw.active(net, torch.ones(1, 3, 28, 28))["conv1"] == pytest.approx(float(expected))


def test_figures_are_drawn_and_disturb_nothing(few: Data) -> None:
    net = make(*CRITERION).eval()
    net.begin_epoch(few)
    net.memory |= {"errors": torch.tensor([0.9, 0.3, 0.2]), "seen": torch.tensor(0.0)}
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    found = dict(net.figures(few))
    assert [*found] == ["kernels", "labels", "activity", "training_error"]
    assert all(isinstance(figure, Figure) for figure in found.values())
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert [len(axes.images) for axes in found["kernels"].axes] == [1, 1]
    drawn_line = found["training_error"].axes[0].lines[0].get_ydata()
    assert np.asarray(drawn_line) == pytest.approx([90.0, 30.0, 20.0])


def test_both_arms_of_figure_1_make_one_picture_with_its_line(few: Data) -> None:
    words = ("experiment=figure1", "epochs=3", "batch_size=16", "figures=false")
    found = compare.Comparison([start(*words), start(*words, "model.activation=tanh")])
    (panel,) = found.panels
    assert [line.group.title for line in panel.lines] == ["model.activation=relu", "model.activation=tanh"]
    assert panel.metric == "train/error"
    assert panel.claim is not None
    assert panel.claim.published == 0.25
    assert make("experiment=figure1", "criterion=0.5").claim is None


def test_a_quick_run_from_the_command_line(few: Data, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "alexnet", "epochs=1", "eval_every=null"]) == 0
    assert "alexnet: test error" in capsys.readouterr().out
    folder = runs.find("last", "runs")
    names = {path.stem for path in (folder / "figures").iterdir()}
    assert names == {"curves", "kernels", "labels", "activity"}


@pytest.mark.parametrize("name", [*CIFAR, "figure1"])
def test_every_experiment_trains_at_its_quick_scale(name: str, few: Data) -> None:
    words = [f"experiment={name}", "epochs=2", "figures=false", "eval_every=null"]
    words += ["fold_in={pictures: 10, after: 1}"] * (name in ("cifar13", "cifar11"))
    metrics = json.loads((start(*words) / "summary.json").read_text())["metrics"]
    assert metrics["train/loss"] == pytest.approx(np.log(10), abs=0.1)  # weights of 1e-4 in conv1 take their time


@pytest.mark.slow
def test_rectifiers_begin_to_learn_where_logistic_units_do_not(workplace: Path) -> None:
    """The demonstration's arms for a seventh of its length, without what slows learning down."""
    words = (*card.FEW, *card.BARE, "epochs=15", "figures=false")
    learned = [json.loads((start(*words, *more) / "summary.json").read_text())["metrics"]["train_set/error"]
               for more in ((), (card.LOGISTIC,))]  # fmt: skip
    assert learned[0] < 0.5
    assert learned[1] == pytest.approx(0.9)


def test_switched_off_the_demonstration_has_no_idea_left() -> None:
    found, bare = card.DEMONSTRATION, settings(*card.FEW, *card.BARE, card.LOGISTIC)
    switched = [settings(*arm.overrides, *found.off) for arm in found.arms if arm.idea]
    assert switched == [bare]
    assert settings(*found.arms[0].overrides).model.activation == "relu"


def test_the_whole_network_can_be_looked_at_and_wants_a_folder_to_run(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["show", "alexnet", "experiment=imagenet"]) == 0
    assert "60,965,224" in capsys.readouterr().out
    assert cli.main(["run", "alexnet", "scale=paper", "model.width=0.02"]) == 2
    said = capsys.readouterr().err
    assert "data.root must name the folder of the pictures: data.name=images data.root=FOLDER" in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_the_whole_network_trains_on_a_folder_of_pictures(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 224, 200 pictures of any size and mode: trains, checkpoints, is killed and resumed, predicts."""
    folder = mixed_folder(workplace / "photos", 200)
    words = ["experiment=imagenet", f"data.root={folder}", "data.workers=0", "batch_size=32", "checkpoint_every=3",
             "keep_checkpoints=1", "evaluation.views=1", "figures=false"]  # fmt: skip
    calls, step = [0], AlexNet.step

    def killed(self: AlexNet, batch: Batch) -> Any:
        calls[0] += 1
        if calls[0] == 5:
            raise Killed
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(AlexNet, "step", killed)
        with pytest.raises(Killed):
            start(*words)
    cut = runs.find("last", "runs")
    assert [path.name for path in (cut / "checkpoints").glob("*.pt")] == ["step-000000003.pt"]
    execute.resume(cut, quiet=True)
    whole_run = start(*words)
    assert same(whole_run, cut)
    found = assemble.load_model(cut)
    assert count(found) == 60_965_224 - 4_097_000 + 4096 * 3 + 3
    assert cli.main(["predict", str(cut), str(folder / "stripes")]) == 0
    assert "stripes" in capsys.readouterr().out
