"""The curves of a run that its claims are about, thinned to what a picture shows: small enough to be committed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from landmarks import plots
from landmarks.claims import Claim

MOST = 40
"""Points of a curve, its first and its last among them."""
DIGITS = 5
"""Significant digits of a value."""
Thinned = Mapping[str, list[float]]
"""`epoch`, or `step` where epochs are not the natural time, and `value`: two lists of equal length."""


def curves(lines: list[dict[str, Any]], wanted: Iterable[Claim]) -> dict[str, Thinned]:
    """Metric → its curve, for each metric of a claim that a run's log has more than once."""
    found: dict[str, Thinned] = {}
    for metric in dict.fromkeys(claim.metric for claim in wanted if has_course(claim)):
        there = [line for line in lines if math.isfinite(line.get(metric, math.nan))]
        unit = "epoch" if plots.in_epochs(there) else "step"
        last = {line[unit]: float(f"{line[metric]:.{DIGITS}g}") for line in there}  # the last one measured there
        if len(last) > 1:
            found[metric] = _thin(unit, sorted(last.items()))
    return found


def has_course(claim: Claim) -> bool:
    """Whether its metric has a course to be drawn: times, shares and counts are what they are at the end."""
    return claim.kind in ("value", "best", "contrast") and claim.unit not in ("sweeps", "sequences")


def _thin(unit: str, points: list[tuple[int, float]]) -> Thinned:
    """At most `MOST` points, evenly spread over those there are."""
    count = min(MOST, len(points))
    kept = [points[round(i * (len(points) - 1) / (count - 1))] for i in range(count)]
    return {unit: [at for at, _ in kept], "value": [value for _, value in kept]}
