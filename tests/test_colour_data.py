"""Colour pictures: textured digits, CIFAR-10 in all its forms, folders of any pictures, in memory and out of files."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from landmarks import answers, assemble, config, data, execute, runs
from landmarks.data import cifar, colour, digits5k, photos, splits, textured, vision
from landmarks.data.files import Files, Stream
from landmarks.errors import LandmarksError, UsageError
from landmarks.milestone import Batch, Split
from landmarks.milestones.resnet import ResNet
from landmarks.settings import PictureSettings, Scales
from tests.pictures import CLASSES, mixed_folder, plain

pytestmark = pytest.mark.usefixtures("compose_once")

DIGITS = digits5k.read()
OPEN: dict[str, Any] = {
    "root": None, "verify": True, "valid": 0, "test": 0.2, "invert": False, "inputs": None, "classes": None, "side": 32,
    "labels": None, "scales": None, "in_memory": None, "workers": 0, "skip_unreadable": False,
}  # fmt: skip


def settings(name: str, **keys: Any) -> PictureSettings:
    return PictureSettings(name=name, **OPEN | {key: str(v) if key == "root" else v for key, v in keys.items()})


def sentence(act: Callable[[], object], kind: type[Exception] = LandmarksError) -> str:
    with pytest.raises(kind) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed_folder(tmp_path_factory.mktemp("pictures") / "mixed")


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return textured.draw(DIGITS.reshape(-1, 28, 28))


@pytest.fixture
def made_once(drawn: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digits are read and drawn once, which takes most of the time."""
    monkeypatch.setattr(digits5k, "read", lambda: DIGITS)
    monkeypatch.setattr(textured, "draw", lambda digits: drawn)


# ------------------------------------------------------------------------------------------------- textured digits


def test_textured_digits_are_the_same_everywhere(drawn: np.ndarray) -> None:
    x = drawn
    assert x.shape == (5000, 3, 32, 32)
    found = hashlib.sha256(x.tobytes()).hexdigest()
    assert found == "2c1933c30c1f816729cc889811ccdfd0277780c7d17ba1fb2b42ea6f52633e6d", (
        "the draw has changed: every result of a quick run changes with it"
    )
    one, other = (data.load(settings("textured"), data.Draws(seed)) for seed in (0, 1))
    assert one.checksum == other.checksum
    train, test = digits5k.partition()
    assert np.array_equal(one.splits["train"].x.numpy(), x[train])
    assert one.splits["test"].y.tolist() == digits5k.LABELS[test].tolist()
    assert one.classes == tuple("0123456789")
    assert one.form == {"kind": "colour pictures", "side": 32}


def test_a_textured_digit_stands_on_its_background_as_it_was_written() -> None:
    """By a loop over pixels, for a digit of two bars: what covers shows the ink, what does not the background."""
    digits = np.zeros((40, 28, 28), np.uint8)
    digits[:, 4:8], digits[:, 20:22] = 255, 128
    full, bare = textured.draw(digits), textured.draw(np.zeros_like(digits))
    for picture, background in zip(full.astype(int), bare.astype(int), strict=True):
        changed = (picture != background).any(0)
        top, left = (int(np.flatnonzero(changed.any(axis))[0]) for axis in (1, 0))
        assert 4 <= top <= 8
        assert 0 <= left <= 4
        ink = picture[:, top, left]
        assert (picture[:, top : top + 4, left : left + 28] == ink[:, None, None]).all()
        half = background[:, top + 16, left + 9] * 127 + ink * 128
        assert np.abs(picture[:, top + 16, left + 9] - half / 255).max() <= 0.5
        untouched = ~np.isin(np.arange(32) - top, [0, 1, 2, 3, 16, 17])
        assert np.array_equal(picture[:, untouched], background[:, untouched])
        brightness = np.array([0.299, 0.587, 0.114])
        assert abs(brightness @ (ink - background.mean((1, 2)))) > 15


def test_noise_between_knots_is_bilinear() -> None:
    knots = np.random.default_rng(0).integers(0, 256, (3, 5, 5)).astype(np.int32)
    wanted = np.floor(
        [[[np.interp(x / 8, range(5), [np.interp(y / 8, range(5), column) for column in grid.T]) for x in range(32)]
          for y in range(32)] for grid in knots]
    )  # fmt: skip
    assert np.abs(textured._bilinear(knots, 8) - wanted).max() <= 1  # the reference rounds in floating point


@given(st.lists(st.integers(0, 4), min_size=10, max_size=200), st.data())
def test_labels_are_the_same_share_of_each_class(y: list[int], choice: st.DataObject) -> None:
    labels = np.array(y)
    count = choice.draw(st.integers(1, len(y)))
    there = np.bincount(labels, minlength=5)
    try:
        kept = splits.labelled(labels, count)
    except UsageError:
        assert (count * there[there > 0] / len(y)).min() < 1
        return
    assert kept.sum() == count
    found = np.bincount(labels[kept], minlength=5)
    assert (np.abs(found - count * there / len(y)) < 1).all()
    assert (found[there > 0] > 0).all()


def test_labels_of_which_none_would_be_of_a_small_class_are_refused() -> None:
    said = sentence(lambda: splits.labelled(np.repeat([0, 1, 2], [1, 2, 97]), 10), UsageError)
    assert said == "data.labels=10: none would be of the smallest class (1 of 100); ask for more"


@pytest.mark.usefixtures("made_once")
def test_some_are_held_out_before_labels_are_counted() -> None:
    found = data.load(settings("textured", valid=1000, labels=300)).splits
    assert {name: len(split.x) for name, split in found.items()} == {"train": 300, "valid": 1000}
    whole = data.load(settings("textured", valid=1000)).splits
    assert torch.equal(whole["valid"].x, found["valid"].x)
    rows = {row.tobytes() for row in whole["train"].x.numpy()}
    assert all(row.tobytes() in rows for row in found["train"].x.numpy())
    for labels in (3, 4001):
        said = sentence(lambda labels=labels: data.load(settings("textured", labels=labels)), UsageError)
        assert said.startswith("data.labels must be from 10, of each class some, to 4,000")


# --------------------------------------------------------------------------------------------------- one picture


def read(image: Image.Image, path: Path, side: int = 32, **how: Any) -> np.ndarray:
    image.save(path, **how)
    return colour.read(path, side)


def test_a_picture_of_the_side_itself_is_left_untouched(tmp_path: Path) -> None:
    image = plain("checks", 32, 32, np.random.default_rng(0))
    assert np.array_equal(read(image, tmp_path / "a.png"), np.asarray(image).transpose(2, 0, 1))
    wide = plain("checks", 47, 32, np.random.default_rng(0))
    assert np.array_equal(read(wide, tmp_path / "b.png"), np.asarray(wide)[:, 7:39].transpose(2, 0, 1))
    high = plain("checks", 32, 50, np.random.default_rng(0))
    assert np.array_equal(read(high, tmp_path / "c.png"), np.asarray(high)[9:41].transpose(2, 0, 1))


@pytest.mark.parametrize(("width", "height"), [(100, 80), (80, 100), (64, 64), (20, 31), (3, 200), (300, 4)])
def test_the_square_in_the_middle_is_brought_to_the_side(width: int, height: int, tmp_path: Path) -> None:
    """As torch does it, with the square cut out beforehand: away from the border nothing differs but by rounding."""
    image = plain("blobs", width, height, np.random.default_rng(1))
    found = read(image, tmp_path / "a.png").astype(float)
    shorter = min(width, height)
    left, top = (width - shorter) // 2, (height - shorter) // 2
    square = np.asarray(image)[top : top + shorter, left : left + shorter].astype(np.float32)
    wanted = F.interpolate(
        torch.from_numpy(square).permute(2, 0, 1)[None], (32, 32), mode="bilinear", antialias=True, align_corners=False
    )[0]
    inner = slice(-(-32 // shorter) + 1, 32 - (-(-32 // shorter) + 1))
    assert np.abs(found - wanted.numpy())[:, inner, inner].max(initial=0) <= 1.01


def test_every_mode_becomes_red_green_and_blue(tmp_path: Path) -> None:
    image = plain("blobs", 32, 32, np.random.default_rng(2))
    pixels = np.asarray(image).astype(int)
    grey = image.convert("L")
    for mode in ("L", "1"):
        found = read(image.convert(mode), tmp_path / f"{mode}.png")
        assert np.array_equal(found, np.stack([np.asarray(image.convert(mode).convert("L"))] * 3))
    sixteen = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    assert np.array_equal(read(sixteen, tmp_path / "16.png"), np.stack([np.asarray(grey)] * 3))
    palette = image.quantize(8)
    assert np.array_equal(read(palette, tmp_path / "p.png"), np.asarray(palette.convert("RGB")).transpose(2, 0, 1))
    cmyk = read(image.convert("CMYK"), tmp_path / "k.tiff").astype(int)
    assert np.abs(cmyk - pixels.transpose(2, 0, 1)).max() <= 2
    photograph = read(image.convert("CMYK"), tmp_path / "k.jpg", quality=95).astype(int)
    assert np.abs(photograph - pixels.transpose(2, 0, 1)).mean() < 12


@pytest.mark.parametrize(("ink", "paper"), [((30, 60, 10), 255), ((250, 220, 200), 0)])
@pytest.mark.parametrize("form", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white_under_dark_and_black_under_bright(
    ink: tuple[int, int, int], paper: int, form: str, tmp_path: Path
) -> None:
    image = Image.new("RGBA", (32, 32), (*ink, 0))
    image.paste((*ink, 255), (8, 8, 20, 20))
    image.paste((*ink, 128), (20, 8, 24, 20))
    if form == "P":
        image = Image.new("P", (32, 32), 1)
        image.putpalette([*ink, 9, 9, 9])
        image.paste(0, (8, 8, 20, 20))
    found = read(image.convert(form), tmp_path / "a.png", **({"transparency": 1} if form == "P" else {}))
    seen = np.array(ink if form != "LA" else [Image.new("RGB", (1, 1), ink).convert("L").getpixel((0, 0))] * 3)
    assert (found[:, :8] == paper).all()
    assert np.array_equal(found[:, 10, 10], seen)
    if form != "P":
        assert np.abs(found[:, 10, 22] - (seen * 128 + paper * 127) / 255).max() <= 1


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    image = plain("blobs", 64, 48, np.random.default_rng(3))
    exif = Image.Exif()
    exif[0x0112] = 6  # must be turned by 90° clockwise
    lying = read(image, tmp_path / "lying.png", exif=exif)
    assert np.array_equal(lying, read(image.transpose(Image.Transpose.ROTATE_270), tmp_path / "upright.png"))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40))
def test_a_picture_of_one_colour_stays_so_at_any_size(width: int, height: int, side: int) -> None:
    image = Image.new("RGB", (width, height), (10, 200, 77))
    found = colour._channels(image, side, colour._middle)
    assert found.shape == (3, side, side)
    assert (found == np.array([10, 200, 77])[:, None, None]).all()


def test_a_large_photograph_is_decoded_at_a_fraction(tmp_path: Path) -> None:
    plain("blobs", 1600, 1200, np.random.default_rng(4)).save(tmp_path / "a.jpg")
    assert min(colour.opened(tmp_path / "a.jpg", 32).size) == 150  # an eighth: no smaller fraction has 64 pixels
    assert colour.opened(tmp_path / "a.jpg", 700).size == (1600, 1200)


def test_cuts_are_whole_squares_of_the_whole_picture(tmp_path: Path) -> None:
    """Every pixel says where it stands: without scaling each cut is a part of the picture, and all places come."""
    y, x = np.mgrid[:12, :15]
    Image.fromarray(np.stack([x, y, 0 * x], 2).astype(np.uint8)).save(tmp_path / "a.png")
    places = set()
    for i in range(400):
        cut = colour.cut(tmp_path / "a.png", Scales(low=12, high=12, crop=8), np.random.default_rng(i))
        left, top = (int(v) for v in cut[:2, 0, 0])
        assert np.array_equal(cut[0], np.tile(np.arange(left, left + 8), (8, 1)))
        assert np.array_equal(cut[1], np.tile(np.arange(top, top + 8), (8, 1)).T)
        places.add((left, top))
    assert places == {(left, top) for left in range(8) for top in range(5)}


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 20), st.integers(0, 30), st.integers(0, 30))
def test_cuts_fit_into_pictures_of_any_size(width: int, height: int, crop: int, low: int, more: int) -> None:
    seen: list[tuple[float, float, float]] = []

    def channels(image: Image.Image, side: int, cut: colour.Cut) -> None:
        assert side == crop
        seen.append(cut(*image.size))

    scales = Scales(low=crop + low, high=crop + low + more, crop=crop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(colour, "opened", lambda path, side: Image.new("RGB", (width, height)))
        patch.setattr(colour, "_channels", channels)
        for i in range(5):
            colour.cut(Path("any"), scales, np.random.default_rng(i))
    for left, top, side in seen:
        assert 0 <= left <= left + side <= width + 1e-9
        assert 0 <= top <= top + side <= height + 1e-9
        assert scales.low <= crop * min(width, height) / side * (1 + 1e-9)
        assert crop * min(width, height) / side <= scales.high * (1 + 1e-9)


# ------------------------------------------------------------------------------------------------------- folders


def test_a_folder_of_every_mode_and_size_is_read(mixed: Path) -> None:
    found = data.load(settings("images", root=mixed, side=48, classes=CLASSES))
    assert found.shapes == [[3, 48, 48], []]
    assert {name: len(split.x) for name, split in found.splits.items()} == {"train": 161, "test": 39}
    assert found.classes == CLASSES
    assert len({*found.splits["train"].y[:20].tolist()}) == 3  # shuffled: the first ones are of all classes
    pictures = {picture.tobytes(): path for path in mixed.rglob("*.*") if path.suffix != ".txt"
                for picture in [colour.read(path, 48)]}  # fmt: skip
    for split in found.splits.values():
        for picture, label in zip(split.x.numpy(), split.y.tolist(), strict=True):
            assert pictures[picture.tobytes()].parent.name == CLASSES[label] or picture.std() < 3


def test_the_users_own_split_and_data_valid_hold(tmp_path: Path) -> None:
    mixed_folder(tmp_path / "train", 30)
    mixed_folder(tmp_path / "val", 12, seed=1)
    root = settings("images", root=tmp_path)
    assert {name: len(split.x) for name, split in data.load(root).splits.items()} == {"train": 30, "valid": 12}
    held = data.load(replace(root, valid=10, labels=6)).splits
    assert {name: len(split.x) for name, split in held.items()} == {"train": 6, "valid": 10}
    assert data.discover(root) == {"inputs": 3 * 32 * 32, "classes": CLASSES}


def broken(folder: Path, *names: str) -> Path:
    mixed_folder(folder, 24)
    for name in names:
        path = next(folder.rglob(f"{name}.*"))
        path.write_bytes(path.read_bytes()[:50])
    return folder


def test_what_cannot_be_read_is_named_or_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = settings("images", root=broken(tmp_path / "a", "0003", "0009"))
    said = sentence(lambda: data.load(root))
    assert "cannot be read as a picture (it is no whole picture of a kind that is known here); replace it or" in said
    found = data.load(replace(root, skip_unreadable=True))
    assert sum(len(split.x) for split in found.splits.values()) == 22
    assert len(found.unreadable) == 2
    assert capsys.readouterr().err == (
        f"landmarks: {tmp_path / 'a' / 'blobs' / '0003.png'} and 1 more: cannot be read as pictures, and are left out\n"
    )


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_class_or_a_split_of_which_nothing_can_be_read_is_a_sentence(in_memory: bool, tmp_path: Path) -> None:
    for part in ("train", "test"):
        mixed_folder(tmp_path / part, 24)
    root = settings("images", root=tmp_path, skip_unreadable=True, in_memory=in_memory)

    def spoil(part: str) -> None:
        for path in (tmp_path / part).rglob("*.*"):
            path.write_bytes(b"no picture")

    def measured() -> list[int]:
        return [len(batch.y) for batch in data.load(root).splits["test"].batches(24)]

    spoil("test/blobs")  # what is left is tested
    assert measured() == [16]
    spoil("train/checks")
    said = sentence(lambda: one_epoch(data.load(root).splits["train"]))
    assert said == f"{tmp_path / 'train' / 'checks'}: no picture of this class can be read"
    mixed_folder(tmp_path / "train", 24)
    spoil("test")
    assert sentence(measured).endswith("can be read")


def test_folders_that_are_divided_in_no_clear_way_are_refused(tmp_path: Path) -> None:
    for part in ("train", "val"):
        mixed_folder(tmp_path / part, 24)
    said = sentence(lambda: data.load(settings("images", root=tmp_path, test=0.3)), UsageError)
    assert said == f"data.test=0.3: {tmp_path} is divided already (train, valid); leave it out"
    mixed_folder(tmp_path / "unlabelled", 12)
    said = sentence(lambda: data.discover(settings("images", root=tmp_path)))
    assert said == f"{tmp_path}: unlabelled lies beside train and val; take it away"
    (tmp_path / "unlabelled").rename(tmp_path / "valid")
    assert "has both valid and val" in sentence(lambda: data.load(settings("images", root=tmp_path)))
    (tmp_path / "valid").rename(tmp_path / "ship")  # a class may be called train
    (tmp_path / "val").rename(tmp_path / "bus")
    assert data.discover(settings("images", root=tmp_path))["classes"] == ("bus", "ship", "train")


@pytest.mark.parametrize("inner", ["", "blobs/deep"])
def test_a_folder_that_cannot_be_opened_is_a_sentence(
    inner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The root, or a folder within a class, whose pictures would be missed."""
    closed = mixed_folder(tmp_path / "a", 24) / inner
    closed.mkdir(exist_ok=True)

    def refusing(plainly: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def opened(path: Any) -> Any:
            if Path(path) == closed:
                raise PermissionError(13, "Permission denied", str(path))
            return plainly(path)

        return opened

    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    said = sentence(lambda: data.load(settings("images", root=tmp_path / "a", classes=CLASSES)))
    assert said == f"{closed}: cannot be opened (Permission denied); check its permissions"


def test_a_picture_of_too_many_pixels_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    plain("blobs", 40, 40, np.random.default_rng(0)).save(tmp_path / "a.png")
    said = sentence(lambda: colour.read(tmp_path / "a.png", 32))
    assert "cannot be read as a picture (it has more pixels than Pillow thinks are safe to decode)" in said


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("textured", {"side": 28}, "data.side=28: the pictures of textured are 32 × 32"),
        ("textured", {"in_memory": False}, "data.in_memory: the pictures of textured are 32 × 32 and in memory"),
        ("textured", {"scales": Scales(low=9, high=9, crop=9)}, "data.scales: the pictures of textured are"),
        ("images", {"root": ".", "invert": True}, "data.invert=true: turns grey pictures"),
        ("images", {"root": ".", "scales": Scales(low=9, high=9, crop=9), "in_memory": True}, "data.in_memory=true: w"),
        ("images", {"root": ".", "scales": Scales(low=9, high=8, crop=8)}, "data.scales wants crop <= low <= high, g"),
        ("images", {"root": ".", "scales": Scales(low=9, high=9, crop=10)}, "data.scales wants crop <= low <= high"),
        ("mnist", {}, "data.name=mnist: has no colour pictures, as this milestone learns; use mnist5k, textured, "),
        ("own", {"root": ".", "verify": False}, "data.name=own: has no colour pictures"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(name: str, keys: dict[str, Any], said: str) -> None:
    assert sentence(lambda: data.load(settings(name, **keys)), UsageError).startswith(said)


def test_a_milestone_of_grey_pictures_learns_no_colour() -> None:
    said = sentence(lambda: assemble.make(config.compose("lenet", ["data.name=cifar10"])), UsageError)
    assert said == "data.name=cifar10: this milestone does not learn colour pictures; alexnet and resnet do"


# ---------------------------------------------------------------------------------------------------------- CIFAR-10


class AsPython2(pickle._Pickler):  # type: ignore[name-defined]
    """Writes bytes as Python 2 wrote its strings, as in the official files."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def text(self, value: bytes) -> None:
        self.write(pickle.BINSTRING + len(value).to_bytes(4, "little") + value)  # type: ignore[attr-defined]

    dispatch[bytes] = text


def pickled(content: Any, pickler: Any = AsPython2) -> bytes:
    file = io.BytesIO()
    pickler(file, 2).dump(content)
    return file.getvalue()


def batches(form: cifar.Form, count: int = 20, pickler: Any = AsPython2) -> dict[str, bytes]:
    """Small batches in the official layout, the same pictures in both forms."""
    draw, made = np.random.default_rng(0), {}
    for name in form.batches:
        x, y = draw.integers(0, 256, (count, 3072)).astype(np.uint8), np.arange(count) % 10
        if form is cifar.BINARY:
            made[name] = np.column_stack([y.astype(np.uint8), x]).tobytes()
        else:
            made[name] = pickled({b"batch_label": name.encode(), b"labels": y.tolist(), b"data": x}, pickler)
    return made


def placed(form: cifar.Form, folder: Path, packed: bool, **how: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if not packed:
        (folder / form.folder).mkdir()
        for name, content in batches(form, **how).items():
            (folder / form.folder / name).write_bytes(content)
        return folder / form.folder
    with tarfile.open(folder / form.archive, "w:gz") as archive:
        for name, content in batches(form, **how).items():
            member = tarfile.TarInfo(f"{form.folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / form.archive


@pytest.mark.parametrize("form", [cifar.PYTHON, cifar.BINARY], ids=["python", "binary"])
@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "packed"])
def test_cifar_is_read_in_every_form(form: cifar.Form, packed: bool, tmp_path: Path) -> None:
    place = placed(form, tmp_path, packed)
    draw = np.random.default_rng(0)
    wanted = [draw.integers(0, 256, (20, 3, 32, 32)).astype(np.uint8) for _ in range(6)]
    for root in (tmp_path, place):
        found = data.load(settings("cifar10", root=root, verify=False))
        assert np.array_equal(found.splits["train"].x.numpy(), np.concatenate(wanted[:5]))
        assert np.array_equal(found.splits["test"].x.numpy(), wanted[5])
        assert found.splits["train"].y.tolist() == [*range(10)] * 10
        assert found.classes[:2] == ("airplane", "automobile")
    valid = data.load(settings("cifar10", root=tmp_path, verify=False, valid=40)).splits
    assert {name: len(split.x) for name, split in valid.items()} == {"train": 60, "valid": 40}
    said = sentence(lambda: data.load(settings("cifar10", root=tmp_path)))
    if packed or form is cifar.PYTHON:
        assert "not the official file, whose MD5 is" in said
        assert "data.verify=false where it is another set on purpose" in said
    else:
        assert said.endswith("has not 5,000 pictures of each class to train; fetch it anew")


def test_cifar_is_known_by_its_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the checksums and sizes of small archives in place of the official ones."""
    monkeypatch.setattr(cifar, "EACH", {"train": 10, "test": 2})
    path = placed(cifar.PYTHON, tmp_path / "packed", True)
    form = cifar.PYTHON._replace(
        md5=hashlib.md5(path.read_bytes()).hexdigest(),
        batches={name: hashlib.md5(content).hexdigest() for name, content in batches(cifar.PYTHON).items()},
    )
    monkeypatch.setattr(cifar, "PYTHON", form)
    folder = placed(form, tmp_path / "unpacked", False)
    for root in (path, folder):
        assert data.verify("cifar10", str(root)) == (
            f"cifar10: 100 training and 20 test images in {root}, equal to the official files (MD5)"
        )
        assert data.fetch("cifar10", str(root)) == root
    placed(cifar.BINARY, tmp_path / "binary", False)
    assert "no MD5 of these files is known" in data.verify("cifar10", str(tmp_path / "binary"))
    changed = bytearray((folder / "data_batch_3").read_bytes())
    changed[-100] ^= 1
    (folder / "data_batch_3").write_bytes(changed)
    said = sentence(lambda: data.load(settings("cifar10", root=folder)))
    assert said.startswith(f"{folder / 'data_batch_3'}: not the official file")


def test_the_checksums_are_the_official_ones() -> None:
    official = vision.torchvision().datasets.CIFAR10
    assert official.tgz_md5 == cifar.PYTHON.md5
    assert official.filename == cifar.PYTHON.archive
    assert official.base_folder == cifar.PYTHON.folder
    assert dict(official.train_list + official.test_list) == cifar.PYTHON.batches


class Rude:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch rude",)


class Aimed:
    """An array whose objects lie wherever its maker says: to touch one ends the process, or worse."""

    def __reduce__(self) -> tuple[Any, ...]:
        return np.ndarray, ((1,), "O", b"anywhere")


def test_what_no_batch_is_made_of_is_not_run(workplace: Path) -> None:
    folder = placed(cifar.PYTHON, workplace, False)
    for content, said in (
        (pickled({b"data": Rude(), b"labels": [1]}), "system has no place in it"),
        (pickled(np.random.RandomState(0), pickle._Pickler), "has no place in it"),  # type: ignore[attr-defined]
        (pickled({b"data": Aimed(), b"labels": [1]}, pickle._Pickler), "'str' object is not callable"),  # type: ignore[attr-defined]
        (b"hello", "no batch of CIFAR-10"),
        (pickled({b"labels": [1]}), "no batch of CIFAR-10 (b'data')"),
        (pickled({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}), "not pictures of 3,072 bytes"),
        (pickled({b"data": np.zeros((1, 3072), np.uint8), b"labels": [10]}), "with labels from 0 to 9"),
        (pickled({b"data": np.zeros((1, 3072)), b"labels": [1]}), "not pictures of 3,072 bytes"),
    ):
        (folder / "data_batch_2").write_bytes(content)
        message = sentence(lambda: data.load(settings("cifar10", root=workplace, verify=False)))
        assert message.startswith(f"{folder / 'data_batch_2'}: no batch of CIFAR-10 (")
        assert said in message
    assert not Path("rude").exists()


def test_batches_that_python_3_has_written_are_read_too(tmp_path: Path) -> None:
    placed(cifar.PYTHON, tmp_path / "new", False, pickler=pickle._Pickler)  # type: ignore[attr-defined]
    placed(cifar.PYTHON, tmp_path / "old", False)
    one, other = (data.load(settings("cifar10", root=tmp_path / n, verify=False)) for n in ("new", "old"))
    assert one.checksum == other.checksum


def test_a_damaged_or_missing_cifar_is_a_sentence(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = placed(cifar.PYTHON, workplace / "a", True)
    path.write_bytes(path.read_bytes()[:3000])
    load = lambda root: data.load(settings("cifar10", root=root, verify=False))  # noqa: E731
    assert "damaged, no whole archive" in sentence(lambda: load("a"))
    with tarfile.open(path, "w:gz"):
        pass
    assert "has no data_batch_1, data_batch_2" in sentence(lambda: load("a"))
    folder = placed(cifar.BINARY, workplace / "b", False)
    (folder / "data_batch_4.bin").write_bytes(b"123")
    assert sentence(lambda: load("b")).startswith(f"{Path('b') / folder.name / 'data_batch_4.bin'}: no batch of CIFAR")
    (folder / "data_batch_4.bin").unlink()
    said = sentence(lambda: load("b"))
    assert said == (
        "b: CIFAR-10 is not here (cifar-10-python.tar.gz, cifar-10-batches-py, cifar-10-binary.tar.gz,"
        " cifar-10-batches-bin), or not all of its batches; `landmarks data fetch cifar10 --root b` downloads it"
    )

    def fail(root: str, download: bool) -> None:
        raise RuntimeError("no route\nto host")

    fake = types.SimpleNamespace(datasets=types.SimpleNamespace(CIFAR10=fail))
    monkeypatch.setattr(vision, "torchvision", lambda: fake)
    said = sentence(lambda: data.load(settings("cifar10")))
    cache = workplace / "cache" / "landmarks"
    assert f"(to host); put cifar-10-python.tar.gz into {cache}, or use data.name=textured" in said
    assert [*cache.iterdir()] == []


def test_cifar_is_downloaded_where_it_is_missing(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(root: str, download: bool) -> None:
        asked.append(root)
        placed(cifar.PYTHON, Path(root), False)

    fake = types.SimpleNamespace(datasets=types.SimpleNamespace(CIFAR10=download))
    monkeypatch.setattr(vision, "torchvision", lambda: fake)
    for _ in range(2):
        assert len(data.load(settings("cifar10", verify=False)).splits["train"].x) == 100
    assert len(asked) == 1
    assert [path.name for path in (workplace / "cache" / "landmarks").iterdir()] == ["cifar-10-batches-py"]
    assert next(row for row in data.table() if row[0] == "cifar10")[1] == "yes"


def jpeg(folder: Path, each: int = 2) -> Path:
    for part in ("train", "test"):
        for name in cifar.NAMES:
            (folder / part / name).mkdir(parents=True)
            for i in range(each):
                plain("blobs", 32, 32, np.random.default_rng(i)).save(folder / part / name / f"{i:04}.jpg")
    return folder


def test_cifar_as_jpeg_is_found_unpacked(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = lambda **keys: data.load(settings("cifar10-jpeg", **keys))  # noqa: E731
    cache = workplace / "cache" / "landmarks"
    assert sentence(load).endswith("data.root must name its folder")
    monkeypatch.setenv("LANDMARKS_DATA", "data")
    (workplace / "data" / "cifar10").mkdir(parents=True)
    (workplace / "data" / "cifar10" / "cifar10-jpeg.tar.xz").write_bytes(b"packed")
    target = cache / "cifar10-jpeg"
    unpack = f"unpack it: mkdir -p {target} && tar -xJf data/cifar10/cifar10-jpeg.tar.xz -C {target}"
    assert sentence(load).endswith(unpack)
    assert sentence(lambda: data.verify("cifar10-jpeg", None)).endswith(unpack)
    jpeg(target)
    assert f"{target / 'train' / 'airplane'}: has 2 pictures, and cifar10-jpeg has 5,000; unpack it" in sentence(load)
    found = load(verify=False)
    assert found.name == "cifar10-jpeg"
    assert found.classes == cifar.NAMES
    assert {name: len(split.x) for name, split in found.splits.items()} == {"train": 20, "test": 20}
    assert load(verify=False, root=target).checksum == found.checksum
    monkeypatch.setattr(cifar, "EACH", {"train": 2, "test": 2})
    assert data.verify("cifar10-jpeg", None).startswith("cifar10-jpeg: 50,000 training and 10,000 test images in ")
    assert load().checksum == found.checksum
    shutil.rmtree(target / "test" / "ship")
    assert "ship: has 0 pictures" in sentence(load)
    assert data.fetch.__doc__
    assert "nothing to fetch" in sentence(lambda: data.fetch("cifar10-jpeg", None), UsageError)


def test_pictures_of_cifar_as_jpeg_are_read_as_pillow_reads_them(tmp_path: Path) -> None:
    root = os.environ.get("LANDMARKS_DATA")
    path = Path(root or "") / "cifar10" / "cifar10-jpeg.tar.xz"
    if not root or not path.is_file():
        pytest.skip("$LANDMARKS_DATA has no cifar10/cifar10-jpeg.tar.xz")
    read = 0
    with tarfile.open(path, "r|xz") as archive:
        for member in archive:
            if member.name.endswith(".jpg") and (file := archive.extractfile(member)):
                content = file.read()
                (tmp_path / "a.jpg").write_bytes(content)
                wanted = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
                assert wanted.shape == (32, 32, 3)
                assert np.array_equal(colour.read(tmp_path / "a.jpg", 32), wanted.transpose(2, 0, 1))
                read += 1
            if read == 20:
                break


# ------------------------------------------------------------------------------------ pictures that stay in their files


def files(root: Path, **keys: Any) -> Split:
    return data.load(settings("images", root=root, in_memory=False, side=24, **keys)).splits["train"]


def equal(one: list[Batch], other: list[Batch]) -> bool:
    return all(torch.equal(a.x, b.x) and torch.equal(a.y, b.y) for a, b in zip(one, other, strict=True))


def backwards(epoch: int) -> torch.Tensor:
    return torch.arange(161).flip(0).roll(epoch)


def some(split: Split, start: tuple[int, int] = (0, 0), count: int = 8, **how: Any) -> list[Batch]:
    """Batches of a stream over two epochs of four batches."""
    stream = Stream(split, backwards, len(split.x), 50, (3, 0), **how)
    places = [(epoch, position) for epoch in range(3) for position in range(4)]
    first = places.index(start)
    return [stream.batch(*place) for place in places[first : first + count]]


def one_epoch(split: Split, epoch: int = 0) -> Batch:
    """All 24 pictures as one batch to learn from."""
    return Stream(split, lambda epoch: torch.arange(24), 24, 24).batch(epoch, 0)


def with_workers(split: Split, workers: int) -> Split:
    return split._replace(x=cast("torch.Tensor", replace(cast("Files", split.x), workers=workers)))


def test_files_stand_for_the_tensor_of_their_pictures(mixed: Path) -> None:
    memory = data.load(settings("images", root=mixed, side=24)).splits["train"]
    split = files(mixed)
    assert isinstance(split.x, Files)
    assert split.x.shape == memory.x.shape
    assert torch.equal(split.x[40:45], memory.x[40:45])
    assert torch.equal(split.x[torch.tensor([7, 3])], memory.x[[7, 3]])
    assert torch.equal(split.x[5:5], memory.x[5:5])
    for workers in (0, 2):
        assert equal([*with_workers(split, workers).batches(60)], [*memory.batches(60)])
    at = {
        name: len(s.x) for name, s in data.load(settings("images", root=mixed, side=24, in_memory=False)).splits.items()
    }
    assert at == {"train": 161, "test": 39}


def test_a_set_of_more_than_the_limit_stays_in_its_files(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 200 * 3 * 24 * 24
    for limit, kind in ((size, torch.Tensor), (size - 1, Files)):
        monkeypatch.setattr(photos, "MOST", limit)
        assert isinstance(data.load(settings("images", root=mixed, side=24)).splits["train"].x, kind)
    assert isinstance(
        data.load(settings("images", root=mixed, side=24, in_memory=True)).splits["train"].x, torch.Tensor
    )


def test_the_checksum_of_files_is_over_their_names_and_sizes(tmp_path: Path) -> None:
    root = settings("images", root=mixed_folder(tmp_path / "a", 24), in_memory=False)
    before = data.load(root).checksum
    assert data.load(root).checksum == before
    path = tmp_path / "a" / "blobs" / "0000.jpg"
    path.write_bytes(path.read_bytes() + b" ")
    longer = data.load(root).checksum
    path.rename(path.with_name("0001.jpg"))
    assert len({before, longer, data.load(root).checksum}) == 3


@pytest.mark.parametrize("scales", [None, Scales(low=24, high=40, crop=20)])
def test_a_stream_goes_on_wherever_it_is_taken_up(scales: Scales | None, mixed: Path) -> None:
    split = data.load(settings("images", root=mixed, in_memory=False, side=24, scales=scales)).splits["train"]
    torch.manual_seed(0)
    whole = some(split)
    assert torch.rand(()) == torch.rand(
        (), generator=torch.Generator().manual_seed(0)
    )  # nothing was drawn of training's
    assert [len(batch.x) for batch in whole] == [50, 50, 50, 11] * 2
    assert whole[0].x.shape[2] == (20 if scales else 24)
    assert torch.equal(whole[4].y, split.y[backwards(1)[:50]])
    busy = with_workers(split, 2)
    assert equal(some(busy), whole)
    assert equal(some(busy, (1, 2), 3), [*whole[6:], some(split, (2, 0), 1)[0]])
    parts = [some(busy, count=4, shard=(rank, 3)) for rank in range(3)]
    joined = [
        Batch(torch.cat([b.x for b in some]), torch.cat([b.y for b in some])) for some in zip(*parts, strict=True)
    ]
    assert equal(joined, whole[:4])
    if scales is None:
        assert torch.equal(whole[0].x[:49], whole[4].x[1:])
    else:  # in another epoch another square is cut out
        assert not torch.equal(whole[0].x[:49], whole[4].x[1:])
        assert next(iter(split.batches(100))).x.shape == (100, 3, 24, 24)


def test_nothing_before_the_place_is_read(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split, read = files(mixed), list[Path]()
    plainly = colour.read
    monkeypatch.setattr(colour, "read", lambda path, side: read.append(path) or plainly(path, side))
    some(split, (1, 3), 1)
    wanted = {cast("Files", split.x).path(row) for row in backwards(1)[150:].tolist()}
    assert {*read[:11]} == wanted


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_file_met_on_the_way_is_named(workers: int, tmp_path: Path) -> None:
    split = with_workers(files(broken(tmp_path / "a", "0003"), test=0), workers)
    said = sentence(lambda: one_epoch(split))
    assert said.startswith(f"{tmp_path / 'a' / 'blobs' / '0003.png'}: cannot be read as a picture (")
    assert sentence(lambda: [*split.batches(24)]) == said


@pytest.mark.parametrize("workers", [0, 1])
def test_the_next_of_its_class_takes_its_place(
    workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = broken(tmp_path / "a", "0003", "0009")
    split = with_workers(files(root, test=0, skip_unreadable=True), workers)
    where = cast("Files", split.x)
    rows = [row for row in range(24) if where.path(row).stem in ("0003", "0009")]
    for batch in one_epoch(split), one_epoch(split, 1):
        assert len(batch.x) == 24
        for row in rows:
            same = [r for r in [*range(row + 1, 24), *range(row)] if split.y[r] == split.y[row] and r not in rows]
            assert torch.equal(batch.x[row], where[same[0] : same[0] + 1][0])
    whole = where[:]  # to look at, too
    assert torch.equal(whole, one_epoch(split).x)
    said = capsys.readouterr().err
    assert said.count("0003.png: cannot be read, and is left out") == said.count("0009") == 1
    assert {Path(name).stem for name in where.unreadable} == {"0003", "0009"}
    assert [len(batch.y) for batch in split.batches(24)] == [22]
    for path in (root / "blobs").iterdir():
        path.write_text("no picture")
    assert "no picture of this class can be read" in sentence(lambda: one_epoch(split))


def test_a_reading_process_that_is_killed_is_a_sentence(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colour, "read", lambda path, side: os.kill(os.getpid(), signal.SIGKILL))
    said = sentence(lambda: [*with_workers(files(mixed), 1).batches(20)])
    assert said.startswith("a process that reads pictures has ended (killed, or no memory left); go on with fewer")


# ---------------------------------------------------------------------------------------------------------------- runs


def compose(root: Path, *overrides: str) -> config.Composed:
    words = [
        "data.name=images", f"data.root={root}", "data.side=16", "model.input=16", "model.depth=8", "batch_size=50",
        "model.widths=[2,4,4]", "augmentation.pad=2", "steps=10", "log_every=1", "eval_every=5", "checkpoint_every=3",
        "figures=false", "threads=1",
    ]  # fmt: skip
    return config.compose("resnet", [*words, *overrides])


def outcome(folder: Path) -> tuple[bytes, dict[str, float]]:
    return (folder / "model.safetensors").read_bytes(), json.loads((folder / "summary.json").read_text())["metrics"]


class Killed(BaseException):
    """Ends a run as `kill -9` would: nothing of ours catches it."""


def test_a_run_out_of_files_is_the_run_in_memory_and_resumes_within_an_epoch(
    mixed: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = execute.start(compose(mixed), quiet=True)
    streamed = ["data.in_memory=false", "data.workers=1"]
    whole = execute.start(compose(mixed, *streamed), quiet=True)
    assert outcome(whole) == outcome(memory)
    step, calls = ResNet.step, [0]

    def patched(self: Any, batch: Batch) -> Any:
        calls[0] += 1
        if calls[0] == 8:
            raise Killed
        return step(self, batch)

    monkeypatch.setattr(ResNet, "step", patched)
    with pytest.raises(Killed):
        execute.start(compose(mixed, *streamed), quiet=True)
    resumed = execute.resume(runs.find("last", "runs"), ["data.workers=0"], quiet=True)
    assert calls[0] == 8 + 4  # from step 6, the third of the second epoch
    assert outcome(resumed) == outcome(memory)


@pytest.mark.parametrize("in_memory", ["true", "false"])
def test_a_run_says_how_many_files_it_left_out(
    in_memory: str, tmp_path: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it has met them before it was resumed."""
    root = broken(tmp_path / "a", "0003", "0009", "0010")
    words = [f"data.in_memory={in_memory}", "data.skip_unreadable=true", "data.test=0", "batch_size=24", "eval_every=9"]
    step, calls = ResNet.step, [0]

    def patched(self: Any, batch: Batch) -> Any:
        calls[0] += 1
        if calls[0] == 8:
            raise Killed
        return step(self, batch)

    monkeypatch.setattr(ResNet, "step", patched)
    with pytest.raises(Killed):
        execute.start(compose(root, *words), quiet=True)
    folder = execute.resume(runs.find("last", "runs"), quiet=True)
    assert json.loads((folder / "summary.json").read_text())["unreadable"] == 3
    assert "3 files left out that cannot be read" in (folder / "log.txt").read_text()


def test_a_run_predicts_and_is_evaluated_on_other_pictures(mixed: Path, workplace: Path) -> None:
    folder = execute.start(compose(mixed, "steps=5"), quiet=True)
    assert json.loads((folder / "data.json").read_text())["form"] == {"kind": "colour pictures", "side": 16}
    found = answers.predict(folder, [str(mixed / "checks"), str(mixed / "blobs" / "0000.jpg")])
    assert [prediction.file for prediction in found[-1:]] == [str(mixed / "blobs" / "0000.jpg")]
    assert len(found) == len([*(mixed / "checks").iterdir()]) + 1
    assert {prediction.label for prediction in found} <= {*CLASSES}
    other = mixed_folder(workplace / "other", 30, seed=1)
    measured = answers.evaluate(folder, ["data.name=images", f"data.root={other}"])
    right = [Path(answer.file).parent.name == answer.label for answer in answers.predict(folder, [str(other)])]
    assert measured["test/error"] == pytest.approx(1 - sum(right) / len(right))
    streamed = ["data.in_memory=false", "data.workers=1"]
    assert answers.evaluate(folder, ["data.name=images", f"data.root={other}", *streamed]) == measured
    (other / "unknown").mkdir()
    said = sentence(lambda: answers.evaluate(folder, ["data.name=images", f"data.root={other}"]))
    assert "unknown is none of the run's classes" in said
    said = sentence(lambda: answers.predict(folder, ["data.invert=true", str(mixed)]), UsageError)
    assert "turns grey pictures" in said


def test_more_pictures_than_a_chunk_are_answered_in_order(
    mixed: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = execute.start(compose(mixed, "steps=2"), quiet=True)
    whole = answers.predict(folder, [str(mixed / "checks")])
    monkeypatch.setattr(answers, "CHUNK", 7)
    parts = answers.predict(folder, [str(mixed / "checks")])
    assert [(p.file, p.label) for p in parts] == [(p.file, p.label) for p in whole]
    assert [p.score for p in parts] == pytest.approx([p.score for p in whole], rel=1e-4)


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow), (signal.SIGTERM, 143)]
)
def test_a_group_that_is_told_to_end_saves_first(number: int, code: int, mixed: Path, workplace: Path) -> None:
    """The reading processes hear the wish, too, and feed the run until it has saved."""
    words = [f"{word}" for word in compose(mixed, "steps=100000", "data.in_memory=false", "data.workers=2").overrides]
    process = subprocess.Popen(
        [sys.executable, "-m", "landmarks", "run", "resnet", *words],
        start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    while process.poll() is None and not [*workplace.glob("runs/resnet/*/checkpoints/*")]:
        time.sleep(0.1)
    os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "saved; `landmarks resume" in said
    assert "Traceback" not in said
