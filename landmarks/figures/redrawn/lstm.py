"""Tables 1 to 9 of 1997: training sequences until a task is learned, as bars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from landmarks.figures.inline import Drawing
from landmarks.figures.redrawn import bars

if TYPE_CHECKING:
    from landmarks.pages.chapters import Chapter


def drawings(chapter: Chapter) -> Iterator[Drawing]:
    """Every mean time that the paper prints, ours where it was run."""
    rows = [
        (f"{outcome.claim.where}, {outcome.claim.id}", outcome)
        for outcome in chapter.outcomes.values()
        if outcome.claim.kind == "time" and outcome.claim.built
    ]
    yield bars("Tables 1 to 9, drawn again", rows, "training sequences until it is learned, on average")
