"""Rates that stay the same for a while, as the papers give them: by passes, by steps, or until nothing falls more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Annotated

import torch
from torch import Tensor

from landmarks.errors import UsageError
from landmarks.settings import POSITIVE, Check

if TYPE_CHECKING:
    from landmarks.milestone import Data

ABOVE_ONE = Check("> 1", lambda value: value > 1)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A rate until so many passes, or steps, are completed; null: to the end."""

    until: Annotated[int, POSITIVE] | None
    rate: Annotated[float, POSITIVE]


def rate_at(stages: Sequence[Stage], passes: float) -> float:
    """The rate after so many passes, or steps; beyond the last stage still the last one."""
    return next((stage.rate for stage in stages if stage.until is None or passes < stage.until), stages[-1].rate)


def check_stages(stages: Sequence[Stage]) -> None:
    """Raise UsageError for a stage that never comes."""
    ends = [inf if stage.until is None else stage.until for stage in stages]
    if any(later <= earlier for earlier, later in pairwise(ends)):
        raise UsageError("schedule: every stage must end after the one before it; null, to the end, stands last")


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """The rate is divided by `by`, `times` times, whenever `patience` evaluations bring no lower validation error."""

    patience: Annotated[int, POSITIVE]
    by: Annotated[float, ABOVE_ONE]
    times: Annotated[int, POSITIVE]

    def check(self, data: Data) -> None:
        """Raise UsageError where nothing is held out to choose by."""
        if "valid" not in data.splits:
            raise UsageError(
                "optimizer.plateau: the rate falls by the error on held-out pictures, and there are none; give"
                " data.valid=N, a folder data.root with `train` and `val` in it, or optimizer.plateau=null"
            )

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
