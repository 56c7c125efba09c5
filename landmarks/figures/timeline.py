"""The picture of `landmarks timeline`: error by year, and under it what learning cost then and costs now."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, TextArea, VPacker
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import Bbox

from landmarks.data import digits5k
from landmarks.plots import ACCENT, INK, PALE
from landmarks.stations import ANY_DIGITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from landmarks.stations import Stop, Timeline

Floats = npt.NDArray[np.float64]


class Ground(NamedTuple):
    """The colours on a ground: of it, of what is read, of what is beside, of lines, of what is measured."""

    page: str
    ink: str
    pale: str
    line: str
    accent: str


LIGHT = Ground("#ffffff", INK, PALE, "#dfe3e8", ACCENT)
DARK = Ground("#0d1117", "#e6edf3", "#9aa5b5", "#2b323c", "#ff7b6b")
WIDTH, ROW, LINE, ABOVE, CHART = 10.0, 0.42, 0.22, 1.25, 4.35
"""Inches: of the picture, of a row of the table, of a line below it, of the title, of the chart."""
COLUMNS = (0.035, 0.105, 0.385, 0.61, 0.825, 0.965)
"""Where the columns of the table stand, the last two to the left of it, in shares of the width."""
AROUND = ((1, 1), (0, 1), (1, 0), (-1, -1), (0, -1), (-1, 1), (1, -1), (-1, 0))
"""Where a label may stand beside its point, the best place first."""
AWAY = (9, 16, 26, 40)
"""Points from it."""
INSET = (0.03, 0.06, 0.34, 0.3)
"""Where in the chart some of the digits stand: left, bottom, width, height, in shares of it."""


def light(timeline: Timeline) -> Figure:
    """On a white ground."""
    return draw(timeline, LIGHT)


def dark(timeline: Timeline) -> Figure:
    """On a dark ground."""
    return draw(timeline, DARK)


def draw(timeline: Timeline, ground: Ground) -> Figure:
    """Errors on a logarithmic axis by year, a bar from the best seed to the worst; a row for each milestone."""
    stops = timeline.stops
    small = textwrap.wrap(f"Networks: {timeline.networks}. 1,000 {ANY_DIGITS}.", 104)
    below = 0.35 + LINE * len(small)
    table = ROW * (len(stops) + 1) + below
    height = ABOVE + CHART + table
    figure = Figure(figsize=(WIDTH, height), facecolor=ground.page)
    seeds = len(stops[0].runs) if stops else 0
    trained, tested = (len(part) for part in digits5k.partition())
    figure.text(COLUMNS[0], 1 - 0.42 / height, "The same digits, each time by the rule of the day", color=ground.ink,
                fontsize=21, fontweight="bold", va="center")  # fmt: skip
    figure.text(COLUMNS[0], 1 - 0.83 / height, f"{trained:,} digits to learn from, the same {tested:,} to test,"
                f" {seeds} seeds: the share that is misread", color=ground.pale, fontsize=15, va="center")  # fmt: skip
    axes = figure.add_axes((0.075, (table + 0.35) / height, 0.9, (CHART - 0.4) / height), facecolor="none")
    _chart(axes, FigureCanvasAgg(figure), stops, ground)
    _table(figure, stops, ground, table / height, ROW / height)
    figure.text(COLUMNS[0], (below - 0.18) / height, "\n".join(small), color=ground.pale, fontsize=11.5, va="top",
                linespacing=1.35)  # fmt: skip
    return figure


def _chart(axes: Axes, canvas: FigureCanvasAgg, stops: Sequence[Stop], ground: Ground) -> None:
    """The errors in percent by year."""
    years, errors = np.array([stop.year for stop in stops]), 100 * np.array([stop.error for stop in stops])
    each = 100 * np.array([stop.errors for stop in stops])
    axes.set_yscale("log")
    low, high = each.min(initial=1), each.max(initial=10)
    axes.set(xlim=(years.min(initial=1958) - 4, years.max(initial=2015) + 7), ylim=(low / 1.5, high * 1.6))
    ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100) if low / 1.5 <= tick <= high * 1.6]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.tick_params(length=0, labelsize=14, labelcolor=ground.pale, pad=6)
    axes.grid(axis="y", color=ground.line, linewidth=1)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(ground.line)
    axes.plot(years, errors, color=ground.accent, alpha=0.35, linewidth=2, zorder=2)
    axes.vlines(
        years, each.min(1), each.max(1), color=ground.accent, alpha=0.45, linewidth=6, zorder=3, capstyle="round"
    )
    axes.plot(years, errors, "o", color=ground.accent, ms=10, mec=ground.page, mew=1.5, zorder=4)
    bars = np.column_stack([np.repeat(years, 9), np.linspace(each.min(1), each.max(1), 9).T.ravel()])
    _name(axes, canvas, stops, np.column_stack([years, errors]), bars, ground)
    _some_digits(axes, ground)


def _some_digits(axes: Axes, ground: Ground) -> None:
    """The first of each class among those to test, where errors that fall leave room."""
    shown = digits5k.partition()[1]
    first = [next(place for place in shown if digits5k.LABELS[place] == label) for label in range(10)]
    rows = digits5k.read()[first].reshape(2, 5, 28, 28).transpose(0, 2, 1, 3).reshape(56, 140)
    colour = np.broadcast_to(to_rgb(ground.ink), (*rows.shape, 3))
    inset = axes.inset_axes(INSET, facecolor=ground.page)
    inset.imshow(np.dstack([colour, 0.75 * rows / 255]), interpolation="bilinear")
    inset.set(xticks=[], yticks=[])
    inset.spines[:].set_visible(False)


def _name(
    axes: Axes, canvas: FigureCanvasAgg, stops: Sequence[Stop], points: Floats, spread: Floats, ground: Ground
) -> None:
    """The error and the name of each point, where they cover neither a point, nor the line, nor each other."""
    renderer, pixels = canvas.get_renderer(), axes.figure.dpi / 72  # type: ignore[no-untyped-call]
    at, steps = axes.transData.transform(points), np.linspace(0, 1, 60)[:, None]
    drawn = np.concatenate([axes.transData.transform(spread), *(a + steps * (b - a) for a, b in pairwise(at))])
    inside = axes.get_window_extent(renderer)
    taken = [Bbox.from_bounds(*INSET).transformed(axes.transAxes)]
    for stop, point, middle in zip(stops, points, at, strict=True):
        value = TextArea(f"{100 * stop.error:.1f} %", textprops={"color": ground.accent, "size": 17, "weight": "bold"})
        name = TextArea(stop.station.label, textprops={"color": ground.ink, "size": 14})
        both = VPacker(children=[value, name], pad=0, sep=3)
        both.set_figure(axes.figure)
        size = np.array(both.get_bbox(renderer).size)
        tried: list[tuple[float, int, int, int, Bbox]] = []
        for distance in AWAY:
            for right, up in AROUND:
                corner = middle + distance * pixels * np.array([right, up]) - size * (np.array([1 - right, 1 - up]) / 2)
                box = Bbox([corner, corner + size]).padded(4)
                covered = np.sum(np.all((drawn > box.min) & (drawn < box.max), 1))
                hidden = sum(box.overlaps(other) for other in taken)
                out = box.x0 < inside.x0 or box.x1 > inside.x1 or box.y0 < inside.y0
                tried.append((1000 * (hidden + 3 * out) + 30 * covered + len(tried), distance, right, up, box))
        _, distance, right, up, box = min(tried, key=lambda each: each[0])
        taken.append(box)
        both.align = ("right", "center", "left")[right + 1]
        where, align = (distance * right, distance * up), ((1 - right) / 2, (1 - up) / 2)
        axes.add_artist(AnnotationBbox(
            both, tuple(point), where, boxcoords="offset points", box_alignment=align, pad=0.1,
            bboxprops={"facecolor": ground.page, "edgecolor": "none", "alpha": 0.8},
        ))  # fmt: skip


def _table(figure: Figure, stops: Sequence[Stop], ground: Ground, top: float, row: float) -> None:
    """What learning took then, on the paper's own data, and takes now, on these digits."""
    aligned = ("left", "left", "left", "left", "right", "right")
    heads = ("", "", "then, on its own data", "", "now, one core", "multiply-adds")
    rows = [(str(s.year), s.station.label, s.station.machine or "–", s.station.took or "–", s.spent,
             _short(s.multiply_adds)) for s in stops]  # fmt: skip
    for i, cells in enumerate([heads, *rows]):
        y = top - (i + 0.5) * row
        for column, (x, text, side) in enumerate(zip(COLUMNS, cells, aligned, strict=True)):
            strong = i > 0 and column in (1, 4)
            colour = ground.ink if i > 0 and column > 0 else ground.pale
            figure.text(x, y, text, ha=side, va="center", color=colour, fontsize=14,
                        fontweight="bold" if strong else "normal")  # fmt: skip
        figure.add_artist(Line2D(COLUMNS[:: len(COLUMNS) - 1], [y - row / 2] * 2, color=ground.line, linewidth=1))


def _short(count: int) -> str:
    """So many, in thousands or millions."""
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"
