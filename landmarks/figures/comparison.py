"""Runs beside each other as one picture, for a page or for a projector."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from landmarks import measures
from landmarks.plots import PANELS, logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from landmarks.compare import Comparison, Panel


@dataclass(frozen=True)
class Look:
    """Sizes: points for text, lines and markers, inches for one panel; how many ticks; where lines have their names."""

    title: float
    text: float
    legend: float
    line: float
    marker: float
    ticks: int
    direct: bool


PAPER = Look(title=11, text=9, legend=8, line=1.5, marker=4, ticks=6, direct=False)
SLIDE = Look(title=26, text=20, legend=18, line=4, marker=11, ticks=4, direct=True)
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's colours, told apart by the colour-blind; the markers tell them apart in grey."""
MARKERS = "os^DvPX<>h*"


def draw(found: Comparison, slide: bool = False) -> Figure:
    """One panel a measure, a line a group; where one number alone differs also the last values against it."""
    from matplotlib.figure import Figure

    look, wide = SLIDE if slide else PAPER, 2 if found.key else 1
    if len(found.panels) > 2:
        look = replace(look, direct=False)  # names beside every panel would leave no room for the lines
    columns = wide if len(found.panels) > 1 and found.key else min(len(found.panels) * wide, PANELS)
    rows = math.ceil(len(found.panels) * wide / columns)
    size = (16.0, 9.0) if slide else (max(6.4, 4.4 * columns), 3.9 * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    places = iter(grid.flat)
    for panel in found.panels:
        _lines(next(places), panel, look, height=size[1] / rows)
        if found.key:
            _against(next(places), panel, found.key, look)
    for axes in places:
        axes.remove()
    figure.suptitle(found.title, fontsize=look.title)
    if look.direct:
        figure.supxlabel(found.caption, fontsize=look.text * 0.8, color="#555555")
        return figure
    handles = [axes.get_legend_handles_labels() for axes in grid.flat]
    entries = {label: handle for both in handles for handle, label in zip(*both, strict=True)}
    beside = max(1, min(len(entries), int(size[0] * 80 / look.legend / max(map(len, entries)))))
    if not slide:
        figure.set_figheight(size[1] + 0.18 * max(0, math.ceil(len(entries) / beside) - 2))  # a long legend has room
    figure.legend(
        [*entries.values()], [*entries], fontsize=look.legend, frameon=False, loc="outside lower center", ncols=beside,
        title=found.caption, title_fontsize=look.legend,
    )  # fmt: skip
    return figure


def _lines(axes: Axes, panel: Panel, look: Look, height: float) -> None:
    """A measure over time: mean and band of each group."""
    factor = 100 if measures.is_fraction(panel.metric) else 1
    if all(len(line.at) == 1 for line in panel.lines):
        return _dots(axes, panel, factor, look)
    for number, line in enumerate(panel.lines):
        colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        every = math.ceil(len(line.at) / look.ticks)
        axes.plot(
            line.at, factor * line.mean, color=colour, linewidth=look.line, label=line.group.title,
            marker=marker, markersize=look.marker, markevery=(number * every // len(panel.lines), every), clip_on=False,
        )  # fmt: skip
        axes.fill_between(line.at, factor * line.low, factor * line.high, color=colour, alpha=0.18, linewidth=0)
    means = [value for line in panel.lines for value in line.mean]
    if min(means) > 0 and max(means) > 10 * min(means):
        logarithmic(axes)
        axes.set_ylim(bottom=max(axes.get_ylim()[0], factor * min(means) / 2))
    _publish(axes, panel, factor, look)
    _dress(axes, panel.metric, panel.unit, look)
    axes.locator_params(axis="x", integer=True, nbins=look.ticks)
    if look.direct:
        _name(axes, panel, factor, look, height)


def _dots(axes: Axes, panel: Panel, factor: float, look: Look) -> None:
    """A measure that was taken once, as of runs in which nothing is learned: a dot for each group."""
    for number, line in enumerate(panel.lines):
        colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        mean, low, high = (factor * float(ends[0]) for ends in (line.mean, line.low, line.high))
        axes.errorbar(
            number, mean, [[mean - low], [high - mean]] if high >= low else None, color=colour, marker=marker,
            markersize=2 * look.marker, capsize=look.marker, linestyle="none", label=line.group.title,
        )  # fmt: skip
    _publish(axes, panel, factor, look)
    _dress(axes, panel.metric, "", look)
    axes.set_xticks(range(len(panel.lines)), [line.group.label if look.direct else "" for line in panel.lines])
    axes.margins(0.15)


def _name(axes: Axes, panel: Panel, factor: float, look: Look, height: float) -> None:
    """Each line's name at the right edge, on the level where it ends, moved apart where they would overlap."""
    last = max(line.at[-1] for line in panel.lines)
    axes.set_xlim(right=last)
    axes.set_ylim(axes.get_ylim())  # as scaled to the lines, which is otherwise done when the figure is drawn
    alike = len({line.group.notes for line in panel.lines}) == 1
    ends = [factor * float(line.mean[-1]) for line in panel.lines]
    texts = [
        "\n".join(textwrap.fill(part, 22) for part in (line.group.label, "" if alike else line.group.notes) if part)
        for line in panel.lines
    ]
    place = axes.transData + axes.transAxes.inverted()
    levels = [float(place.transform((last, end))[1]) for end in ends]
    rooms = [1.25 * look.text * (text.count("\n") + 1) / 72 / (0.72 * height) for text in texts]
    for number, (line, at) in enumerate(zip(panel.lines, _apart(levels, rooms), strict=True)):
        colour = PALETTE[number % len(PALETTE)]
        axes.hlines(ends[number], line.at[-1], last, color=colour, linewidth=look.line / 2, linestyle=":")
        axes.annotate(
            texts[number], (1.0, levels[number]), (1.06, at), xycoords="axes fraction", va="center", color=colour,
            fontsize=look.text, fontweight="bold", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 1.5, "relpos": (0, 0.5)},
        )  # fmt: skip


def _apart(levels: Sequence[float], rooms: Sequence[float]) -> list[float]:
    """Places between 0 and 1 near `levels`, in the same order, none nearer to the next than half of both rooms."""
    order = sorted(range(len(levels)), key=lambda i: levels[i])
    at, floor, ceiling = [*levels], 0.0, 1.0
    for i in order:
        at[i] = max(levels[i], floor + rooms[i] / 2)
        floor = at[i] + rooms[i] / 2
    for i in reversed(order):
        at[i] = min(at[i], ceiling - rooms[i] / 2)
        ceiling = at[i] - rooms[i] / 2
    return at


def _against(axes: Axes, panel: Panel, key: str, look: Look) -> None:
    """The last values against the one number that differs."""
    factor = 100 if measures.is_fraction(panel.metric) else 1
    for number, line in enumerate(panel.lines):
        mean, low, high = (factor * float(ends[-1]) for ends in (line.mean, line.low, line.high))
        axes.errorbar(
            line.group.settings[key], mean, [[mean - low], [high - mean]] if high >= low else None,
            color=PALETTE[number % len(PALETTE)], marker=MARKERS[number % len(MARKERS)], markersize=1.5 * look.marker,
            elinewidth=look.line, capsize=look.marker, linestyle="none", zorder=3,
        )  # fmt: skip
    at = [line.group.settings[key] for line in panel.lines]
    axes.plot(at, [factor * line.mean[-1] for line in panel.lines], color="#999999", linewidth=look.line / 2, zorder=1)
    if min(at) > 0 and max(at) > 10 * min(at):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if len(at) <= 7:
        axes.set_xticks(at, [f"{value:g}" for value in at])
        axes.minorticks_off()
    _publish(axes, panel, factor, look)
    _dress(axes, f"{panel.metric}, last", key, look)


def _publish(axes: Axes, panel: Panel, factor: float, look: Look) -> None:
    """The published number as a dashed line, named on it where there is no legend."""
    if panel.claim is None:
        return
    label = f"paper {panel.claim.format(panel.claim.published)}"
    published = factor * panel.claim.published
    axes.axhline(published, color="black", linestyle="--", linewidth=look.line * 0.7, label=label, zorder=1)
    if look.direct:
        axes.annotate(
            label, (0.02, published), (0, 4), xycoords=("axes fraction", "data"), textcoords="offset points",
            fontsize=look.text * 0.8, va="bottom",
        )  # fmt: skip


def _dress(axes: Axes, metric: str, across: str, look: Look) -> None:
    name = metric.removesuffix(", last")
    title = metric.replace("train_set", "training set").replace("/", " ").replace("_", " ")
    axes.set_title(title + (" (%)" if measures.is_fraction(name) else ""), fontsize=look.text + 1, pad=look.text)
    axes.set_xlabel(across, fontsize=look.text)
    axes.tick_params(which="both", labelsize=look.text * 0.9, width=look.line / 2)
    if axes.get_yscale() == "linear":
        axes.locator_params(axis="y", nbins=look.ticks)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
