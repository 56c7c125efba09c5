"""Colour pictures, uint8 (3, side, side): how they are made of files, and what all sources of them have in common.

A picture is turned upright by its EXIF tag; what is transparent becomes white under dark ink and black under bright;
grey, palettes, CMYK and 16 bits become red, green and blue of 8 bits. The square in the middle, as wide as the shorter
side, is brought to `side` (bilinear, antialiased), and left as it is where it has that side.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from landmarks.data.pictures import eight_bits, ground
from landmarks.errors import UsageError
from landmarks.settings import PictureSettings, Scales

if TYPE_CHECKING:
    from PIL.Image import Image

    from landmarks.data.splits import Part
    from landmarks.milestone import Data

KIND = "colour pictures"
Bytes = npt.NDArray[np.uint8]


def known(settings: PictureSettings, train: Part, test: Callable[[], Part], classes: tuple[str, ...]) -> Data:
    """`train` and `test`, or with data.valid `train` and `valid`, of pictures (N, 3, side, side) and labels (N,).

    `test` is not called where some of `train` are held out.
    """
    from landmarks.data import splits
    from landmarks.milestone import Data

    parts = labelled(settings, splits.held(settings, {"train": train} | ({} if settings.valid else {"test": test()})))
    made = {name: splits.split(*part) for name, part in parts.items()}
    return Data(settings.name, made, splits.checksum(made), classes=classes, form=form(settings.side))


def check(settings: PictureSettings, side: int) -> None:
    """Raise UsageError where pictures of this side, which lie in no files of their own, are wanted in another way."""
    if settings.side != side:
        raise UsageError(f"data.side={settings.side}: the pictures of {settings.name} are {side} × {side}")
    for key, asked in (("scales", settings.scales is not None), ("in_memory", settings.in_memory is False)):
        if asked:
            raise UsageError(
                f"data.{key}: the pictures of {settings.name} are {side} × {side} and in memory from the start; leave"
                " it out, or use files (data.name=images)"
            )


def grey(digits: Bytes) -> Bytes:
    """Digits (N, 28, 28), white on black, in the middle of (N, 3, 32, 32), the same in every colour."""
    field = np.pad(digits, ((0, 0), (2, 2), (2, 2)))
    return np.repeat(field[:, None], 3, 1)


def labelled(settings: PictureSettings, parts: dict[str, Part]) -> dict[str, Part]:
    """With data.labels so many of `train`, the same share of each class. Raises UsageError where there are fewer."""
    from landmarks.data import splits

    if settings.labels is None:
        return parts
    train = parts["train"]
    return parts | {"train": splits.rows(train, splits.labelled(train[1], settings.labels))}


def form(side: int) -> dict[str, Any]:
    """How files become pictures, as a run remembers it."""
    return {"kind": KIND, "side": side}


def read(path: Path, side: int) -> Bytes:
    """The picture (3, side, side) in a file. Raises LandmarksError where it cannot be read."""
    return _channels(opened(path, side), side, _middle)


def cut(path: Path, scales: Scales, draw: np.random.Generator) -> Bytes:
    """A square (3, crop, crop) of a picture whose shorter side is brought to one of [low, high].

    Side and place are drawn. Raises LandmarksError where the file cannot be read.
    """
    side = int(draw.integers(scales.low, scales.high + 1))

    def anywhere(width: int, height: int) -> tuple[float, float, float]:
        shorter = min(width, height)
        left, top = (draw.integers(length * side // shorter - scales.crop + 1) for length in (width, height))
        return left * shorter / side, top * shorter / side, scales.crop * shorter / side

    return _channels(opened(path, side), scales.crop, anywhere)


def opened(path: Path, side: int) -> Image:
    """A file's picture, upright, in red, green and blue; a JPEG file far larger than `side` is decoded at a fraction.

    Raises LandmarksError where it cannot be read.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            image.draft(None, (2 * side, 2 * side))
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return image if image.mode == "RGB" and not image.has_transparency_data else _coloured(image)
    except Exception as error:  # decoders fail in any way; the answer is the same
        from landmarks.data.folders import unreadable

        raise unreadable(path, error) from error


Cut = Callable[[int, int], tuple[float, float, float]]
"""Width and height of a picture → left, top and side of a square in it."""


def _middle(width: int, height: int) -> tuple[float, float, float]:
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side


def _channels(image: Image, side: int, cut: Cut) -> Bytes:
    """The square of an image that `cut` names, brought to `side`: (3, side, side)."""
    from PIL import Image

    left, top, length = cut(*image.size)
    box = (left, top, left + length, top + length)
    pixels = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, box))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _coloured(image: Image) -> Image:
    """8 bits of red, green and blue; transparent pixels on what `ground` says."""
    from PIL import Image

    image = eight_bits(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    alpha = seen.getchannel("A")
    background = Image.new("RGB", image.size, (ground(seen.convert("L"), alpha),) * 3)
    return Image.composite(seen.convert("RGB"), background, alpha)
