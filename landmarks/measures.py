"""How numbers are printed. Fractions in every file are percent in print; this is the one place that knows which."""

from __future__ import annotations

OF_REPLICAS = ("solved", "unsolved", "faultless", "separated", "within_bound")
"""The share of the replicas of which something holds: a draw each, so it has Wilson's interval."""
FRACTIONS = ("error", "error_deviation", "right", "sure", "agreement", "correct", "covered", "rejected", *OF_REPLICAS)
"""The last word of a measure's name that says: between 0 and 1."""


def is_fraction(name: str) -> bool:
    """Whether `test/error`, `train_set/solved`, `test/error/3` (of replica 3), … is printed in percent."""
    return name.rstrip("/0123456789").endswith(FRACTIONS)


def of_one_replica(name: str) -> bool:
    """Whether it is a measure of one replica of several, which is kept and not printed."""
    return name.count("/") > 1


def show(name: str, value: float) -> str:
    """A value in the unit of print: 2.63 %, 1,234, 0.3271."""
    if is_fraction(name):
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 40 s, 3 min, 9 h."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} s"
