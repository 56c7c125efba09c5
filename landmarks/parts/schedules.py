"""Rates that stay the same for a while, as the papers give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from landmarks.settings import POSITIVE


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A rate until so many passes are completed; null: to the end."""

    until: Annotated[int, POSITIVE] | None
    rate: Annotated[float, POSITIVE]


def rate_at(stages: Sequence[Stage], passes: float) -> float:
    """The rate after so many passes; beyond the last stage still the last one."""
    return next((stage.rate for stage in stages if stage.until is None or passes < stage.until), stages[-1].rate)
