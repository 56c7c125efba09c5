"""Curves in a terminal: braille characters, two columns and four rows of dots in each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from rich.console import Console, ConsoleOptions
from rich.text import Text

from landmarks import measures

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bit of each dot of a braille character, by column and row."""
Points = list[tuple[int, float]]


class Curves:
    """A line that says where a run is, and a chart of each curve; takes the size of the terminal when it is drawn."""

    def __init__(self, line: str, curves: Mapping[str, Points]) -> None:
        self.line = line
        self.curves = curves

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        shown = {name: points for name, points in self.curves.items() if points}
        beside = len(shown) if options.max_width >= 60 * len(shown) else 1
        room = (console.size.height - 2) // max(1, math.ceil(len(shown) / beside))
        width, height = options.max_width // beside - 2, min(room - 3, 14)
        if height >= 2 and width >= 30:
            charts = [chart(name, points, width, height) for name, points in shown.items()]
            for first in range(0, len(charts), beside):
                for row in zip(*charts[first : first + beside], strict=True):
                    yield Text("  ".join(row), no_wrap=True, overflow="crop")
        yield Text(self.line, no_wrap=True, overflow="ellipsis")


def chart(name: str, points: Points, width: int, height: int) -> list[str]:
    """`height` + 3 lines of `width` characters: name and last value, the curve with its range, the steps.

    The axis is logarithmic where all values are positive and span more than a factor of 10. Of the values that share a
    column of dots the mean is drawn, and columns between are joined.
    """
    at, values = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    low, high = float(values.min()), float(values.max())
    logarithmic = low > 0 and high > 10 * low
    ends = [measures.show(name, value) for value in (high, low)]
    margin = max(map(len, ends)) + 1
    columns, rows = 2 * (width - margin - 1), 4 * height
    x = np.rint((at - at[0]) / max(at[-1] - at[0], 1) * (columns - 1)).astype(int)
    taken, which = np.unique(x, return_inverse=True)
    means = np.bincount(which, values) / np.bincount(which)
    level, bottom, top = (np.log(v) if logarithmic else np.asarray(v) for v in (means, low, high))
    y = np.interp(np.arange(taken[0], taken[-1] + 1), taken, (top - level) / max(float(top - bottom), 1e-300))
    cells = np.zeros((height, width - margin - 1), dtype=int)
    heights = np.rint(y * (rows - 1)).astype(int) if top > bottom else np.full(len(y), rows // 2)
    before = heights[0]
    for column, row in enumerate(heights):
        for dot in range(min(row, before), max(row, before) + 1):
            cells[dot // 4, column // 2] |= DOTS[column % 2][dot % 4]
        before = row
    labels = [ends[0], *[""] * (height - 2), ends[1] if top > bottom else ""]
    body = [
        f"{label:>{margin - 1}} │" + "".join(chr(0x2800 + bits) for bits in row)
        for label, row in zip(labels, cells, strict=True)
    ]
    title = f"{name}  {measures.show(name, float(values[-1]))}{'  (logarithmic)' if logarithmic else ''}"
    first, last = f"{int(at[0]):,}", f"step {int(at[-1]):,}"
    foot = first + last.rjust(width - margin - 1 - len(first))
    lines = [
        " " * margin + " " + title,
        *body,
        " " * margin + "└" + "─" * (width - margin - 1),
        " " * margin + " " + foot,
    ]
    return [line[:width].ljust(width) for line in lines]
