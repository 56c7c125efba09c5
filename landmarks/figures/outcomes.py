"""What came out, drawn beside the paper: numbers with intervals, leads, times over replicas, curves over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from landmarks import measures
from landmarks.figures.inline import (
    INK,
    OTHER,
    OURS,
    PAGE,
    PAPER,
    Drawing,
    diamond,
    dot,
    interval,
    name_ours,
    name_paper,
    number,
    size,
)  # fmt: skip
from landmarks.pages import words
from landmarks.plots import logarithmic
from landmarks.rules import losses
from landmarks.thinning import has_course

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from landmarks.claims import Claim
    from landmarks.evidence import Outcome
    from landmarks.pages.chapters import Chapter
    from landmarks.records import Record

ROW, FRAME = 0.24, 0.95
"""Inches of a line of a figure, and of what is around the lines."""
STEPS = 150
"""Points of a distribution, at most."""


def overview(chapter: Chapter) -> Iterator[Drawing]:
    """Ours ± interval beside the paper's numbers, one figure a unit, and the leads of the contrasts."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in chapter.shown:
        claim = outcome.claim
        unit: str = claim.unit
        if claim.kind in ("value", "best", "time"):
            groups.setdefault(("Numbers", unit), []).append(outcome)
        elif claim.kind == "share":
            groups.setdefault(("Shares solved", unit), []).append(outcome)
        elif claim.kind == "contrast" and outcome.verdict.interval:
            groups.setdefault(("Contrasts", unit), []).append(outcome)
    for (title, unit), found in groups.items():
        named = {"%": "in %", "count": "counted"}.get(unit, f"in {unit}")
        yield (_leads if title == "Contrasts" else _numbers)(f"{title} ({named})", found)


def _numbers(title: str, outcomes: Sequence[Outcome]) -> Drawing:
    axes, told = _rows(title, outcomes), []
    edges = _reach(axes, [x for outcome in outcomes for x in _positions(outcome)])
    for y, outcome in enumerate(outcomes):
        claim, found, factor = outcome.claim, outcome.verdict, _factor(outcome.claim)
        assert found.ours is not None
        low, high = found.interval or (found.ours, found.ours)
        ends = [factor * end if math.isfinite(end) else edge for end, edge in ((low, edges[0]), (high, edges[1]))]
        interval(axes, ends, [y, y])
        for end, edge, sign in ((low, edges[0], "<"), (high, edges[1], ">")):
            if not math.isfinite(end):  # it goes on for ever
                axes.plot(edge, y, sign, color=OURS, markersize=7, clip_on=False, zorder=3)
        if math.isfinite(found.ours):
            dot(axes, factor * found.ours, y, found.counts)
        diamond(axes, factor * claim.published, y)
        told.append(f"{claim.id}: paper {words.paper(claim)}, ours {words.ours(claim, found)}")
    if outcomes[0].claim.kind != "share":
        axes.set_xlabel("line: where the paper's number would have to lie")
    _legend(axes, any(not o.verdict.counts for o in outcomes))
    return _drawing(title, "; ".join(told), axes)


def _leads(title: str, outcomes: Sequence[Outcome]) -> Drawing:
    axes, told = _rows(title, outcomes), []
    axes.axvline(0, color=INK, linewidth=0.9)
    for y, outcome in enumerate(outcomes):
        claim, found, factor = outcome.claim, outcome.verdict, _factor(outcome.claim)
        assert found.ours is not None
        assert found.interval is not None
        interval(axes, [factor * end for end in found.interval], [y, y])
        dot(axes, factor * found.ours, y)
        if claim.published:
            diamond(axes, factor * claim.published, y)
        told.append(f"{claim.id}: paper {words.paper(claim)}, ours {words.ours(claim, found)}")
    axes.set_xlabel("lead of the first arm, by Holm's level; right of 0 is as claimed")
    _legend(axes, False)
    return _drawing(title, "; ".join(told), axes)


def distribution(chapter: Chapter, claim: Claim) -> Drawing | None:
    """How many of our runs have met the criterion by when, with the paper's number; None below ten runs."""
    runs = chapter.measured(claim)
    if len(runs) < 10:
        return None
    times = np.sort(losses(claim, runs))
    solved = times[np.isfinite(times)]
    if not len(solved):
        return None
    shares = 100 * np.arange(1, len(solved) + 1) / len(times)
    kept = np.unique(np.linspace(0, len(solved) - 1, STEPS).round().astype(int))
    axes = _axes(2.5)
    axes.step(solved[kept], shares[kept], where="post", color=OURS, label=f"our {len(times):,} runs")
    axes.axvline(claim.published, color=PAPER, linestyle="--", linewidth=1.3, label=f"paper {claim.printed}")
    outcome = chapter.outcomes[claim.id]
    if claim.runs_behind > 1 and outcome.verdict.interval:
        reach = f"there a mean of {claim.runs_behind} would lie (95 %)"
        axes.axvspan(*outcome.verdict.interval, color=OURS, alpha=0.15, linewidth=0, label=reach)
    axes.set_ylim(0, 103)
    axes.set_ylabel("% of runs that are there")
    axes.set_xlabel(claim.unit)
    _reach(axes, [solved[0], solved[-1], claim.published])
    axes.grid(axis="y")
    axes.legend(loc="best")
    quarters = ", ".join(claim.amount(float(q), 3) for q in np.quantile(solved, (0.25, 0.5, 0.75)))
    told = (
        f"{len(solved):,} of {len(times):,} runs have met the criterion, a quarter, half and three quarters of them by"
        f" {quarters}; the paper's number is {claim.printed}"
    )
    return _drawing(f"{claim.id}: time to criterion", told, axes)


def course(chapter: Chapter, claims: Sequence[Claim]) -> Drawing | None:
    """Claims of the same runs and metric: its curve over seeds, and what the paper prints; None without a curve."""
    claim = claims[0]
    if not has_course(claim):
        return None
    arms = [[run for run in arm if claim.metric in run.curves] for arm in chapter.arms[claim.id]]
    if not any(arms):
        return None
    axes, told = _axes(2.5), []
    factor, unit = (100, " (%)") if measures.is_fraction(claim.metric) else (1, "")
    names = _names(claim)
    for records, colour, name in zip(arms, (OURS, OTHER), names, strict=False):
        told += _curves(axes, records, claim.metric, factor, colour, name)
    for each in claims if not claim.two_arms else ():
        if each.at is None:
            axes.axhline(factor * each.published, color=PAPER, linestyle="--", linewidth=1.2)
        else:
            diamond(axes, each.at, factor * each.published)
        told.append(f"paper, {each.id}: {words.paper(each)}" + (f" after {each.at}" if each.at is not None else ""))
    if not claim.two_arms:
        axes.plot([], [], "D--", color=PAPER, markerfacecolor="none", label="paper")
    first = next(run for arm in arms for run in arm)
    axes.set_xlabel("epochs" if "epoch" in first.curves[claim.metric] else "updates")
    axes.set_ylabel(claim.metric.replace("/", " ").replace("_", " ") + unit)
    axes.locator_params(axis="x", integer=True, nbins=6)
    axes.grid(axis="y")
    axes.legend(loc="best")
    ids = ", ".join(each.id for each in claims[:3]) + (" …" if len(claims) > 3 else "")
    return _drawing(f"{ids}: {claim.metric.partition('/')[2].replace('_', ' ')}", "; ".join(told), axes)


def _curves(axes: Axes, records: Sequence[Record], metric: str, factor: float, colour: str, name: str) -> list[str]:
    """Each seed's curve thinly, and their mean where they have a point in common; what they say, in words."""
    points: dict[float, list[float]] = {}
    for record in records:
        curve = record.curves[metric]
        at = curve.get("epoch", curve.get("step", []))
        axes.plot(at, [factor * v for v in curve["value"]], color=colour, linewidth=0.8, alpha=0.4)
        for x, value in zip(at, curve["value"], strict=True):
            points.setdefault(x, []).append(factor * value)
    if not points:
        return []
    common = {x: values for x, values in sorted(points.items()) if len(values) == len(records)}
    means = {x: float(np.mean(values)) for x, values in common.items()}
    label = f"{name}, {len(records)} seed{'s' * (len(records) > 1)}"
    axes.plot([*means], [*means.values()], color=colour, linewidth=1.8, label=label, marker="o", markersize=2.5)
    values = [v for each in common.values() for v in each]
    if factor == 100 and values and min(values) > 0 and max(values) > 10 * min(values):
        logarithmic(axes)
    if not means:
        return [label]
    (first, start), *_, (last, end) = [*means.items()] * 2
    return [f"{label}: mean {start:.3g} at {first:g}, {end:.3g} at {last:g}"]


def _names(claim: Claim) -> tuple[str, str]:
    """What tells the arms of a claim apart, as it is typed."""
    first = [word for word in claim.overrides if word not in claim.against]
    other = [word for word in claim.against if word not in claim.overrides]
    typed = " ".join(first) or "as published", " ".join(other) or "as published"
    return typed if claim.two_arms else ("ours", "")


def _factor(claim: Claim) -> float:
    """From the metric's unit to that of print."""
    return 100 if claim.unit == "%" else 1


def _positions(outcome: Outcome) -> list[float]:
    """Where a row of a figure has something."""
    found = outcome.verdict
    numbers = (found.ours, *(found.interval or ()), outcome.claim.published)
    return [_factor(outcome.claim) * x for x in numbers if x is not None and math.isfinite(x)]


def _reach(axes: Axes, numbers: Sequence[float]) -> tuple[float, float]:
    """From where to where an axis goes: logarithmic where the numbers on it span more than a factor of 5."""
    low, high = min(numbers), max(numbers)
    if low > 0 and high > 5 * low:
        few = "125" if high < 300 * low else "1"
        axes.set_xscale("log")
        for which in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            which(lambda value, _: number(value) if f"{value:.0e}"[0] in few else "")
        edges = low / 1.3, high * 1.3
    else:
        room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
        edges = low - room, high + room
        axes.xaxis.set_major_formatter(lambda value, _: number(value))
    axes.set_xlim(*edges)
    return edges


def _rows(title: str, outcomes: Sequence[Outcome]) -> Axes:
    """A panel with a line for each claim, the first on top."""
    axes = _axes(FRAME + ROW * len(outcomes))
    axes.set_yticks(range(len(outcomes)), [outcome.claim.id for outcome in outcomes])
    axes.set_ylim(len(outcomes) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.grid(axis="y", alpha=0.5)
    return axes


def _axes(height: float) -> Axes:
    return size(height).subplots()


def _legend(axes: Axes, elsewhere: bool) -> None:
    """What the signs of a figure are, above it."""
    name_ours(axes)
    name_paper(axes)
    if elsewhere:
        axes.plot([], [], "o", color=OURS, markerfacecolor=PAGE, markersize=5, label="not judged")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, handletextpad=0.5)


def _drawing(title: str, told: str, axes: Axes) -> Drawing:
    figure = axes.figure.get_figure(root=True)
    assert figure is not None
    return Drawing(title, f"{title}. {told}.", figure)
