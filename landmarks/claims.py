"""What a milestone says of its paper, as data: claims, readings of what the paper leaves open, departures from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Claim:
    """A published statement and the metric of ours that speaks to it.

    `published` is in the metric's own unit (errors are fractions); `unit` says how it is printed.
    `source`: the number was `seen` in the paper, taken from a `secondary` source, or is `recalled`.
    """

    id: str
    says: str
    metric: str
    published: float
    where: str
    source: Literal["seen", "secondary", "recalled"]
    unit: Literal["%", "sweeps", "count"] = "%"
    better: Literal["low", "high"] = "low"

    def format(self, value: float) -> str:
        return f"{100 * value:.2f} %" if self.unit == "%" else f"{value:,.0f} {self.unit}"


@dataclass(frozen=True)
class Reading:
    """A point that the paper leaves open: the configuration key that decides it, what was chosen, and the evidence."""

    key: str
    question: str
    options: tuple[str, ...]
    evidence: str


@dataclass(frozen=True)
class Departure:
    """A place where a run differs from the paper. `applies` answers for a run's typed configuration."""

    id: str
    paper: str
    ours: str
    why: str
    applies: Callable[[Any], bool] = lambda config: True
