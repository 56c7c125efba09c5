"""One figure: ours against a reference, in interleaved pairs (ABBA) of one process, the median of the rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch

Work = Callable[[], float]
"""Does a stretch of work and returns the seconds that one unit of it took (a step, a batch, a command)."""
Sense = Literal["at most", "at least"]
UNITS = {"s": 1.0, "ms": 1e3, "µs": 1e6, "ns": 1e9}


@dataclass(frozen=True)
class Row:
    """A line of the table. `make` gives ours and the reference, ready to go on as often as they are called.

    "at most": ours / reference, or with `difference` the seconds that ours takes more; "at least": so many times faster
    than the reference. `unit` ("ms a step") is that of the two times.
    """

    name: str
    what: str
    against: str
    target: float
    make: Callable[[], tuple[Work, Work]]
    sense: Sense = "at most"
    unit: str = "ms a step"
    difference: bool = False

    def compared(self, ours: float, reference: float) -> float:
        if self.difference:
            return ours - reference
        return ours / reference if self.sense == "at most" else reference / ours

    def reached(self, ratio: float) -> bool:
        return ratio <= self.target if self.sense == "at most" else ratio >= self.target


def measured(row: Row, rounds: int) -> dict[str, Any]:
    """The row's figures, as JSON has them. Each side works once before it is timed: what is compiled is so then."""
    ours, reference = row.make()
    ours(), reference()
    pairs = [_pair(ours, reference, swap=bool(i % 2)) for i in range(rounds)]
    ratios = [row.compared(*pair) for pair in pairs]
    ratio, scale = statistics.median(ratios), UNITS[row.unit.split()[0]]
    mine, other = (scale * statistics.median(times) for times in zip(*pairs, strict=True))
    found = {"name": row.name, "what": row.what, "against": row.against, "ours": mine, "reference": other}
    found |= {"unit": row.unit, "ratio": ratio, "low": min(ratios), "high": max(ratios), "difference": row.difference}
    found |= {"target": row.target, "sense": row.sense, "reached": row.reached(ratio)}
    return {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in found.items()}


def _pair(ours: Work, reference: Work, swap: bool) -> tuple[float, float]:
    """Both sides' times, of ABBA or BAAB."""
    first, second = (reference, ours) if swap else (ours, reference)
    a, b, b2, a2 = first(), second(), second(), first()
    outer, inner = (a + a2) / 2, (b + b2) / 2
    return (inner, outer) if swap else (outer, inner)


def repeated(step: Callable[[], object], times: int, threads: int | None = None) -> Work:
    """So many steps written by hand, on so many threads (None: as many as torch takes)."""

    def work() -> float:
        with on_threads(threads):
            start = time.perf_counter()
            for _ in range(times):
                step()
            return (time.perf_counter() - start) / times

    return work


@contextmanager
def on_threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
