"""Pictures with the classes that a network thinks most probable, as Fig. 4 of Krizhevsky et al. 2012."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from matplotlib.figure import Figure
from torch import Tensor

from landmarks.milestone import Split
from landmarks.plots import ACCENT, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from landmarks.milestone import Data
    from landmarks.parts.classifiers import PictureClassifier

ACROSS = 4
"""Pictures in a row: the first ones, and then those that come out worst."""
LOOKED_AT = 100
"""Pictures out of which these are chosen."""
LETTERS = 16
"""Of a class's name."""


def looked_at(data: Data) -> Split:
    """Some pictures that were not learned, where there are any."""
    split = next(data.splits[name] for name in ("test", "valid", "train") if name in data.splits)
    return Split(split.x[:LOOKED_AT], split.y[:LOOKED_AT])


@torch.no_grad()
def labels(net: PictureClassifier, data: Data) -> Figure:
    """What a trained network says of the first pictures, and of those of which it is least right."""
    x, y = looked_at(data)
    probabilities = net.log_probabilities(x).exp()
    least = probabilities.gather(1, y[:, None])[ACROSS:, 0].argsort()[:ACROSS] + ACROSS
    some = torch.cat([torch.arange(min(ACROSS, len(x)), device=x.device), least])
    which = f": the first pictures, and the least right of {len(x)}"
    return top_five(x[some], probabilities[some], y[some], data.classes, which)


def top_five(
    pictures: Tensor, probabilities: Tensor, labels: Tensor, classes: Sequence[str], which: str = ""
) -> Figure:
    """Pictures (N, 3, H, W), uint8: above each the right class, below it the five most probable, the right one red.

    probabilities (N, classes), labels (N,); `which` pictures are shown.
    """
    rows = -(-len(pictures) // ACROSS)
    figure = Figure(figsize=(2.3 * ACROSS, 3.4 * rows), layout="constrained")
    figure.suptitle(f"The five most probable classes, the right one in red{which}", fontsize=11)
    grid = figure.subplots(2 * rows, ACROSS, squeeze=False, height_ratios=[1.5, 1.0] * rows)
    for axes in grid.flat:
        axes.set_axis_off()
    values, found = probabilities.cpu().float().topk(min(5, len(classes)))
    for i, (picture, label) in enumerate(zip(pictures.cpu(), labels.tolist(), strict=True)):
        row, column = divmod(i, ACROSS)
        grid[2 * row, column].imshow(picture.permute(1, 2, 0).numpy())
        grid[2 * row, column].set_title(_short(classes[label]), fontsize=9)
        _bars(grid[2 * row + 1, column], values[i].tolist(), found[i].tolist(), label, classes)
    return figure


def _bars(axes: Axes, values: Sequence[float], found: Sequence[int], label: int, classes: Sequence[str]) -> None:
    places = range(len(found))
    axes.barh(places, values, 0.9, color=[ACCENT if each == label else PALE for each in found], alpha=0.55)
    for place, each in zip(places, found, strict=True):
        axes.text(0.02, place, _short(classes[each]), fontsize=8, va="center")
    axes.set(xlim=(0, 1), ylim=(len(found) - 0.4, -0.6))


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else name[: LETTERS - 1] + "…"
