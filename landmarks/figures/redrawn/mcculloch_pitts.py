"""How many functions of one, two and three inputs a single unit computes, by what inhibition does to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from landmarks.figures.redrawn import Table
from landmarks.pages import words

if TYPE_CHECKING:
    from landmarks.pages.chapters import Chapter

ROWS = {"M6a": "absolute inhibition", "M6b": "… threshold 0 allowed", "M6c": "relative inhibition, any threshold"}


def drawings(chapter: Chapter) -> Iterator[Table]:
    """Counted by us, with what is proved or enumerated in brackets."""
    rows = []
    for id, said in ROWS.items():
        found = [chapter.outcomes[f"{id}{ending}"] for ending in ("-1", "-2", "")]
        cells = [f"{words.ours(o.claim, o.verdict) or 'not run'} ({words.paper(o.claim)})" for o in found]
        rows.append((said, *cells))
    head = ("one unit with", "of 1 input", "of 2 inputs", "of 3 inputs")
    yield Table("Functions that one unit computes: counted here (and as enumerated)", head, rows)
