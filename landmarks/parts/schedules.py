"""Rates that stay the same for a while, as the papers give them: by passes, by steps, or until nothing falls more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from landmarks.settings import POSITIVE


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A rate until so many passes, or steps, are completed; null: to the end."""

    until: Annotated[int, POSITIVE] | None
    rate: Annotated[float, POSITIVE]


def rate_at(stages: Sequence[Stage], passes: float) -> float:
    """The rate after so many passes, or steps; beyond the last stage still the last one."""
    return next((stage.rate for stage in stages if stage.until is None or passes < stage.until), stages[-1].rate)


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """The rate is divided by `by`, `times` times, whenever `patience` evaluations bring no lower validation error."""

    patience: Annotated[int, POSITIVE]
    by: Annotated[float, POSITIVE]
    times: Annotated[int, POSITIVE]

    def falls(self, kept: dict[str, Tensor], error: float) -> bool:
        """Whether the rate is to be divided now; counts in `kept`, a milestone's `memory`."""
        found = torch.tensor(error, dtype=torch.float64)
        if "lowest" not in kept or found < kept["lowest"].cpu():
            kept |= {"lowest": found, "waited": torch.tensor(0)}
            kept.setdefault("fallen", torch.tensor(0))
            return False
        kept["waited"] = kept["waited"] + 1
        if kept["waited"] < self.patience or kept["fallen"] >= self.times:
            return False
        kept |= {"waited": torch.tensor(0), "fallen": kept["fallen"] + 1}
        return True
