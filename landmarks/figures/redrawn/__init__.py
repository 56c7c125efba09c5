"""The papers' own figures and tables, drawn again with our results: a module for each milestone that has some."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from landmarks.figures.inline import GRID, Drawing, dot, interval, name_ours, number, size
from landmarks.pages import words

if TYPE_CHECKING:
    from landmarks.evidence import Outcome
    from landmarks.pages.chapters import Chapter

ROW, FRAME = 0.2, 0.85
"""Inches of a bar, and of what is around the bars."""


class Table(NamedTuple):
    """Numbers that say more in rows than in a figure; the first cell of a row is its head."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def drawings(chapter: Chapter) -> Iterator[Drawing | Table]:
    """What is drawn again of a milestone's paper; nothing where no module is about it."""
    module = f"{__name__}.{chapter.entry.name}"
    if find_spec(module):
        yield from importlib.import_module(module).drawings(chapter)


def bars(title: str, rows: Sequence[tuple[str, Outcome]], unit: str) -> Drawing:
    """The paper's numbers as bars on a logarithmic axis, the first on top, and ours on them where there are some."""
    figure = size(FRAME + ROW * len(rows), 6.2)
    axes, told = figure.subplots(), []
    factor = 100 if rows[0][1].claim.unit == "%" else 1
    numbers = [factor * outcome.claim.published for _, outcome in rows]
    axes.barh(range(len(rows)), numbers, color=GRID, height=0.7, label="paper")
    for y, (name, outcome) in enumerate(rows):
        found = outcome.verdict
        reach = [numbers[y], *(factor * x for x in (found.ours, *(found.interval or ())) if x is not None)]
        axes.annotate(
            number(numbers[y]), (max(reach), y), (7, 0), textcoords="offset points", va="center", fontsize=7.5
        )
        told.append(f"{name}: paper {words.paper(outcome.claim)}")
        if found.ours is None:
            continue
        told[-1] += f", ours {words.ours(outcome.claim, found)}"
        if found.interval:
            interval(axes, [factor * end for end in found.interval], [y, y])
        dot(axes, factor * found.ours, y, found.counts)
    name_ours(axes)
    axes.set_xscale("log")
    axes.set_xlim(min(numbers) / 2, max(numbers) * 3)
    axes.xaxis.set_major_formatter(lambda value, _: number(value))
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(unit)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    return Drawing(title, f"{title}. {'; '.join(told)}.", figure)
