"""What the paper draws of residual networks: errors by iteration (Figs. 1 and 6), the layers' responses (Fig. 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from landmarks.figures import labels
from landmarks.parts.augmentation import views
from landmarks.plots import ACCENT, BLUE, INK, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from landmarks.milestone import Data
    from landmarks.milestones.resnet import ResNet
    from landmarks.results import Run

COLOURS = (ACCENT, INK, BLUE, PALE)


def pictures(resnet: ResNet, data: Data) -> Iterator[tuple[str, Figure]]:
    """(name, picture): how strongly the layers respond, and what the network says of some pictures."""
    yield "responses", responses({_name(resnet): measured(resnet, data)})
    yield "labels", labels.labels(resnet, data)


def _name(resnet: ResNet) -> str:
    model = resnet.config.model
    return f"{'residual' if model.residual else 'plain'}-{model.depth}"


def measured(resnet: ResNet, data: Data) -> list[float]:
    """The standard deviations of the responses of the 3 × 3 layers, from the input on."""
    with torch.no_grad():
        (view,) = views(resnet.centred(labels.looked_at(data).x), resnet.config.model.input, 1)
        return [deviation for _, deviation in resnet.network.responses(view)]


def responses(nets: Mapping[str, Sequence[float]]) -> Figure:
    """Fig. 7: the standard deviations in the order of the layers, and sorted."""
    figure = Figure(figsize=(8.8, 3.6), layout="constrained")
    figure.suptitle("Responses of the layers after BN, before ReLU and addition", fontsize=11)
    for axes, ordered in zip(figure.subplots(1, 2, sharey=True), (False, True), strict=True):
        _responses(axes, nets, ordered)
    return figure


def _responses(axes: Axes, nets: Mapping[str, Sequence[float]], ordered: bool) -> None:
    for (name, values), colour in zip(nets.items(), COLOURS, strict=False):
        shown = sorted(values, reverse=True) if ordered else values
        axes.plot(range(1, len(shown) + 1), shown, color=colour, linewidth=1.5, label=name)
    axes.set_title("standard deviation, " + ("sorted" if ordered else "layer by layer"), fontsize=10)
    axes.set_xlabel("layers by their response" if ordered else "layers from the input on", fontsize=9)
    axes.set_ylim(0, 1.15 * max(max(values) for values in nets.values()))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.legend(fontsize=8, frameon=False)
    _plain(axes)


def contrast(arms: Mapping[str, Sequence[Run]]) -> Figure:
    """The demonstration: as Fig. 6 the errors of every run by iteration, beside them the training losses."""
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    figure.suptitle("Same layers, same parameters, same rate: only the shortcuts differ", fontsize=12)
    left, right = figure.subplots(1, 2)
    _lines(left, arms, {"test/error": "-", "train/error": "--"}, 100)
    left.set(title="error (%): test solid, training dashed", ylim=(0, 100))
    _lines(right, arms, {"train/loss": "-"})
    right.axhline(np.log(10), color="black", linestyle=":", linewidth=1, label="chance, ln 10")
    right.set_title("training loss")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.title.set_fontsize(10)
        axes.set_xlabel("updates", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.legend(fontsize=8, frameon=False)
        _plain(axes)
    return figure


def _lines(axes: Axes, arms: Mapping[str, Sequence[Run]], styles: Mapping[str, str], factor: float = 1) -> None:
    """A line for each run and metric, a colour for each arm."""
    for (name, runs), colour in zip(arms.items(), COLOURS, strict=False):
        for metric, style in styles.items():
            for i, run in enumerate(runs):
                curve = run.curves[metric]
                label = name if i == 0 and style == "-" else None
                axes.plot(curve.step, factor * np.array(curve.value), style, color=colour, linewidth=1.3, label=label)


def _plain(axes: Axes) -> None:
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
