"""Rectangles and convex sets on a field of 28 × 28 pixels, drawn by the recipes of Larochelle et al. 2007.

A set of pixels is (N, 28, 28) bool; every function draws from the generator that it is given, and from nothing else.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from landmarks.data.pictures import SIDE

Pixels = npt.NDArray[np.bool_]
TRIED = 4096
"""Candidates drawn at once; those that do not qualify are refused."""


def rectangles(
    count: int, draw: np.random.Generator, least: int, difference: int, area: tuple[float, float]
) -> npt.NDArray[np.int64]:
    """(N, 4): top, left, height, width. Sides of at least `least` pixels, which differ by at least `difference`.

    `area` is the share of the picture that a rectangle covers, from and to.
    """
    found, have = [], 0
    while have < count:
        height, width = draw.integers(least, SIDE + 1, (2, TRIED))
        top, left = (np.floor(draw.uniform(0, SIDE + 1 - side)).astype(np.int64) for side in (height, width))
        share = height * width / SIDE**2
        fits = (abs(height - width) >= difference) & (share >= area[0]) & (share <= area[1])
        found.append(np.stack((top, left, height, width), 1)[fits])
        have += len(found[-1])
    return np.concatenate(found)[:count]


def filled(corners: npt.NDArray[np.int64]) -> Pixels:
    """The pixels of rectangles (N, 4), their outline included."""
    top, left, height, width = (corner[:, None] for corner in corners.T)
    along = np.arange(SIDE)
    rows, columns = (along >= top) & (along < top + height), (along >= left) & (along < left + width)
    inside: Pixels = rows[:, :, None] & columns[:, None, :]
    return inside


def outlines(corners: npt.NDArray[np.int64]) -> Pixels:
    """The outermost pixels of rectangles (N, 4)."""
    return filled(corners) & ~filled(corners + np.array([1, 1, -2, -2]))


def convex(count: int, draw: np.random.Generator) -> Pixels:
    """Intersections of half-planes, their number geometric with 0.195; under 19 pixels they are refused."""
    return intersections(count, draw, 0.195, 19)


def non_convex(count: int, draw: np.random.Generator) -> Pixels:
    """Unions of two to four such sets (0.07; 10 pixels) that are not convex by a test of all pairs of pixels."""
    found, have = [], 0
    while have < count:
        parts = draw.integers(2, 5, TRIED)
        sets = intersections(int(parts.sum()), draw, 0.07, 10)
        united = np.logical_or.reduceat(sets, np.cumsum(parts) - parts)
        found.append(united[~convex_by_pairs(united)])
        have += len(found[-1])
    return np.concatenate(found)[:count]


def intersections(count: int, draw: np.random.Generator, p: float, least: int) -> Pixels:
    """Intersections of k half-planes of uniform location and orientation, k geometric with p, of `least` pixels."""
    centres = np.indices((SIDE, SIDE)).reshape(2, -1) + 0.5
    found, have = [], 0
    while have < count:
        numbers = draw.geometric(p, TRIED)
        sets, large = np.ones((TRIED, SIDE * SIDE), dtype=bool), np.ones(TRIED, dtype=bool)
        for k in range(numbers.max()):
            (rows,) = np.nonzero((numbers > k) & large)  # what has become too small stays so
            point, angle = draw.uniform(0, SIDE, (2, len(rows))), draw.uniform(0, 2 * np.pi, len(rows))
            normal = np.stack((np.cos(angle), np.sin(angle)))
            sets[rows] &= normal.T @ centres >= (normal * point).sum(0)[:, None]
            large[rows] = sets[rows].sum(1) >= least
        found.append(sets[large].reshape(-1, SIDE, SIDE))
        have += len(found[-1])
    return np.concatenate(found)[:count]


def convex_by_pairs(sets: Pixels) -> Pixels:
    """(N,): whether no pixel that lies midway between two of a set is missing from it.

    The sums of all pairs of pixels are the set convolved with itself; a pixel m lies midway where 2m is among them.
    """
    size = (2 * SIDE, 2 * SIDE)
    sums = np.fft.irfft2(np.fft.rfft2(sets, s=size) ** 2, s=size)
    between: Pixels = sums[:, ::2, ::2] > 0.5
    return np.logical_not(np.logical_and(between, ~sets).any((1, 2)))
