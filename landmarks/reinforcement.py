"""The perceptron of 1958 before error correction: forced responses, one value for each A-unit, α-, β- and γ-systems.

Rosenblatt, "The perceptron", Psychological Review 65(6), Table 1 and pp. 392–399. An A-unit belongs to the source-sets
of several responses. The correct response is forced and its source-set is dominant; values move whether the machine
would have answered right or not. Afterwards of two responses that one wins whose source-set, of the units that the
stimulus activates, has the larger sum (Σ-system) or mean (μ-system) of values.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from landmarks.randomness import stream

Rule = Literal["alpha", "beta", "gamma"]


def source_sets(units: int, responses: int, connected: float, seed: int, replica: int) -> Tensor:
    """Which A-units each response listens to, (responses, units) of 0 and 1, each with probability ω = `connected`."""
    drawn = stream(seed, replica, "weights").random((responses, units), dtype=np.float32) < connected
    return torch.from_numpy(drawn).float()


def gain(rule: Rule, active: Tensor, dominant: Tensor) -> Tensor:
    """What A-units gain, (…, A), over stimuli that activate `active` (…, N, A) and force `dominant` sets (…, N, A).

    Table 1. α: +1 for active units of the dominant set. β: each source-set gets K = 1 at each time, the dominant one
    shares it among its active units, the others among all theirs. γ: as α, and what the active units gain the inactive
    ones of the same set lose.
    """
    chosen = active * dominant
    if rule == "alpha":
        return chosen.sum(-2)
    size, working = dominant.sum(-1, keepdim=True), chosen.sum(-1, keepdim=True)
    if rule == "beta":
        return (chosen / working.clamp(min=1) + (1 - dominant) / size.clamp(min=1)).sum(-2)
    return (chosen - (dominant - chosen) * working / (size - working).clamp(min=1)).sum(-2)


def correct(value: Tensor, active: Tensor, sets: Tensor, response: Tensor, system: Literal["sum", "mean"]) -> Tensor:
    """The probability that the correct response beats another one, of all others alike, (R, N); a tie counts half.

    value (R, A), active (R or 1, N, A), sets (R, responses, A), response (N,).
    """
    strength = (active * value[:, None]) @ sets.transpose(1, 2)
    if system == "mean":
        strength /= (active @ sets.transpose(1, 2)).clamp(min=1)
    own = strength.gather(2, response.expand(len(sets), -1)[..., None])
    wins = (own > strength).float() + (own == strength).float() / 2
    return (wins.sum(2) - 0.5) / (sets.shape[1] - 1)  # its tie with itself
