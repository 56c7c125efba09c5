"""Runs beside each other as one picture, for a page or for a projector."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from landmarks import measures
from landmarks.groups import ONE
from landmarks.plots import PANELS, logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from landmarks.against import Axis
    from landmarks.compare import Comparison, Panel
    from landmarks.groups import Group, Line


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
    """One panel a measure, a line a group; where one number alone differs also the last values against it.

    Where the setting to draw against was asked for, the last values alone.
    """
    from matplotlib.figure import Figure

    look, wide = SLIDE if slide else PAPER, 2 if found.axis and not found.asked else 1
    if len(found.panels) > 2:
        look = replace(look, direct=False)  # names beside every panel would leave no room for the lines
    columns = wide if len(found.panels) > 1 and wide > 1 else min(len(found.panels) * wide, PANELS)
    rows = math.ceil(len(found.panels) * wide / columns)
    size = (16.0, 9.0) if slide else (max(6.4, 4.4 * columns), 3.9 * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    places = iter(grid.flat)
    for panel in found.panels:
        if not found.asked:
            _lines(next(places), panel, look, height=size[1] / rows)
        if found.axis:
            _against(next(places), panel, found.axis, look, height=size[1] / rows)
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
        colour, marker = _style(line.group)
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
        axes.set_xlim(right=max(line.at[-1] for line in panel.lines))
        _name(axes, [(line.at[-1], [line]) for line in panel.lines], factor, look, height)


def _style(group: Group) -> tuple[str, str]:
    """Colour and marker of a group, the same in every panel."""
    return PALETTE[group.number % len(PALETTE)], MARKERS[group.number % len(MARKERS)]


def _dots(axes: Axes, panel: Panel, factor: float, look: Look) -> None:
    """A measure that was taken once, as of runs in which nothing is learned: a dot for each group."""
    for number, line in enumerate(panel.lines):
        _dot(axes, number, line, factor, look, size=2, label=line.group.title)
    _publish(axes, panel, factor, look)
    _dress(axes, panel.metric, "", look)
    axes.set_xticks(range(len(panel.lines)), [line.group.label if look.direct else "" for line in panel.lines])
    axes.margins(0.15)


def _dot(axes: Axes, at: float, line: Line, factor: float, look: Look, size: float, **style: Any) -> None:
    """A group's last value with its interval."""
    colour, marker = _style(line.group)
    mean, low, high = (factor * float(ends[-1]) for ends in (line.mean, line.low, line.high))
    axes.errorbar(
        at, mean, [[mean - low], [high - mean]] if high >= low else None, color=colour, marker=marker,
        markersize=size * look.marker, capsize=look.marker, linestyle="none", **style,
    )  # fmt: skip


def _notes(lines: Sequence[Line]) -> str:
    """What the groups of one line say of themselves, each thing once."""
    notes = dict.fromkeys(line.group.notes or ONE for line in lines)
    return "" if [*notes] == [ONE] else "; ".join(notes)


def _name(axes: Axes, drawn: Sequence[tuple[float, Sequence[Line]]], factor: float, look: Look, height: float) -> None:
    """The name of each (end, groups) at the right edge, on the level of its end, apart where they would overlap."""
    axes.set_xlim(axes.get_xlim())  # as scaled to the lines, which is otherwise done when the figure is drawn
    axes.set_ylim(axes.get_ylim())
    last = axes.get_xlim()[1]
    notes = [_notes(lines) for _, lines in drawn]
    ends = [factor * float(lines[-1].mean[-1]) for _, lines in drawn]
    said = notes if len({*notes}) > 1 else [""] * len(notes)
    texts = [
        "\n".join(textwrap.fill(part, 22) for part in (lines[-1].group.label, note) if part)
        for (_, lines), note in zip(drawn, said, strict=True)
    ]
    place = axes.transData + axes.transAxes.inverted()
    levels = [float(place.transform((last, end))[1]) for end in ends]
    rooms = [1.25 * look.text * (text.count("\n") + 1) / 72 / (0.72 * height) for text in texts]
    for number, ((end, lines), at) in enumerate(zip(drawn, _apart(levels, rooms), strict=True)):
        colour, _ = _style(lines[-1].group)
        axes.hlines(ends[number], end, last, color=colour, linewidth=look.line / 2, linestyle=":")
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


def _against(axes: Axes, panel: Panel, axis: Axis, look: Look, height: float) -> None:
    """The last values against a setting, joined in grey, or in the colour of each line where it was asked for."""
    factor = 100 if measures.is_fraction(panel.metric) else 1
    joined = axis.series(panel.lines)
    for lines in joined:
        at, means = [axis.at(line.group) for line in lines], [factor * line.mean[-1] for line in lines]
        if axis.asked:
            (colour, marker), notes = _style(lines[0].group), _notes(lines)
            label = f"{lines[0].group.label} ({notes})" if notes else lines[0].group.label
            axes.plot(at, means, color=colour, marker=marker, linewidth=look.line, label=label)
        else:
            axes.plot(at, means, color="#999999", linewidth=look.line / 2, zorder=1)
        for place, line in zip(at, lines, strict=True):
            _dot(axes, place, line, factor, look, size=1.5, elinewidth=look.line, zorder=3)
    places = sorted({axis.at(line.group) for line in panel.lines})
    if min(places) > 0 and max(places) > 10 * min(places):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if len(places) <= 7:
        axes.set_xticks(places, [f"{value:g}" for value in places])
        axes.minorticks_off()
    _publish(axes, panel, factor, look)
    _dress(axes, f"{panel.metric}, last", axis.name, look)
    if axis.asked and look.direct:
        _name(axes, [(axis.at(lines[-1].group), lines) for lines in joined], factor, look, height)


def _publish(axes: Axes, panel: Panel, factor: float, look: Look) -> None:
    """The published number as a dashed line, named on it where there is no legend."""
    if panel.claim is None:
        return
    label = panel.claim.line
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
