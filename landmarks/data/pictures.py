"""`images`: pictures of your own, a folder for each class; grey, 28 × 28, as MNIST's are.

data.root holds a folder for each class, or `train` and `test` (or `valid`, `val`) with such folders in them. A picture
is turned upright by its EXIF tag; what is transparent becomes white under dark ink and black under bright; it is made
grey (luma of ITU-R 601), shrunk or stretched to fit 28 × 28 in its own proportions, and filled up around by the median
grey of its border. data.invert then turns black on white into white on black. Nothing is centred or cut out.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from landmarks.data import FIRST, Draws
from landmarks.errors import LandmarksError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from landmarks.milestone import Data, Split
    from landmarks.settings import DataSettings

KIND = "pictures"
Bytes = npt.NDArray[np.uint8]
SIDE = 28
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm", ".pbm")
"""What counts as a picture in a folder; other files there are left alone, as notes and thumbnails are."""
DIGITS = tuple("0123456789")
"""The classes of MNIST, and of every set in its form."""


def discover(settings: DataSettings) -> dict[str, Any]:
    """The number of pixels and the names of the class folders. Raises LandmarksError or UsageError."""
    return {"inputs": SIDE * SIDE, "classes": classes_in(_train(_root(settings)))}


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """`train` and `test`: as split by the user, or with the share of every class that data.test says held out.

    x (N, 28, 28) uint8; y (N,) int64, the place in `classes`. With data.valid so many of `train` become `valid` and the
    test pictures are left alone. Raises LandmarksError for a folder or picture that cannot be read.
    """
    import torch

    from landmarks.data import splits
    from landmarks.milestone import Data, Split

    root = _root(settings)
    classes = settings.classes or classes_in(_train(root))
    parts = {name: _read(folder, classes, settings.invert) for name, folder in _parts(root).items()}
    if len(parts) == 1:
        x, y = parts["train"]
        held = torch.from_numpy(splits.held_out(y.numpy(), settings.test))
        if settings.test and not settings.valid:
            _check_tested(_train(root), classes, y.numpy(), y[held].numpy(), settings.test)
        parts = {"train": Split(x[~held], y[~held]), "test": Split(x[held], y[held])}
    if settings.valid:
        parts = splits.hold_out(parts["train"], settings.valid)
    parts = {name: part for name, part in parts.items() if len(part.x)}
    return Data("images", parts, splits.checksum(parts), classes=classes, form=form(parts["train"].x, settings.invert))


def _check_tested(
    folder: Path, classes: Sequence[str], y: npt.NDArray[np.int64], held: npt.NDArray[np.int64], share: float
) -> None:
    """Raise LandmarksError where a class has too few pictures for any of them to be among those held out to test."""
    for label, name in enumerate(classes):
        count = int((y == label).sum())
        if count and not (held == label).any():
            least = max(2, math.ceil(0.5 / share))
            raise LandmarksError(
                f"{folder / name}: has {count} picture{'s' * (count != 1)}, and with data.test={share:g} at least"
                f" {least} are needed to learn from some and test on others; add some, or give data.test=0"
            )


def load_as(settings: DataSettings, classes: Sequence[str], form: Mapping[str, Any]) -> Data:
    """All pictures as `test` (or in the splits of the user), in the form and with the classes of another run."""
    from landmarks.data import splits
    from landmarks.milestone import Data

    parts = _parts(_root(settings))
    named = parts if len(parts) > 1 else {"test": parts["train"]}
    found = {name: _read(folder, tuple(classes), settings.invert) for name, folder in named.items()}
    own = {**form, "invert": settings.invert}
    return Data("images", found, splits.checksum(found), classes=tuple(classes), form=own)


def form(x: Tensor, invert: bool = False) -> dict[str, Any]:
    """How files become pictures like x (N, 28, 28), to train, and whether nearly all of these have a dark border."""
    shown = x[:1000].numpy()
    dark = np.mean([_border(picture) < _middle(picture) for picture in shown])
    return {"kind": KIND, "invert": invert, "dark_border": bool(dark > 0.95)}


def rows(paths: Sequence[Path], form: Mapping[str, Any]) -> tuple[Tensor, list[bool]]:
    """Pictures (N, 28, 28) of files in the form of a run, and whether each looks like a negative of the run's own."""
    import torch

    x = _pictures(paths, form["invert"])
    negative = [form["dark_border"] and _border(picture) > _middle(picture) for picture in x]
    return torch.from_numpy(x), negative


def files(path: Path) -> list[Path]:
    """A picture's own path, or all pictures in a folder and below. Raises LandmarksError where there are none."""
    if not path.is_dir():
        return [path]
    found = [Path(top, name) for top, _, names in os.walk(path) for name in names]
    pictures = sorted(p for p in found if p.suffix.lower() in ENDINGS and not p.name.startswith("."))
    if not pictures:
        raise LandmarksError(f"{path}: no picture lies in this folder ({', '.join(ENDINGS)})")
    return pictures


def read(path: Path, invert: bool = False) -> Bytes:
    """One picture, (28, 28), as said above. Raises LandmarksError where it cannot be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            image.draft("L", (8 * SIDE, 8 * SIDE))  # a photograph is decoded at a fraction of its size
            upright = ImageOps.exif_transpose(image)
            return 255 - _fit(_grey(upright)) if invert else _fit(_grey(upright))
    except FileNotFoundError as error:
        raise LandmarksError(f"{path}: there is no such file; correct its name") from error
    except Exception as error:  # decoders fail in any way; the answer is the same
        what = getattr(error, "strerror", None) or "it is no whole picture of a kind that is known here"
        raise LandmarksError(f"{path}: cannot be read as a picture ({what}); replace it or take it away") from error


def classes_in(folder: Path) -> tuple[str, ...]:
    """The names of a folder's sub-folders, in order. Raises LandmarksError where there are not at least two."""
    from landmarks.data import splits

    names = splits.ordered(path.name for path in _folders(folder))
    if len(names) < 2:
        raise LandmarksError(
            f"{folder}: has {len(names)} sub-folder{'s' * (len(names) != 1)}; data.name=images wants one for each"
            " class, at least two, with its pictures in it"
        )
    return names


def _pictures(paths: Sequence[Path], invert: bool) -> Bytes:
    x = np.empty((len(paths), SIDE, SIDE), np.uint8)
    for i, path in enumerate(paths):
        x[i] = read(path, invert)
    return x


def _read(folder: Path, classes: tuple[str, ...], invert: bool) -> Split:
    """All pictures below a folder, class by class. Raises LandmarksError for a class that is not known."""
    from landmarks.data import splits

    paths, labels = list[Path](), list[int]()
    for path in _folders(folder):
        if path.name not in classes:
            raise LandmarksError(f"{path}: {path.name} is none of the run's classes ({', '.join(classes)})")
        paths += files(path)
        labels += [classes.index(path.name)] * (len(paths) - len(labels))
    if not paths:
        raise LandmarksError(
            f"{folder}: has no sub-folders; a folder for each class is wanted, with its pictures in it"
        )
    return splits.split(_pictures(paths, invert), np.array(labels))


def _grey(image: Image) -> Image:
    """8 bits of grey; transparent pixels on white where the visible ones are dark, else on black."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits; convert("L") would cut them off at 255
        return Image.fromarray((np.asarray(image).astype(np.float64) / 257).clip(0, 255).round().astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("L")
    grey, alpha = image.convert("LA").split()
    weight = np.asarray(alpha, np.float64)
    visible = (np.asarray(grey) * weight).sum() / max(weight.sum(), 1)
    return Image.composite(grey, Image.new("L", image.size, 255 if visible < 128 else 0), alpha)


def _fit(image: Image) -> Bytes:
    """Grey of any size to (28, 28) in its own proportions, filled up by the median of its border."""
    from PIL import Image

    scale = SIDE / max(image.size)
    width, height = (max(1, round(scale * side)) for side in image.size)
    inner = np.asarray(
        image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BILINEAR)
    )
    filled = np.full((SIDE, SIDE), np.median(_frame(inner)), np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    filled[top : top + height, left : left + width] = inner
    return filled


def _frame(picture: Bytes) -> Bytes:
    """The pixels of the border, one after another."""
    return np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]])


def background(x: Tensor) -> Tensor:
    """What pictures x (N, 28, 28) are drawn on, (N, 1, 1): the median of the border of each."""
    import torch

    border = torch.cat([x[:, 0], x[:, -1], x[:, 1:-1, 0], x[:, 1:-1, -1]], 1)
    return border.sort(1).values[:, border.shape[1] // 2, None, None]  # median() is not deterministic on CUDA


def _border(picture: Bytes) -> float:
    return float(_frame(picture).mean())


def _middle(picture: Bytes) -> float:
    """The mean of the middle quarter."""
    return float(picture[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4].mean())


def _root(settings: DataSettings) -> Path:
    if settings.root is None:
        raise UsageError("data.root must name the folder of the pictures: data.name=images data.root=FOLDER")
    folder = Path(settings.root).expanduser()
    if not folder.is_dir():
        raise LandmarksError(f"{folder}: there is no such folder; data.root must name one with a folder for each class")
    return folder


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def _parts(root: Path) -> dict[str, Path]:
    """Split → folder, where the user has split the pictures himself; else all of them as `train`."""
    found = {{"val": "valid"}.get(path.name, path.name): path for path in _folders(root)}
    return found if "train" in found and found.keys() <= {"train", "test", "valid"} else {"train": root}


def _train(root: Path) -> Path:
    return _parts(root)["train"]
