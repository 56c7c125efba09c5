"""`textured`: the digits of `mnist5k` in colour on textured backgrounds, 32 × 32, for quick runs without a download.

A draw of ours of all 5,000, the same for every seed of a run: each digit has a colour and a place of its own, up to two
pixels from the middle. Its background wanders between three colours, by two fields of smooth noise (grids of random
bytes at several scales, bilinear in between). Of six colours that are drawn the digit has the one whose brightness is
farthest from the background's. All is arithmetic of whole numbers on PCG64's raw words, so it is the same byte for byte
everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from landmarks.data import FIRST, Draws, colour, digits5k
from landmarks.data.pictures import DIGITS
from landmarks.randomness import stream

if TYPE_CHECKING:
    from landmarks.milestone import Data
    from landmarks.settings import PictureSettings

SIDE, REACH, SEED = 32, 2, 2012
CELLS = (16, 8, 4, 2)
"""Pixels between the knots of a field's grids, smooth to fine."""
COLOURS = 6
"""Drawn for each digit, to choose from."""
CHUNK = 250
"""Pictures made at once, so that whole numbers of four bytes take little room."""
LUMA = np.array([299, 587, 114])
"""Thousandths of red, green and blue in a brightness (ITU-R 601)."""
Bytes = npt.NDArray[np.uint8]
Whole = npt.NDArray[np.int32]


def load(settings: PictureSettings, draws: Draws = FIRST) -> Data:
    """`train` (4,000) and `test` (1,000) as `mnist5k` is divided; or `train` and `valid` where some are held out.

    x (N, 3, 32, 32) uint8, y (N,) int64. Raises LandmarksError where the digits cannot be read.
    """
    colour.check(settings, SIDE)
    x, y = draw(digits5k.read().reshape(-1, 28, 28)), digits5k.LABELS
    train, test = digits5k.partition()
    return colour.known(settings, (x[train], y[train]), lambda: (x[test], y[test]), DIGITS)


def draw(digits: Bytes) -> Bytes:
    """Pictures (N, 3, 32, 32) of digits (N, 28, 28), white on black."""
    words = stream(SEED, 0, "patterns").bit_generator
    return np.concatenate([_drawn(digits[i : i + CHUNK], words) for i in range(0, len(digits), CHUNK)])


def _drawn(digits: Bytes, words: np.random.BitGenerator) -> Bytes:
    count = len(digits)
    background = _background(_bytes(words, count, 3, 3, 1, 1), _field(words, count), _field(words, count))
    ink = _farthest(_bytes(words, count, COLOURS, 3), background)[..., None, None]
    cover = _placed(digits, _bytes(words, count, 2) % (2 * REACH + 1))[:, None]
    return ((background * (255 - cover) + ink * cover + 127) // 255).astype(np.uint8)


def _bytes(words: np.random.BitGenerator, *shape: int) -> Whole:
    """Random numbers 0 … 255 out of raw words, whose sequence NumPy promises to keep."""
    size = int(np.prod(shape))
    raw: Bytes = words.random_raw(-(-size // 8)).astype("<u8").view(np.uint8)
    return raw[:size].reshape(shape).astype(np.int32)


def _field(words: np.random.BitGenerator, count: int) -> Whole:
    """Smooth noise 0 … 255, (N, 1, 32, 32): a mixture of grids, the finer the less, other shares in every picture."""
    shares = 1 + _bytes(words, count, len(CELLS)) // np.array([1, 1, 2, 3], np.int32)
    total = np.zeros((count, SIDE, SIDE), np.int32)
    for cell, share in zip(CELLS, shares.T, strict=True):
        total += share[:, None, None] * _bilinear(_bytes(words, count, SIDE // cell + 1, SIDE // cell + 1), cell)
    mean = (total // shares.sum(1)[:, None, None])[:, None]
    stretched: Whole = np.clip((3 * mean - 128) // 2, 0, 255)  # a mean of grids has lost much of their contrast
    return stretched


def _bilinear(knots: Whole, cell: int) -> Whole:
    """Grids (N, m + 1, m + 1) between whose knots lie `cell` pixels, filled up to (N, m·cell, m·cell)."""
    for _ in range(2):  # rows, then columns
        inside = np.arange(cell, dtype=np.int32)[:, None]
        filled = (cell - inside) * knots[:, :-1, None] + inside * knots[:, 1:, None]
        knots = filled.reshape(len(knots), -1, knots.shape[2]).transpose(0, 2, 1)
    return knots // cell**2


def _background(colours: Whole, first: Whole, second: Whole) -> Whole:
    """Colours (N, 3, 3, 1, 1) blended: from the first to the second by one field, on to the third by another."""
    a, b, c = colours.transpose(1, 0, 2, 3, 4)
    blended = (a * (255 - first) + b * first) // 255
    out: Whole = (blended * (255 - second) + c * second) // 255
    return out


def _farthest(colours: Whole, background: Whole) -> Whole:
    """Of colours (N, C, 3) those (N, 3) whose brightness differs most from the mean of pictures (N, 3, 32, 32)."""
    mean = background.sum((2, 3)) // SIDE**2
    apart = np.abs((colours - mean[:, None]) @ LUMA)
    ink: Whole = colours[np.arange(len(colours)), apart.argmax(1)]
    return ink


def _placed(digits: Bytes, shifts: Whole) -> Whole:
    """Digits (N, 28, 28) in fields (N, 32, 32), so many pixels (N, 2) down and to the right."""
    field = np.zeros((len(digits), SIDE, SIDE), np.int32)
    rows, columns = (shifts[:, axis, None] + np.arange(digits.shape[1]) for axis in (0, 1))
    field[np.arange(len(digits))[:, None, None], rows[:, :, None], columns[:, None, :]] = digits
    return field
