"""The pictures of back-propagation: what the hidden units found, the hill that was descended, how long it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from landmarks.data.patterns import PEOPLE
from landmarks.milestone import Data
from landmarks.plots import ACCENT, INK, PALE
from landmarks.randomness import stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from landmarks.milestones.mlp_xor import MLPXOR
    from landmarks.results import Run

Floats = npt.NDArray[np.float64]
TICKS = [digit * 10**power for power in range(6) for digit in (1, 2, 5)]


def hidden_code(milestone: MLPXOR, data: Data) -> Figure:
    """The code of one replica: weights from people for the family trees (Nature, Fig. 4), else all activities."""
    return _people(milestone) if milestone.config.model.network == "family_trees" else _activities(milestone, data)


def _people(milestone: MLPXOR) -> Figure:
    """What each of the six person units gets from the 24 people: English above, Italian below, one column a pair."""
    from matplotlib.figure import Figure

    shown = milestone.weights["person_code_from_person"][_shown(milestone)].double().cpu().numpy()
    units = shown.T.reshape(-1, 2, 12)
    figure = Figure(figsize=(11, 4.9), layout="constrained")
    figure.suptitle("What the six person units stand for: their weights from the 24 people", fontsize=11)
    for unit, rows in enumerate(units):
        axes = figure.add_subplot(3, 2, unit + 1)
        _squares(axes, rows, float(np.abs(units).max()))
        axes.set_title(f"unit {unit + 1}", fontsize=9, loc="left", color=PALE)
        axes.set_yticks([0, 1], ["English", "Italian"], fontsize=8)
        names = [f"{PEOPLE[i]}\n{PEOPLE[12 + i]}" for i in range(12)] if unit > 3 else [""] * 12
        axes.set_xticks(range(12), names, fontsize=7, rotation=90)
    figure.supxlabel("red excites, blue inhibits; the side of a square is the root of the weight", fontsize=8)
    return figure


def _squares(axes: Axes, values: Floats, largest: float) -> None:
    """A Hinton diagram: a square for each weight, its area the size, its colour the sign."""
    from matplotlib.patches import Rectangle

    for (row, column), weight in np.ndenumerate(values):
        side = 0.95 * np.sqrt(abs(weight) / largest)
        colour = ACCENT if weight > 0 else "#2b6cb0"
        axes.add_patch(Rectangle((column - side / 2, row - side / 2), side, side, facecolor=colour))
    axes.set(xlim=(-0.6, values.shape[1] - 0.4), ylim=(values.shape[0] - 0.4, -0.6), aspect="equal")
    axes.set_facecolor("#f4f5f7")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _activities(milestone: MLPXOR, data: Data) -> Figure:
    """A column for each pattern, sorted by its target; rows: inputs, hidden units, outputs, targets."""
    from matplotlib.figure import Figure

    x, y = data.splits["train"].x, milestone.targets(data.splits["train"].y)
    shown = _shown(milestone)
    with torch.no_grad():
        found = milestone.activities(x.expand(milestone.config.replicas, *x.shape))
    order = np.lexsort(np.flipud(np.hstack([-y.cpu().numpy(), x.cpu().numpy()]).T))
    order = order[np.linspace(0, len(order) - 1, min(64, len(order))).astype(int)]
    hidden = [("hidden", found["hidden"][shown])] if "hidden" in found else []
    scaled = (x - x.amin(0)) / (x.amax(0) - x.amin(0)).clamp(min=1e-12)
    bands = [
        ("input, scaled", scaled) if milestone.labelled else ("input", x),
        *hidden,
        ("output", found["output"][shown]),
        ("target", y),
    ]
    heights = [band.shape[1] for _, band in bands]
    width = max(4.2, min(12.0, 1.6 + 0.55 * len(order)))
    figure = Figure(figsize=(width, 1.4 + 0.4 * sum(heights)), layout="constrained")
    figure.suptitle(f"Every pattern through the network: {_title(milestone)}", fontsize=11)
    panels = figure.subplots(len(bands), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (name, band) in zip(panels, bands, strict=True):
        _band(axes, name, band.double().cpu().numpy()[order].T)
    panels[-1].set_xlabel("patterns, sorted by target", fontsize=9)
    return figure


def _band(axes: Axes, name: str, values: Floats) -> None:
    """Rows of activities between 0 (white) and 1 (dark), written out where there is room."""
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1.15, aspect="auto", interpolation="nearest")
    axes.set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
    axes.set(xticks=[], yticks=[])
    axes.set_xticks(np.arange(values.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(values.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    if values.shape[1] <= 16:
        for (row, column), value in np.ndenumerate(values):
            colour = "white" if value > 0.6 else INK
            text = f"{value:.0f}" if name == "input" else f"{value:.2f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)


def weights(milestone: MLPXOR, data: Data) -> Figure:
    """Into each hidden unit of one replica: the weights from the inputs, and the bias (Nature, Fig. 1)."""
    from matplotlib.figure import Figure

    shown = _shown(milestone)
    both = [milestone.weights[name][shown] for name in ("hidden_from_input", "hidden_bias")]
    values = torch.cat(both).double().cpu().numpy().T
    rows, columns = values.shape
    figure = Figure(figsize=(1.6 + 0.75 * columns, 1.2 + 0.75 * rows), layout="constrained")
    figure.suptitle(f"Weights of the hidden units: {_title(milestone)}", fontsize=11)
    axes = figure.add_subplot()
    _squares(axes, values, float(np.abs(values).max()))
    for (row, column), value in np.ndenumerate(values):
        room = abs(value) > 0.15 * np.abs(values).max()
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=8, color="white" if room else "black")
    axes.set_xticks(range(columns), [*(f"input {i}" for i in range(1, columns)), "bias"], fontsize=8)
    axes.set_yticks(range(rows), [f"unit {i + 1}" for i in range(rows)], fontsize=8)
    return figure


def error_surface(milestone: MLPXOR, data: Data) -> Figure:
    """A cut through the error of one replica: along the line from its first to its last weights, and across it."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatterSciNotation

    along, across = np.linspace(-0.35, 1.6, 61), np.linspace(-0.6, 0.6, 61)
    height = np.maximum(_cut(milestone, data, along, across), 1e-6)
    low = np.log10(height.min())
    high = max(np.log10(height.max()), low + 0.01)  # a surface may be flat
    figure = Figure(figsize=(6.6, 4.6), layout="constrained")
    axes = figure.add_subplot()
    levels = np.logspace(low, high, 24)
    filled = axes.contourf(along, across, height.T, levels, norm="log", cmap="YlGnBu_r", extend="both")
    axes.contour(along, across, height.T, levels, colors="white", linewidths=0.3, alpha=0.5)
    bar = figure.colorbar(filled, ax=axes, format=LogFormatterSciNotation(), label="error E of one sweep")
    ticks = np.logspace(low, high, 5).tolist()
    bar.set_ticks(ticks, labels=[f"{tick:.2g}" for tick in ticks])
    bar.minorticks_off()
    axes.plot([0, 1], [0, 0], color="black", linewidth=0.8, linestyle=":")
    for place, name in ((0, "first weights"), (1, "last weights")):
        axes.plot(place, 0, "o", color=ACCENT, markeredgecolor="white", markersize=8)
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "alpha": 0.8, "linewidth": 0}
        axes.annotate(name, (place, 0), (0, 9), textcoords="offset points", ha="center", fontsize=9, bbox=box)
    axes.set_title(f"A cut through the error surface: {_title(milestone)}", fontsize=11)
    axes.set_xlabel("from the first weights (0) to the last (1)", fontsize=9)
    axes.set_ylabel("across, in a random direction of the same length", fontsize=9)
    return figure


def _cut(milestone: MLPXOR, data: Data, along: Floats, across: Floats) -> Floats:
    """E at start + a (end − start) + b d of one replica, for each a and b; d is random, orthogonal and as long."""
    config = milestone.config
    shown = _shown(milestone)
    start = milestone.starts()[shown].double()
    step = milestone.flat[shown].double().cpu() - start
    draw = stream(config.seed, config.first_replica + shown, "evaluation").standard_normal(len(step))
    side = torch.from_numpy(draw)
    side -= step * (side @ step) / (step @ step).clamp(min=1e-12)
    side *= step.norm() / side.norm()
    a, b = (torch.from_numpy(axis)[:, None, None] for axis in (along, across))
    x, y = data.splits["train"].x.double().cpu(), milestone.targets(data.splits["train"].y).double().cpu()
    rows = []
    for place in a:
        weights = milestone.views(start + place * step + b[:, 0] * side)
        error = milestone.activities(x.expand(len(b), *x.shape), weights)["output"] - y
        rows.append(error.square().sum((1, 2)) / 2)
    return torch.stack(rows).numpy()


def sweeps(milestone: MLPXOR, data: Data) -> Figure:
    """How many sweeps the starts took, and the one number that was printed."""
    from matplotlib.figure import Figure

    x, y = data.splits["train"]
    error = milestone(x.expand(milestone.config.replicas, *x.shape)) - milestone.targets(y)
    done = milestone.met(error).cpu()
    taken = milestone.sweeps.cpu()[done].numpy()
    figure = Figure(figsize=(6.6, 3.8), layout="constrained")
    axes = figure.add_subplot()
    claim, starts = milestone.claim, len(done)
    if len(taken):
        edges = np.logspace(np.log10(max(1, taken.min() * 0.9)), np.log10(taken.max() * 1.1 + 1), 41)
        axes.hist(taken, edges.tolist(), color=PALE, edgecolor="white", linewidth=0.5)
        axes.axvline(np.median(taken), color=INK, linewidth=1.2, label=f"median {np.median(taken):,.0f}")
        axes.set_xscale("log")
        axes.minorticks_off()
    if claim and claim.unit == "sweeps":
        label = f"paper {claim.published:,.0f} ({claim.where})"
        axes.axvline(claim.published, color=ACCENT, linewidth=1.2, linestyle="--", label=label)
    axes.set_xticks([t for t in TICKS if not len(taken) or taken.min() / 2 < t < taken.max() * 2])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_title(f"Sweeps until solved: {len(taken):,} of {starts:,} starts", fontsize=11)
    unsolved = starts - len(taken)
    within = f"{unsolved:,} unsolved ({100 * unsolved / starts:.1f} %) within {milestone.length:,} sweeps"
    axes.set_xlabel(f"sweeps (logarithmic); {within}", fontsize=9)
    axes.set_ylabel("starts", fontsize=9)
    axes.locator_params(axis="y", integer=True)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _shown(milestone: MLPXOR) -> int:
    """The replica that is drawn: the first one that met the criterion, or else the first."""
    return int(milestone.done.int().argmax())


def _title(milestone: MLPXOR) -> str:
    settings = milestone.config.data
    name = settings.function if settings.name == "logic" else settings.name.replace("_", " ")
    return f"{name}, replica {milestone.config.first_replica + _shown(milestone)}"


def contrast(arms: Mapping[str, Sequence[Run]]) -> Figure:
    """The demonstration: how many starts of each arm have learned after so many sweeps, and the error that is left."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.8), layout="constrained")
    figure.suptitle("XOR: what a hidden unit is for", fontsize=12)
    share, energy = figure.subplots(1, 2)
    for (name, (run, *_)), colour in zip(arms.items(), (PALE, ACCENT), strict=False):
        starts, curves = run.config["replicas"], run.curves
        for axes, curve in ((share, curves["train/solved"]), (energy, curves["train/loss"])):
            axes.plot(curve.step, curve.value, color=colour, linewidth=2, label=f"{name} ({starts} starts)")
            axes.axhline(curve.value[-1], color=colour, linewidth=1, linestyle=":")
    share.set(title="share of starts that have learned XOR", ylim=(-0.03, 1.05))
    energy.set(title="error E, mean over the starts", ylim=(0, 0.4))
    for axes in (share, energy):
        axes.set_xlabel("sweeps over the four patterns", fontsize=9)
        axes.set_xlim(0, 1000)
        axes.title.set_fontsize(10)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    energy.legend(fontsize=9, frameon=False, loc="center right")
    return figure
