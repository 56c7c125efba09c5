"""Samples of any generator: a sheet of pictures, or points in the plane."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from landmarks.plots import ACCENT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]
GAP = 2
"""Pixels between two pictures of a sheet."""


def sheet(samples: Array, title: str) -> Figure:
    """Pictures (n, height, width) in [0, 1] side by side in rows, or points (n, 2)."""
    from matplotlib.figure import Figure

    if samples.ndim == 2:
        figure = Figure(figsize=(4.6, 4.6), layout="constrained")
        axes = figure.add_subplot()
        scatter(axes, samples, ACCENT)
    else:
        columns = math.ceil(math.sqrt(len(samples)))
        grid = tiled(samples, columns)
        side = min(12.0, max(2.4, 0.55 * columns))
        figure = Figure(figsize=(side, side * grid.shape[0] / grid.shape[1] + 0.35), layout="constrained")
        axes = figure.add_subplot()
        show(axes, grid)
    axes.set_title(title, fontsize=9)
    return figure


def tiled(pictures: Array, columns: int) -> Array:
    """One array of pictures (n, height, width), ink dark on white, rows filled from the left."""
    n, height, width = pictures.shape
    rows = -(-n // columns)
    grid = np.ones((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP))
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + GAP), i % columns * (width + GAP)
        grid[top : top + height, left : left + width] = 1 - picture
    return grid


def show(axes: Axes, grid: Array) -> None:
    """A grey picture as it is, without a frame."""
    axes.imshow(grid, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()


def scatter(axes: Axes, points: Array, colour: str, label: str | None = None) -> None:
    """Points on the same part of the plane in every picture."""
    x, y = points.T
    axes.scatter(x, y, s=float(np.clip(4000 / len(points), 2, 30)), color=colour, alpha=0.5, linewidth=0, label=label)
    axes.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
