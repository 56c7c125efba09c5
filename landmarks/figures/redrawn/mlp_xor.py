"""Chauvin's line of PDP, p. 333: mean sweeps to learn XOR against the number of hidden units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from landmarks.cards.mlp_xor import CHAUVIN
from landmarks.figures.inline import PAPER, Drawing, dot, interval, name_ours, size
from landmarks.pages import words
from landmarks.rules import solved

if TYPE_CHECKING:
    from landmarks.pages.chapters import Chapter


def drawings(chapter: Chapter) -> Iterator[Drawing]:
    """280 − 33 log₂ H, and our means with their intervals."""
    found = [o for o in chapter.outcomes.values() if o.claim.kind == "time" and CHAUVIN in o.claim.overrides]
    figure, told = size(2.6), []
    axes = figure.subplots()
    units = [_hidden(outcome.claim.overrides) for outcome in found]
    line = np.array([min(units), max(units)])
    axes.plot(line, 280 - 33 * np.log2(line), color=PAPER, linestyle="--", linewidth=1.3, label="280 − 33 log₂ H")
    for hidden, outcome in zip(units, found, strict=True):
        told.append(f"{hidden} hidden units: paper {words.paper(outcome.claim)}")
        runs = chapter.measured(outcome.claim)
        if len(times := solved(runs)) > 1:
            mean, half = float(times.mean()), 1.96 * float(times.std(ddof=1)) / len(times) ** 0.5
            told[-1] += f", ours {mean:.0f} ± {half:.0f} sweeps over {len(times):,} of {len(runs):,} that solve it"
            interval(axes, [hidden, hidden], [mean - half, mean + half])
            dot(axes, hidden, mean)
    name_ours(axes, "ours, of those that solve it")
    axes.set_xscale("log", base=2)
    axes.set_xticks(units, [str(hidden) for hidden in units])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("hidden units H")
    axes.set_ylabel("mean sweeps")
    axes.grid(axis="y")
    axes.legend(loc="best")
    yield Drawing("Chauvin's line, drawn again", f"Chauvin's line. {'; '.join(told)}.", figure)


def _hidden(overrides: tuple[str, ...]) -> int:
    return next(int(word.partition("=")[2]) for word in overrides if word.startswith("model.hidden="))
