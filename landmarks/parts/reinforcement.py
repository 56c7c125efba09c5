"""The perceptron of 1958 before error correction: forced responses, one value for each A-unit, α-, β- and γ-systems.

Rosenblatt, "The perceptron", Psychological Review 65(6), Table 1 and pp. 392–399. An A-unit belongs to the source-sets
of several responses. The correct response is forced and its source-set is dominant; values move whether the machine
would have answered right or not. Afterwards of two responses that one wins whose source-set, of the units that the
stimulus activates, has the larger sum (Σ-system) or mean (μ-system) of values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from landmarks.randomness import stream


def alpha(active: Tensor, dominant: Tensor) -> Tensor:
    """What A-units gain, (A,), over stimuli that activate `active` (N, A) and force `dominant` sets (N, A): Table 1.

    α: +1 for active units of the dominant set.
    """
    return (active * dominant).sum(0)


def beta(active: Tensor, dominant: Tensor) -> Tensor:
    """β: each source-set gets K = 1 at each time, the dominant one shares it among its active units, others among all
    theirs. Shapes as in `alpha`."""
    chosen = active * dominant
    size, working = dominant.sum(1, keepdim=True), chosen.sum(1, keepdim=True)
    return (chosen / working.clamp(min=1) + (1 - dominant) / size.clamp(min=1)).sum(0)


def gamma(active: Tensor, dominant: Tensor) -> Tensor:
    """γ: as α, and what the active units of a set gain its inactive ones lose. Shapes as in `alpha`."""
    chosen = active * dominant
    size, working = dominant.sum(1, keepdim=True), chosen.sum(1, keepdim=True)
    return (chosen - (dominant - chosen) * working / (size - working).clamp(min=1)).sum(0)


GAINS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"alpha": alpha, "beta": beta, "gamma": gamma}
GREEK = {"alpha": "α", "beta": "β", "gamma": "γ"}
"""How the paper writes them."""


class Responses(nn.Module):
    """The responses of one machine: to which A-units each listens, `sets` (responses, A), each with probability ω."""

    sets: Tensor

    def __init__(self, units: int, responses: int, connected: float, seed: int, replica: int) -> None:
        super().__init__()
        drawn = stream(seed, replica, "weights").random((responses, units), dtype=np.float32) < connected
        self.register_buffer("sets", torch.from_numpy(drawn).float(), persistent=False)

    def gain(self, rule: str, x: Tensor, y: Tensor) -> Tensor:
        """What the A-units gain, (A,), by stimuli x (N, A) whose responses y (N,) are forced; in any order."""
        return GAINS[rule](x.float(), self.sets[y])

    def correct(self, value: Tensor, x: Tensor, y: Tensor, system: Literal["sum", "mean"]) -> Tensor:
        """The probability that the response y (N,) to x (N, A) beats another one, of all others alike, (N,).

        value (A,); a tie counts half.
        """
        active = x.float()
        strength = (active * value) @ self.sets.T
        if system == "mean":
            strength /= (active @ self.sets.T).clamp(min=1)
        own = strength.gather(1, y[:, None])
        wins = (own > strength).float() + (own == strength).float() / 2
        return (wins.sum(1) - 0.5) / (len(self.sets) - 1)  # its tie with itself
