"""All figures of a milestone's chapter, as markup: what is seen at once, and what opens."""

from __future__ import annotations

from collections.abc import Iterator

from landmarks.claims import Claim
from landmarks.figures import inline, outcomes, redrawn
from landmarks.pages.chapters import Chapter
from landmarks.pages.tags import Markup, table, tag


def figures(chapter: Chapter) -> tuple[list[Markup], list[Markup]]:
    """The overview and what is redrawn of the paper; then times over replicas and curves over seeds."""
    name = chapter.entry.name
    with inline.styled():
        shown = [*outcomes.overview(chapter), *redrawn.drawings(chapter)]
        first = [_figure(drawing, f"{name}-{i}") for i, drawing in enumerate(shown)]
        rest = [_figure(drawing, f"{name}-more-{i}") for i, drawing in enumerate(_more(chapter))]
    return first, rest


def _more(chapter: Chapter) -> Iterator[inline.Drawing]:
    """A distribution for each time to a criterion, and a curve for each metric and kind of run."""
    courses: dict[tuple[object, ...], list[Claim]] = {}
    for claim in chapter.measured_claims:
        if claim.kind == "time" and (drawing := outcomes.distribution(chapter, claim)):
            yield drawing
        courses.setdefault((claim.metric, claim.arms), []).append(claim)
    for claims in courses.values():
        if drawing := outcomes.course(chapter, claims):
            yield drawing


def _figure(drawing: inline.Drawing | redrawn.Table, name: str) -> Markup:
    if isinstance(drawing, redrawn.Table):
        return table([*drawing.head], [[*row] for row in drawing.rows], drawing.title)
    return tag("figure", tag("figcaption", drawing.title), Markup(inline.svg(drawing, name)))
