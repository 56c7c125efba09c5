"""What the paper draws of LeNet-5: its kernels, the maps of a digit, the errors (Figs. 2, 8 and 13), the confusions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from landmarks.parts import rejection
from landmarks.plots import ACCENT, INK, PALE, plain

if TYPE_CHECKING:
    from landmarks.milestone import Data
    from landmarks.milestones.lenet import LeNet
    from landmarks.results import Run

ARMS = (ACCENT, INK, PALE)
Array = npt.NDArray[Any]
SHOWN = 120
"""Misread digits on one picture; the paper's has 82."""


def pictures(lenet: LeNet, data: Data) -> Iterator[tuple[str, Figure]]:
    """(name, picture): kernels and maps where the network has them, confusions and errors on the images looked at."""
    name = next((split for split in ("test", "valid") if split in data.splits), "train")
    x, y = data.splits[name]
    with torch.no_grad():
        penalties = torch.cat([lenet(part) for part in torch.split(x, 500)])[:, : lenet.known]
        if "C1" in lenet.network:
            yield "c1_kernels", kernels(lenet.network["C1"].get_parameter("weight").cpu().numpy())
            yield "feature_maps", feature_maps(_maps(lenet, x[:1]))
    given = lenet.given(penalties)
    if lenet.rival is not None and (seen := lenet.rival.seen()) is not None:
        what, title, values = seen
        yield what, tiles(values.view(-1, lenet.side, lenet.side).cpu().numpy(), title)
    names, true, answers = data.classes, y.cpu().numpy(), given.cpu().numpy()
    yield "confusion", confusion(true, answers, name, names)
    yield "errors", errors(x.cpu().numpy(), true, answers, name, names)
    yield "rejection", rejecting((given != y).cpu(), rejection.confidence(penalties).cpu(), name)


def tiles(values: Array, title: str) -> Figure:
    """Pictures (n, h, w), ten in a row: pixels black on white, what has a sign white where it is positive."""
    rows, signed = -(-len(values) // 10), bool(values.min() < 0)
    figure = Figure(figsize=(6.4, 0.5 + 0.62 * rows), layout="constrained")
    for axis in figure.subplots(rows, 10, squeeze=False).flat:
        axis.set_axis_off()
    for axis, drawn in zip(figure.axes, values, strict=False):
        bound = float(np.abs(drawn).max())
        axis.imshow(drawn, cmap="gray" if signed else "gray_r", vmin=-bound if signed else 0, vmax=bound)
    figure.suptitle(title, fontsize=11)
    return figure


def _maps(lenet: LeNet, x: Tensor) -> dict[str, Array]:
    """What each layer makes of one picture x (1, 28, 28): layer → (maps, n, n) or (units,)."""
    value = lenet.picture(x)
    maps = {"input": value[0].cpu().numpy()}
    for name, layer in lenet.network.items():
        value = layer(value)
        maps[name] = value[0].squeeze().cpu().numpy()
    return maps


def kernels(weight: Array) -> Figure:
    """The kernels of C1, (maps, 5, 5), on one scale: white positive, black negative."""
    figure = Figure(figsize=(1.2 + 1.2 * len(weight), 2.0), layout="constrained")
    bound = float(np.abs(weight).max())
    axes = figure.subplots(1, len(weight))
    for i, (axis, kernel) in enumerate(zip(axes, weight, strict=True)):
        drawn = axis.imshow(kernel, cmap="gray", vmin=-bound, vmax=bound)
        axis.set_title(f"map {i}", fontsize=9)
        _bare(axis)
    figure.colorbar(drawn, ax=list(axes), shrink=0.8, aspect=12).ax.tick_params(labelsize=8)
    figure.suptitle(f"C1: {len(weight)} kernels of 5 × 5", fontsize=11)
    return figure


def feature_maps(maps: Mapping[str, Array]) -> Figure:
    """A row for each layer, (maps, n, n) or (units,): what it makes of one picture. F6 stands as the code's 7 × 12."""
    rows = {name: _as_maps(name, values) for name, values in maps.items()}
    width, gap = 9.2, 0.08
    cells = [min(1.15, 8.3 / len(values), gap + 4 * values.shape[1] / values.shape[2]) for values in rows.values()]
    height = 0.5 + sum(cells) + 0.12 * len(cells)  # inches, as the cells, which include the gap
    figure = Figure(figsize=(width, height))
    figure.text(0.5, 1 - 0.25 / height, "What each layer makes of one picture (white: high)", ha="center", va="center")
    top = height - 0.5
    for (name, values), cell in zip(rows.items(), cells, strict=True):
        wide = (cell - gap) * max(1.0, values.shape[2] / values.shape[1])
        left = 0.7 + (8.3 - len(values) * (wide + gap)) / 2
        figure.text(0.12 / width, (top - cell / 2) / height, name, va="center")
        bound = float(np.abs(values).max())
        for k, drawn in enumerate(values):
            place = (left + k * (wide + gap)) / width, (top - cell + gap / 2) / height
            axis = figure.add_axes((*place, wide / width, (cell - gap) / height))
            axis.imshow(drawn, cmap="gray", vmin=-bound, vmax=bound)
            _bare(axis)
        top -= cell + 0.12
    return figure


def _as_maps(name: str, values: Array) -> Array:
    """Units without a place become one map: F6 as rows of 7, as the codes are drawn; others as rows of 20 or 10."""
    if values.ndim == 3:
        return values
    width = 7 if name == "F6" else 20 if len(values) % 20 == 0 else 10
    return values.reshape(1, -1, width)


def confusion(true: Array, given: Array, split: str, names: Sequence[str]) -> Figure:
    """Counts (k, k) of true by given class; the colour tells the errors alone."""
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (true, given), 1)
    errors = counts * (1 - np.eye(len(names), dtype=np.int64))
    figure = Figure(figsize=(5.6, 5.4), layout="constrained")
    axis = figure.subplots()
    axis.imshow(errors, cmap="Oranges", vmin=0, vmax=max(1, errors.max()))
    for i, j in np.argwhere(counts):
        dark = i != j and errors[i, j] > 0.6 * errors.max()
        axis.text(j, i, f"{counts[i, j]}", ha="center", va="center", fontsize=8, color="white" if dark else "#333333")
    axis.set(xlabel="given", ylabel="true")
    axis.set_xticks(range(len(names)), names, rotation=0 if max(map(len, names)) < 6 else 90)
    axis.set_yticks(range(len(names)), names)
    axis.set_title(_count(int(errors.sum()), len(true), split), fontsize=11)
    axis.tick_params(length=0)
    return figure


def errors(x: Array, true: Array, given: Array, split: str, names: Sequence[str]) -> Figure:
    """The misread pictures, x (N, 28, 28), each with "true→given", as Fig. 8."""
    wrong = np.flatnonzero(true != given)
    shown = wrong[:SHOWN]
    columns = 15 if len(shown) > 30 else 10
    rows = max(1, -(-len(shown) // columns))
    figure = Figure(figsize=(0.66 * columns, 0.55 + 0.84 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for axis, i in zip(axes, shown, strict=False):
        axis.imshow(x[i], cmap="gray_r", vmin=0, vmax=255)
        axis.set_title(f"{names[true[i]][:4]}→{names[given[i]][:4]}", fontsize=8, pad=2)
    for axis in figure.axes:
        axis.set_axis_off()
    more = f", the first {len(shown)} of them" if len(wrong) > len(shown) else ""
    figure.suptitle(_count(len(wrong), len(true), split) + more, fontsize=11)
    return figure


def rejecting(wrong: Tensor, sure: Tensor, split: str) -> Figure:
    """How the error of the rest falls as the least sure are rejected (Fig. 10); (N,) both."""
    left, errors = (side.numpy() for side in rejection.kept(wrong, sure))
    share, error = 100 * (1 - left / len(wrong)), 100 * errors / left
    most, cost = 100 / rejection.MOST, 100 * float(rejection.rejected(wrong, sure))
    reach = float(np.clip(2 * cost, 2, 100))
    figure = Figure(figsize=(5.6, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.step(share, error, color=ACCENT, linewidth=1.8, where="post")
    axes.axhline(most, color=INK, linewidth=1, linestyle="--")
    axes.text(reach, most, f"{most:g} % ", color=INK, fontsize=9, ha="right", va="bottom")
    if cost < 100:
        axes.plot(cost, most, "o", color=INK, ms=6)
        axes.annotate(f"{cost:.1f} % rejected", (cost, most), (6, 8), textcoords="offset points", fontsize=9, color=INK)
    axes.set(xlim=(0, reach), ylim=(0, None), xlabel="least sure rejected (%)", ylabel="of the rest misread (%)")
    axes.set_title(f"What it costs to be rarely wrong, on {len(wrong):,} {split} pictures", fontsize=11)
    plain(axes)
    return figure


def _count(wrong: int, n: int, split: str) -> str:
    return f"{wrong:,} of {n:,} {split} pictures misread ({100 * wrong / n:.2f} %)"


def _bare(axis: Any) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_linewidth(0.5)


def contrast(arms: Mapping[str, Sequence[Run]]) -> Figure:
    """The demonstration: the arms' test error by pass, a line for each seed, and what moving the digits does to it."""
    figure = Figure(figsize=(9.6, 3.8), layout="constrained")
    figure.suptitle("Same digits, same passes, same rule", fontsize=12)
    learning, moved = figure.subplots(1, 2, width_ratios=(3, 2))
    for place, ((name, runs), colour) in enumerate(zip(arms.items(), ARMS, strict=False)):
        for run in runs:
            curve = run.curves["test/error"]
            learning.plot(curve.epoch, [100 * v for v in curve.value], color=colour, alpha=0.35, linewidth=1)
        mean = np.mean([run.curves["test/error"].value for run in runs], 0)
        learning.plot(curve.epoch, 100 * mean, color=colour, linewidth=2, marker="o", ms=4, label=name)
        for metric, fill, left in (("test/error", colour, -0.2), ("test/shifted_error", "white", 0.2)):
            values = [100 * run.metrics[metric] for run in runs]
            height = float(np.mean(values))
            moved.bar(place + left, height, 0.38, color=fill, edgecolor=colour, hatch="" if fill == colour else "///")
            moved.text(place + left, height + 1, f"{height:.1f}", ha="center", fontsize=9)
    learning.set(title="test error (%) by pass", xlabel="passes", ylim=(0, None), xticks=curve.epoch)
    learning.legend(fontsize=9, frameon=False)
    moved.margins(y=0.1)
    moved.set(title="in place (full), moved by two pixels (hatched)", xticks=range(len(arms)), xticklabels=[*arms])
    for axes in (learning, moved):
        axes.title.set_fontsize(10)
        axes.grid(alpha=0.25, axis="y")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
