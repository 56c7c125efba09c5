"""Folders of pictures as a user may have them: of any size, mode and format, for the tests of several milestones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("blobs", "checks", "stripes")
SIZES = ((64, 48), (260, 240), (97, 131), (31, 33), (224, 224), (90, 320), (150, 400), (40, 40))
TINY = ((1, 1), (2, 3), (1, 9), (7, 5), (300, 4), (3, 200))


def plain(kind: str, width: int, height: int, draw: np.random.Generator) -> Image.Image:
    """A picture of a class: two colours, divided by bars, by a chessboard or by a disc, with noise."""
    y, x = np.mgrid[:height, :width] / min(width, height)
    period, phase = draw.uniform(0.2, 0.4), draw.uniform(0, 1, 2)
    bars = np.stack([np.floor(2 * (axis / period + shift)) for axis, shift in zip((x, y), phase, strict=True)])
    middle = draw.uniform(0.3, 0.7, 2) * (width, height) / min(width, height)
    which = {
        "stripes": bars[0] % 2,
        "checks": bars.sum(0) % 2,
        "blobs": np.hypot(x - middle[0], y - middle[1]) < 0.3,
    }[kind]
    first, second = draw.integers(0, 90, 3), draw.integers(160, 256, 3)
    pixels = np.where(which[..., None], first, second) + draw.integers(-12, 13, (height, width, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def transparent(image: Image.Image) -> Image.Image:
    """The outer quarter of a picture cannot be seen."""
    alpha = np.zeros(image.size[::-1], np.uint8)
    high, wide = (side // 8 for side in alpha.shape)
    alpha[high : alpha.shape[0] - high, wide : alpha.shape[1] - wide] = 255
    image = image.copy()
    image.putalpha(Image.fromarray(alpha))
    return image


def sixteen_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def _saved(path: Path, image: Image.Image, turned: int = 0) -> None:
    exif = Image.Exif()
    if turned:
        exif[0x0112] = turned
    image.save(path, exif=exif) if turned else image.save(path)


MODES: Sequence[tuple[str, Callable[[Image.Image], Image.Image], int]] = (
    ("jpg", lambda image: image, 0),
    ("png", lambda image: image.convert("L"), 0),
    ("png", lambda image: image.convert("P", palette=Image.Palette.ADAPTIVE, colors=16), 0),
    ("gif", lambda image: image.convert("P"), 0),
    ("jpg", lambda image: image.convert("CMYK"), 0),
    ("png", transparent, 0),
    ("png", lambda image: transparent(image).convert("LA"), 0),
    ("webp", transparent, 0),
    ("jpg", lambda image: image, 6),
    ("jpeg", lambda image: image.convert("L"), 3),
    ("png", sixteen_bits, 0),
    ("pbm", lambda image: image.convert("1"), 0),
    ("tiff", lambda image: image, 0),
    ("bmp", lambda image: image, 0),
    ("PPM", lambda image: image, 0),
)
"""Ending, mode, EXIF's tag for how it must be turned."""


def mixed_folder(path: Path, count: int = 200, seed: int = 0) -> Path:
    """`count` pictures in a folder for each of CLASSES: every mode above in every size, each eighth one tiny.

    What they show is easy to learn. Among them lies a note that is no picture.
    """
    draw = np.random.default_rng(seed)
    for i in range(count):
        kind = CLASSES[i % len(CLASSES)]
        ending, mode, turned = MODES[i // len(CLASSES) % len(MODES)]
        width, height = TINY[i // 8 % len(TINY)] if i % 8 == 7 else SIZES[i % 11 % len(SIZES)]
        folder = path / kind
        folder.mkdir(parents=True, exist_ok=True)
        _saved(folder / f"{i:04}.{ending}", mode(plain(kind, width, height, draw)), turned)
    (path / CLASSES[0] / "notes.txt").write_text("holidays")
    return path
