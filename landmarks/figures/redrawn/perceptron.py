"""Figure 10 of 1958: how often each system of reinforcement answers right, by stimuli to a response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from landmarks.cards.perceptron import FIGURE_10
from landmarks.figures.inline import GRID, Drawing, diamond, dot, interval, name_ours, name_paper, size
from landmarks.pages import words
from landmarks.parts.reinforcement import GREEK

if TYPE_CHECKING:
    from landmarks.pages.chapters import Chapter


def drawings(chapter: Chapter) -> Iterator[Drawing]:
    """The six points that the plot has at 10 and at 100 stimuli."""
    figure = size(2.6)
    panels, told = figure.subplots(1, 2, sharey=True), []
    counts = sorted({count for _, count in FIGURE_10})
    for axes, count in zip(panels, counts, strict=True):
        here = [(rule, chapter.outcomes[id]) for (rule, n), id in FIGURE_10.items() if n == count]
        for x, (rule, outcome) in enumerate(here):
            claim, found = outcome.claim, outcome.verdict
            told.append(f"{GREEK[rule]} at {count}: paper {words.paper(claim)}")
            if found.ours is not None:
                low, high = found.interval or (found.ours, found.ours)
                axes.bar(x, 100 * found.ours, color=GRID, width=0.6)
                interval(axes, [x, x], [100 * low, 100 * high])
                dot(axes, x, 100 * found.ours)
                told[-1] += f", ours {words.ours(claim, found)}"
            diamond(axes, x, 100 * claim.published)
        axes.set_xticks(range(len(here)), [GREEK[rule] for rule, _ in here])
        axes.set_xlabel(f"{count} stimuli to a response")
        axes.set_ylim(0, 108)
        axes.grid(axis="y")
    panels[0].set_ylabel("right answers (%)")
    name_ours(panels[0])
    name_paper(panels[0])
    panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    yield Drawing("Figure 10 of 1958, drawn again", f"Figure 10 of 1958. {'; '.join(told)}.", figure)
