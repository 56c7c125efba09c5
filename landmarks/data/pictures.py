"""`images`: pictures of your own, a folder for each class; grey, 28 × 28, as MNIST's are.

A picture is turned upright by its EXIF tag; what is transparent becomes white under dark ink and black under bright; it
is made grey (luma of ITU-R 601), shrunk or stretched to fit 28 × 28 in its own proportions, and filled up around by the
median grey of its border. data.invert then turns black on white into white on black. Nothing is centred or cut out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from landmarks.data import FIRST, Draws

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from landmarks.milestone import Data
    from landmarks.settings import DataSettings

KIND = "pictures"
Bytes = npt.NDArray[np.uint8]
SIDE = 28
DIGITS = tuple("0123456789")
"""The classes of MNIST, and of every set in its form."""


def discover(settings: DataSettings) -> dict[str, Any]:
    """The number of pixels and the names of the class folders. Raises LandmarksError or UsageError."""
    from landmarks.data import folders

    return {"inputs": SIDE * SIDE, "classes": folders.classes_in(folders.root(settings))}


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """`train` and `test`: as split by the user, or with the share of every class that data.test says held out.

    x (N, 28, 28) uint8; y (N,) int64, the place in `classes`. With data.valid so many of `train` become `valid` and the
    test pictures are left alone. Raises LandmarksError for a folder or picture that cannot be read.
    """
    from landmarks.data import folders, splits
    from landmarks.milestone import Data

    root = folders.root(settings)
    classes = settings.classes or folders.classes_in(root)
    found = folders.divided(settings, root, classes)
    parts = {name: splits.split(_pictures(paths, settings.invert), y) for name, (paths, y) in found.items()}
    return Data("images", parts, splits.checksum(parts), classes=classes, form=form(parts["train"].x, settings.invert))


def load_as(settings: DataSettings, classes: Sequence[str], form: Mapping[str, Any]) -> Data:
    """All pictures as `test` (or in the splits of the user), in the form and with the classes of another run."""
    from landmarks.data import folders, splits, versions
    from landmarks.milestone import Data

    named = folders.to_test(folders.root(settings), classes)
    found = {name: splits.split(_pictures(paths, settings.invert), y) for name, (paths, y) in named.items()}
    own = {**form, "invert": settings.invert}
    data = Data("images", found, splits.checksum(found), classes=tuple(classes), form=own)
    return versions.in_version(data, form.get("version", "regular"))


def form(x: Tensor, invert: bool = False) -> dict[str, Any]:
    """How files become pictures like x (N, 28, 28), to train, and whether nearly all of these have a dark border."""
    shown = x[:1000].numpy()
    dark = np.mean([_border(picture) < _middle(picture) for picture in shown])
    return {"kind": KIND, "invert": invert, "dark_border": bool(dark > 0.95)}


def rows(paths: Sequence[Path], form: Mapping[str, Any]) -> tuple[Tensor, list[bool]]:
    """Pictures (N, h, w) of files in the form of a run, and whether each looks like a negative of the run's own."""
    import torch

    from landmarks.data.versions import converted

    x = _pictures(paths, form["invert"])
    negative = [form["dark_border"] and _border(picture) > _middle(picture) for picture in x]
    return converted(torch.from_numpy(x), form.get("version", "regular")), negative


def read(path: Path, invert: bool = False) -> Bytes:
    """One picture, (28, 28), as said above. Raises LandmarksError where it cannot be read."""
    from PIL import Image, ImageOps

    from landmarks.data.folders import unreadable

    try:
        with Image.open(path) as image:
            image.draft("L", (8 * SIDE, 8 * SIDE))  # a photograph is decoded at a fraction of its size
            upright = ImageOps.exif_transpose(image)
            return 255 - _fit(_grey(upright)) if invert else _fit(_grey(upright))
    except Exception as error:  # decoders fail in any way; the answer is the same
        raise unreadable(path, error) from error


def _pictures(paths: Iterable[Path], invert: bool) -> Bytes:
    return np.stack([read(path, invert) for path in paths])


def _grey(image: Image) -> Image:
    """8 bits of grey; transparent pixels on what `ground` says."""
    from PIL import Image

    image = eight_bits(image)
    if not image.has_transparency_data:
        return image.convert("L")
    grey, alpha = image.convert("LA").split()
    return Image.composite(grey, Image.new("L", image.size, ground(grey, alpha)), alpha)


def eight_bits(image: Image) -> Image:
    """An image of 16 bits as grey of 8, which `convert` would cut off at 255; any other as it is."""
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.float64) / 257).clip(0, 255).round().astype(np.uint8))


def ground(grey: Image, alpha: Image) -> int:
    """What is put under transparent pixels: white where the visible ones are dark, else black."""
    weight = np.asarray(alpha, np.float64)
    visible = (np.asarray(grey) * weight).sum() / max(weight.sum(), 1)
    return 255 if visible < 128 else 0


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


def moved(x: Tensor, far: int) -> Iterator[Tensor]:
    """Pictures (B, h, w) moved by so many pixels to each of the four sides; what comes in is as their border is."""
    from torch.nn.functional import pad

    ground = background(x)
    wide = pad(x - ground, [far] * 4) + ground  # bytes go round at 256, and so come back
    for top, left in ((0, far), (2 * far, far), (far, 0), (far, 2 * far)):
        yield wide[:, top : top + x.shape[1], left : left + x.shape[2]]


def _border(picture: Bytes) -> float:
    return float(_frame(picture).mean())


def _middle(picture: Bytes) -> float:
    """The mean of the middle quarter."""
    return float(picture[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4].mean())
