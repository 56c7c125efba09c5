"""The curves of a run as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from landmarks.claims import Claim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"train": "#7a869a", "valid": "#b8860b", "test": "#c0392b", "train_set": "#34495e"}
"""One colour a split, the same in every picture of the suite."""

Curves = dict[str, list[tuple[int, float]]]


def curves(found: Curves, title: str, headline: Claim) -> Figure:
    """Every measured scalar over the updates, a panel each, splits together, the published value as a dashed line."""
    from matplotlib.figure import Figure

    panels: dict[str, list[str]] = {}
    for name in found:
        split, _, measure = name.partition("/")
        if split in COLOURS:
            panels.setdefault(measure, []).append(name)
    figure = Figure(figsize=(4.6 * min(len(panels), 3) or 4.6, 3.4 * -(-len(panels) // 3) or 3.4), layout="constrained")
    figure.suptitle(title, fontsize=11)
    for i, (measure, names) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(-(-len(panels) // 3), min(len(panels), 3), i)
        for name in names:
            _draw(axes, name, found[name], percent=measure == "error")
        if any(name == headline.metric for name in names):
            published = headline.published * (100 if headline.unit == "%" else 1)
            axes.axhline(
                published,
                color="black",
                linestyle="--",
                linewidth=1,
                label=f"paper {headline.format(headline.published)}",
            )
        axes.set_title(measure + (" (%)" if measure == "error" else ""), fontsize=10)
        axes.set_xlabel("updates", fontsize=9)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw(axes: Axes, name: str, points: list[tuple[int, float]], percent: bool) -> None:
    split = name.partition("/")[0]
    steps, values = zip(*points, strict=True)
    scaled = [100 * value for value in values] if percent else values
    label = {"train": "training (running)", "train_set": "training set (final weights)"}.get(split, split)
    axes.plot(
        steps, scaled, color=COLOURS[split], label=label, linewidth=1.5, marker="o" if len(steps) < 30 else "", ms=3
    )
    if percent and min(scaled) > 0 and max(scaled) > 20 * min(scaled):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
