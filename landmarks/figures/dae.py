"""The pictures of the denoising autoencoders: filters (2010, Figs. 5–7), what is rebuilt of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from torch import Tensor

from landmarks.data.pictures import SIDE
from landmarks.plots import ACCENT, BLUE, INK, PALE, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from landmarks.milestones.dae import DAEConfig
    from landmarks.results import Run

ACROSS = 10
"""Filters on a picture: so many in a row and a column."""
SHOWN = 12
"""Patterns that are shown rebuilt."""


def described(config: DAEConfig) -> str:
    """What a network's noise was, in the paper's letters."""
    noise = config.corruption
    letter = "σ" if noise.name == "gaussian" else "ν"
    return f"{noise.name.replace('_', ' ')} noise, {letter} = {noise.level:g}" if noise.level else "no noise"


def filters(sets: Mapping[str, Tensor]) -> Figure:
    """Filters of each set, weights (units, 784), side by side: each on its own scale, grey is 0."""
    figure = Figure(figsize=(3.7 * len(sets), 4.0), layout="constrained")
    figure.suptitle("Filters: white excites, black inhibits", fontsize=11)
    for axes, (name, weights) in zip(figure.subplots(1, len(sets), squeeze=False)[0], sets.items(), strict=True):
        _tile(axes, name, weights)
    return figure


def _tile(axes: Axes, name: str, weights: Tensor) -> None:
    """The filters that put most of their energy into few weights, in that order: what is noise still comes last."""
    every = weights.detach().cpu().numpy()
    shown = every[np.argsort(-concentration(every), kind="stable")[: ACROSS**2]]
    tiles = np.ones((ACROSS * (SIDE + 2), ACROSS * (SIDE + 2)), dtype=np.float32)
    for i, each in enumerate(shown / np.abs(shown).max(1, keepdims=True)):
        top, left = (place * (SIDE + 2) + 1 for place in divmod(i, ACROSS))
        tiles[top : top + SIDE, left : left + SIDE] = each.reshape(SIDE, SIDE)
    axes.imshow(tiles[: -(-len(shown) // ACROSS) * (SIDE + 2)], cmap="gray", vmin=-1, vmax=1)
    axes.set_title(name, fontsize=10)
    axes.set_axis_off()


def concentration(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How much of the energy Σ w² of each filter (units, n) is in the largest 5 % of its weights, (units,)."""
    energy = np.sort(weights**2, 1)
    share: npt.NDArray[np.float32] = energy[:, -round(0.05 * energy.shape[1]) :].sum(1) / energy.sum(1)
    return share


def rebuilt(clean: Tensor, noisy: Tensor, outputs: Tensor) -> Figure:
    """Rows of patterns (N, 784): clean, corrupted, rebuilt by the first layer."""
    rows = {"clean": clean, "corrupted": noisy, "rebuilt": outputs}
    figure = Figure(figsize=(0.72 * len(clean) + 1.0, 2.7), layout="constrained")
    figure.suptitle("What the first layer rebuilds of patterns that it has not learned", fontsize=11)
    grid = figure.subplots(len(rows), len(clean), squeeze=False)
    for line, (name, patterns) in zip(grid, rows.items(), strict=True):
        for axes, pattern in zip(line, patterns, strict=True):
            axes.imshow(pattern.detach().cpu().numpy().reshape(SIDE, SIDE), cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    return figure


def contrast(arms: Mapping[str, Sequence[Run]]) -> Figure:
    """The demonstration: the arms' filters from equal weights, and the probe's error, a point for each seed."""
    figure = Figure(figsize=(3.1 * (len(arms) + 1), 4.0), layout="constrained")
    figure.suptitle("Same layer, same digits, same length: only the corruption differs", fontsize=12)
    *tiles, bars = figure.subplots(1, len(arms) + 1)
    for axes, (name, (run, *_)) in zip(tiles, arms.items(), strict=True):
        _tile(axes, name, run.model().get_parameter("encoders.0.weight"))
    for place, (runs, colour) in enumerate(zip(arms.values(), (PALE, BLUE, ACCENT), strict=False)):
        errors = 100 * np.array([run.metrics["test/probe_error"] for run in runs])
        bars.bar(place, errors.mean(), 0.7, color=colour)
        top = errors.mean() + _whisker(bars, place, errors)
        bars.plot(place + np.linspace(-0.15, 0.15, len(errors)), errors, ".", color=INK, ms=5)
        bars.text(place, max(top, errors.max()) + 0.2, f"{errors.mean():.1f}", ha="center", fontsize=9)
    bars.set_title("error of a linear probe (%)", fontsize=10)
    bars.set_xticks(range(len(arms)), [*arms])
    bars.margins(y=0.15)
    plain(bars)
    return figure


def _whisker(axes: Axes, place: float, values: npt.NDArray[Any]) -> float:
    """Draw two standard errors to each side of the mean, and say how many that is; nothing of a single value."""
    if len(values) == 1:
        return 0.0
    half = float(2 * values.std(ddof=1) / np.sqrt(len(values)))
    axes.errorbar(place, values.mean(), half, color=INK, capsize=4, linewidth=1.2)
    return half
