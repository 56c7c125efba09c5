"""The pictures of AlexNet: kernels by tower (Fig. 3), labels (Fig. 4), training error by epoch (Fig. 1), activity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from landmarks.figures import labels
from landmarks.parts.augmentation import views
from landmarks.plots import ACCENT, BLUE, INK, PALE, plain

if TYPE_CHECKING:
    from landmarks.milestone import Data
    from landmarks.milestones.alexnet import AlexNet
    from landmarks.parts.cuda_convnet import Stack
    from landmarks.results import Run

ACROSS = 8
"""Kernels in a row."""
WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
"""Behind a number that stands on a line."""


def pictures(net: AlexNet, data: Data) -> Iterator[tuple[str, Figure]]:
    """The run's own: (name, figure)."""
    model = net.config.model
    with torch.no_grad():
        yield "kernels", kernels(net.network.get_parameter("conv1.weight"), 2 if model.towers == "two" else 1)
        yield "labels", labels.labels(net, data)
        if model.activation == "relu":
            (view,) = views(net.centred(labels.looked_at(data).x), model.input, 1)
            before, after = (active(stack, view) for stack in (net.untrained().to(view.device), net.network))
            yield "activity", activity(before, after)
    if net.config.criterion is not None:
        yield "training_error", training_error({model.activation: net.errors()}, net.config.criterion)


def kernels(weight: Tensor, towers: int) -> Figure:
    """First-layer kernels (maps, 3, k, k), each on its own scale around grey, one block a tower."""
    shown = weight.detach().cpu()
    shown = 0.5 + 0.5 * shown / shown.abs().amax((1, 2, 3), keepdim=True)
    blocks = shown.chunk(towers)
    rows = -(-len(blocks[0]) // ACROSS)
    height = 4.0 * rows / min(ACROSS, len(blocks[0]))
    figure = Figure(figsize=(4.0 * towers, height + 0.45), layout="constrained")
    figure.suptitle("Kernels of the first layer", fontsize=11)
    for number, (axes, block) in enumerate(zip(figure.subplots(1, towers, squeeze=False)[0], blocks, strict=True)):
        axes.imshow(_tiled(block), interpolation="nearest")
        axes.set_title(f"tower {number + 1}" if towers > 1 else f"{len(block)} kernels", fontsize=10)
        axes.set_axis_off()
    return figure


def _tiled(block: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Kernels (n, 3, k, k) side by side with a white line between, (rows, columns, 3)."""
    side = block.shape[2] + 1
    rows = -(-len(block) // ACROSS)
    tiles = np.ones((rows * side, min(ACROSS, len(block)) * side, 3), np.float32)
    for i, kernel in enumerate(block.permute(0, 2, 3, 1).numpy()):
        top, left = (side * place for place in divmod(i, ACROSS))
        tiles[top : top + side - 1, left : left + side - 1] = kernel
    return tiles


def active(stack: Stack, x: Tensor) -> dict[str, float]:
    """The share of units above zero behind each rectifier, for inputs x (B, 3, side, side)."""
    shares, stack = dict[str, float](), stack.eval()
    name = ""
    for each, layer in stack.named_children():
        x = layer(x)
        name = each if each in stack.rules else name
        if isinstance(layer, nn.ReLU):
            shares[name] = float((x > 0).float().mean())
    return shares


def activity(before: Mapping[str, float], after: Mapping[str, float]) -> Figure:
    """Active units of each layer, with the initial weights and with the trained ones."""
    figure = Figure(figsize=(0.8 * len(before) + 2.2, 3.4), layout="constrained")
    axes = figure.subplots()
    at = np.arange(len(before))
    for shift, name, shares, colour in ((-0.2, "at the start", before, PALE), (0.2, "trained", after, BLUE)):
        values = [100 * share for share in shares.values()]
        axes.bar(at + shift, values, 0.38, color=colour, label=name)
        for place, value in zip(at + shift, values, strict=True):
            axes.text(place, value + 2, f"{value:.0f}", ha="center", fontsize=7.5, bbox=WHITE)
    axes.axhline(50, color=INK, linewidth=1, linestyle="--")
    axes.set_xticks(at, [*before], fontsize=9)
    axes.set_ylim(0, 112)
    axes.set_title("rectifiers above zero (%)", fontsize=10)
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="upper right")
    plain(axes)
    return figure


def training_error(errors: Mapping[str, Tensor], criterion: float) -> Figure:
    """Figure 1: training error by epoch (epochs,) of each activation, and the line that counts."""
    figure = Figure(figsize=(5.6, 3.8), layout="constrained")
    axes = figure.subplots()
    for (name, values), colour in zip(errors.items(), (ACCENT, INK, BLUE), strict=False):
        epochs, percent = range(1, len(values) + 1), 100 * values.cpu().numpy()
        axes.plot(epochs, percent, color=colour, label=name, marker="o", ms=3, linewidth=1.5)
    axes.axhline(100 * criterion, color="black", linestyle="--", linewidth=1, label=f"{100 * criterion:g} %")
    axes.set_title("training error (%)", fontsize=10)
    axes.set_xlabel("epochs", fontsize=9)
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="x", integer=True)
    axes.legend(fontsize=8, frameon=False)
    plain(axes)
    return figure


def contrast(arms: Mapping[str, Sequence[Run]]) -> Figure:
    """The demonstration: training error by epoch of all arms, and what comes out, a point for each seed."""
    figure = Figure(figsize=(11.0, 3.9), layout="constrained")
    figure.suptitle("Eight layers, few labels, the same number of updates", fontsize=12)
    curves, learned, tested = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    for place, ((name, runs), colour) in enumerate(zip(arms.items(), (ACCENT, BLUE, PALE), strict=False)):
        for number, run in enumerate(runs):
            line = run.curves["train/error"]
            label = name if not number else None
            curves.plot(line.epoch, 100 * np.array(line.value), color=colour, linewidth=1.1, alpha=0.8, label=label)
        for axes, metric in ((learned, "train_set/error"), (tested, "test/error")):
            values = [100 * run.metrics[metric] for run in runs]
            axes.bar(place, np.mean(values), 0.7, color=colour)
            axes.plot(place + np.linspace(-0.15, 0.15, len(values)), values, ".", color=INK, ms=6)
            axes.text(place, max(values) + 2, f"{np.mean(values):.1f}", ha="center", fontsize=9)
    curves.set_title("error while learning (%)", fontsize=10)
    curves.set_xlabel("epochs", fontsize=9)
    curves.legend(fontsize=8, frameon=False)
    for axes, title in ((learned, "learned pictures, at the end (%)"), (tested, "other pictures (%)")):
        axes.set_title(title, fontsize=10)
        axes.set_xticks(range(len(arms)), [*arms], fontsize=9)
        axes.set_ylim(0, 105)
    for axes in (curves, learned, tested):
        plain(axes)
    return figure
