"""The paper of LeNet-5's versions of the digits, its distorted ones, fewer of them, and what may be rejected."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

import landmarks
from landmarks import assemble, config, data, runs
from landmarks.data import digits5k, distortions, splits, versions
from landmarks.data.pictures import DIGITS, form
from landmarks.errors import UsageError
from landmarks.milestone import Data, Split
from landmarks.milestones.lenet import LeNet
from landmarks.parts import rejection
from landmarks.results import Run
from landmarks.settings import DigitSettings, Distortion

RANGES = Distortion(shift=2.0, scale=0.15, squeeze=0.15, shear=0.3)
pytestmark = pytest.mark.usefixtures("compose_once")


def strokes(n: int = 30) -> Tensor:
    """Pictures (n, 28, 28) of a slanting, anti-aliased stroke with a hook, within 20 × 20."""
    draw = np.random.default_rng(5)
    rows, columns = np.indices((28, 28)) - 13.5
    found = []
    for slant, thick, hook in zip(
        draw.uniform(-0.6, 0.6, n), draw.uniform(0.8, 2, n), draw.uniform(2, 5, n), strict=True
    ):
        stroke = np.clip(thick + 0.5 - abs(columns - slant * rows), 0, 1) * (abs(rows) < 8)
        bar = np.clip(1.5 - abs(rows + 6), 0, 1) * (abs(columns - slant * rows) < hook)
        found.append(np.rint(255 * np.maximum(stroke, bar)))
    return torch.tensor(np.stack(found), dtype=torch.uint8)


def blobs(n: int = 30) -> Data:
    x = strokes(n)
    parts = {"train": Split(x, torch.arange(n) % 10), "test": Split(x.flip(2)[:20], torch.arange(20) % 10)}
    return Data("mnist5k", parts, "0" * 64, classes=DIGITS, form=form(x))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Data:
    """In place of mnist5k, before anything is done to it."""
    found = blobs()
    monkeypatch.setattr(digits5k, "load", lambda settings, draws: found)
    return found


def make(*overrides: str) -> LeNet:
    milestone = assemble.make(config.compose("lenet", overrides))
    assert isinstance(milestone, LeNet)
    return milestone


def settings(*overrides: str) -> DigitSettings:
    found = make(*overrides).config.data
    assert isinstance(found, DigitSettings)
    return found


def moments(picture: npt.NDArray[np.float64]) -> tuple[float, float, float, float, float]:
    """Mass, mean row and column, variance of the rows, covariance of rows and columns: by loops."""
    mass = row = column = 0.0
    for r, c in np.argwhere(picture):
        mass, row, column = mass + picture[r, c], row + r * picture[r, c], column + c * picture[r, c]
    row, column, spread, mixed = row / mass, column / mass, 0.0, 0.0
    for r, c in np.argwhere(picture):
        spread += (r - row) ** 2 * picture[r, c] / mass
        mixed += (r - row) * (c - column) * picture[r, c] / mass
    return mass, row, column, spread, mixed


# 16 × 16


def test_a_small_digit_is_the_mean_of_what_its_pixels_cover() -> None:
    x = torch.randint(0, 256, (3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    x[:, [0, -1]], x[:, :, [0, -1]] = 0, 0
    fine = np.pad(np.kron(x.numpy(), np.ones((4, 4))), ((0, 0), (14, 14), (14, 14)))  # 140 = 28 · 5 quarters
    means = fine.reshape(3, 28, 5, 28, 5).mean((2, 4))
    assert torch.equal(versions.converted(x, "16x16"), torch.tensor(np.rint(means)).byte())


def test_a_small_digit_fits_16_by_16_and_keeps_its_middle() -> None:
    x = torch.zeros(1, 28, 28, dtype=torch.uint8)
    x[:, 4:24, 4:24] = 255
    small = versions.converted(x, "16x16")
    assert (small[0].nonzero().aminmax(dim=0).min == 6).all()
    assert (small[0].nonzero().aminmax(dim=0).max == 21).all()
    assert (small[:, 6:22, 6:22] == 255).all()


# deslanted


def test_deslanted_digits_stand_upright_and_keep_their_mass() -> None:
    for before, after in zip(strokes(), versions.converted(strokes(), "deslanted"), strict=True):
        mass = moments(before.double().numpy())[0]
        upright = moments(after.double().numpy())
        assert after.shape == (20, 20)
        assert abs(upright[4] / upright[3]) < 0.003  # what is left comes of rounding to bytes
        assert math.isclose(mass, upright[0], rel_tol=0.003)


def test_deslanting_shifts_lines_as_scipy_does() -> None:
    x = strokes(6)
    x[5] = 255 - x[5]  # black on white
    for picture, after in zip(x, versions.converted(x, "deslanted"), strict=True):
        ground = float(picture[0, 0])
        ink = picture.double().numpy() - ground
        _, row, _, spread, mixed = moments(abs(ink))
        inked = np.flatnonzero(ink.any(1))
        top = (inked[0] + inked[-1] - 19) // 2
        rows, columns = np.indices((20, 20)) + np.array([top, 4])[:, None, None]
        places = [rows, columns + mixed / spread * (rows - row)]
        wanted = ndimage.map_coordinates(ink, places, order=1, mode="grid-constant") + ground
        assert abs(after.double().numpy() - wanted).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("version", ["16x16", "deslanted"])
def test_white_on_black_and_black_on_white_are_alike_and_empty_stays_empty(version: str) -> None:
    x = strokes()
    assert ((255 - versions.converted(255 - x, version)).int() - versions.converted(x, version).int()).abs().max() <= 1
    assert not versions.converted(torch.zeros_like(x), version).any()


@pytest.mark.parametrize(("network", "parameters"), [("linear", 4_010), ("mlp300", 123_310)])
def test_fully_linked_networks_take_400_pixels(network: str, parameters: int, small: Data) -> None:
    lenet = make(f"experiment={network}", "data.version=deslanted", "data.shifted=2")
    found = data.load(lenet.config.data)
    assert sum(p.numel() for p in lenet.network.parameters()) == parameters
    assert found.shapes == [[20, 20], []]
    assert lenet.layers()[-1].output == "10"
    assert {*lenet.measure(found.splits["test"])} == {"loss", "error", "rejected", "shifted_error"}
    assert [tiles.shape[1:] for _, tiles in lenet.images(found)] == [(20, 20)]


def test_files_are_made_into_the_runs_version(workplace: Path) -> None:
    for i, picture in enumerate(strokes(10)):
        path = Path("mine") / ("train" if i < 6 else "test") / str(i % 2) / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.numpy()).save(path)
    words = ["experiment=linear", "data.name=images", "data.root=mine", "epochs=2", "data.version=deslanted"]
    run = landmarks.run("lenet", *words, "figures=false", quiet=True)
    right = [Path(found.file).parent.name == found.label for found in run.predict("mine/test")]
    assert len(right) == 4
    assert run.metrics["test/error"] == pytest.approx(1 - sum(right) / 4)
    assert run.evaluate("data.name=images", "data.root=mine/test")["test/error"] == run.metrics["test/error"]


# fewer


def test_fewer_images_are_learned_from_with_the_same_shares(small: Data) -> None:
    found = data.load(settings("data.labels=20"))
    assert found.splits["train"].y.bincount().tolist() == [2] * 10
    assert torch.equal(found.splits["test"].x, small.splits["test"].x)
    assert found.checksum == small.checksum
    kept = torch.from_numpy(splits.labelled(small.splits["train"].y.numpy(), 20))
    assert torch.equal(found.splits["train"].x, small.splits["train"].x[kept])


# distorted


def test_distorted_pictures_are_scipys() -> None:
    x, means = strokes(12), distortions.affine(12, 9, RANGES)[:, 4]
    found = distortions.distorted(x, means)
    for picture, after, back in zip(x, found, means.numpy(), strict=True):
        matrix = back[::-1, 1::-1]  # rows before columns
        offset = 14 * back[::-1, 2] + 13.5 - matrix @ [13.5, 13.5]
        wanted = ndimage.affine_transform(picture.double().numpy(), matrix, offset, order=1, mode="grid-constant")
        assert abs(after.double().numpy() - wanted).max() <= 0.5 + 1e-9


def test_distortions_stay_within_their_ranges_and_fill_them() -> None:
    means = distortions.affine(400, 9, RANGES).view(-1, 2, 3)
    whole = torch.cat([means, torch.tensor([[[0.0, 0.0, 1.0]]]).double().expand(len(means), 1, 3)], 1)
    there = whole.inverse()
    assert (there[:, 1, 0] == 0).all()  # sheared to the side alone
    size = (there[:, 0, 0] * there[:, 1, 1]).sqrt()
    squeeze = (there[:, 0, 0] / there[:, 1, 1]).sqrt()
    shear, shift = there[:, 0, 1], 14 * there[:, :2, 2]
    for values, low, high in ((size, 0.85, 1.15), (squeeze, 0.85, 1.15), (shear, -0.3, 0.3), (shift, -2, 2)):
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high


def test_ten_passes_meet_each_picture_and_its_nine_versions_once(small: Data) -> None:
    found = data.load(settings("data.distorted=9"))
    assert found.fresh is not None
    x = small.splits["train"].x
    whole = torch.stack([found.fresh(epoch).x for epoch in range(10)])
    for i, picture in enumerate(x):
        means = distortions.affine(len(x), 9, RANGES)[i]
        every = torch.cat([picture[None], distortions.distorted(picture.expand(9, 28, 28), means)])
        assert sorted(whole[:, i].flatten(1).tolist()) == sorted(every.flatten(1).tolist())
    again = torch.stack([found.fresh(epoch).x for epoch in range(10, 20)])
    assert not torch.equal(whole, again)
    assert torch.equal(whole.long().sum(0), again.long().sum(0))
    assert torch.equal(found.splits["train"].x, x)  # of which the training error is measured


def test_the_patterns_of_a_pass_follow_from_the_pass_alone(small: Data) -> None:
    one, other = (data.load(settings("data.distorted=3", "data.labels=20")).fresh for _ in range(2))
    assert one is not None
    assert other is not None
    other(0)
    assert torch.equal(one(7).x, other(7).x)
    assert torch.equal(one(7).y, other(0).y)
    assert not torch.equal(one(7).x, one(6).x)


def test_a_killed_run_on_distorted_digits_ends_as_an_uninterrupted_one(
    small: Data, killed: Callable[[str, Sequence[str]], tuple[Run, Run]]
) -> None:
    words = (
        "experiment=linear",
        "replicas=2",
        "epochs=3",
        "checkpoint_every=7",
        "log_every=4",
        "figures=false",
        "data.distorted=2",
    )
    ours, theirs = ((run.folder / "model.safetensors").read_bytes() for run in killed("lenet", words))
    assert ours == theirs


# configured


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["data.version=16x16", "data.distorted=9"], "distorts regular pictures alone"),
        (["data.distortion.shift=1.0"], "data.distorted=0 distorts none"),
        (["data.version=deslanted"], "lenet5 takes pictures of 28 × 28, and these have 20 × 20"),
    ],
)
def test_keys_that_do_not_go_together_are_one_sentence(overrides: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make(*overrides)


def test_what_came_later_stands_in_the_configuration_as_what_was_done_before() -> None:
    tree = config.compose("lenet", ["scale=paper"]).tree
    for key, before in LeNet.added.items():
        group, _, name = key.partition(".")
        assert tree[group][name] == before
    kept = ("mnist", "cpu", {"lenet": 1})
    then = {**tree, **{g: dict(tree[g]) for g in ("data", "model", "optimizer")}}
    for key in LeNet.added:
        group, _, name = key.partition(".")
        del then[group][name]
    assert runs.fingerprint(tree, *kept) == runs.fingerprint(then, *kept)
    assert runs.fingerprint(tree, *kept) != runs.fingerprint({**tree, "data": {**tree["data"], "labels": 9}}, *kept)


# rejected


def smallest_share(wrong: list[bool], sure: list[float]) -> float:
    """By trying every threshold."""
    shares = [1.0]
    for threshold in sure:
        rest = [w for w, s in zip(wrong, sure, strict=True) if s >= threshold]
        if sum(rest) <= 0.005 * len(rest):
            shares.append(1 - len(rest) / len(sure))
    return min(shares)


@pytest.mark.parametrize("make_sure", [lambda d, n: d.random(n), lambda d, n: d.integers(0, 7, n) / 7])
@pytest.mark.parametrize("share", [0.0, 0.004, 0.03, 1.0])
def test_as_few_as_possible_are_rejected(make_sure: Callable[..., npt.NDArray[np.float64]], share: float) -> None:
    draw = np.random.default_rng(3)
    sure = make_sure(draw, 600)
    wrong = draw.random(600) < share * 2 * (1 - sure)
    found = rejection.rejected(torch.from_numpy(wrong), torch.from_numpy(sure))
    assert float(found) == pytest.approx(smallest_share(wrong.tolist(), sure.tolist()))


def test_sure_is_who_is_far_ahead_of_the_next_class() -> None:
    y = torch.tensor([[3.0, 1.0, 9.0], [2.0, 2.0, 0.5]])
    assert rejection.confidence(y).tolist() == [2.0, 1.5]


def test_what_is_rejected_is_measured_over_the_whole_split(small: Data) -> None:
    lenet = make()
    x, y = small.splits["train"]
    with torch.no_grad():
        penalties = lenet(x)
    wrong = penalties.argmin(1) != y
    wanted = smallest_share(wrong.tolist(), rejection.confidence(penalties).tolist())
    with torch.no_grad():
        assert float(lenet.measure(Split(x, y), size=7)["rejected"]) == pytest.approx(wanted)
        assert float(lenet.measure(Split(x, y), size=30)["rejected"]) == pytest.approx(wanted)
