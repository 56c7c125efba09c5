"""Likelihood of what can only be sampled: a Gaussian window on every sample (Parzen 1962; Breuleux et al. 2011).

The estimate that Goodfellow et al. 2014 report (section 5, and `parzen_ll.py` of their code). It is poor in many
dimensions, as they say themselves, and may rank models wrongly (Theis et al. 2016): print anchors beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from landmarks import device as devices
from landmarks.settings import POSITIVE, Check

ROWS = 500
"""Patterns at a time: so many times as many distances as samples are held at once."""
TWO = Check(">= 2, for a standard error", lambda count: count >= 2)
POWER = Check("between -10 and 10", lambda power: -10 <= power <= 10)


@dataclass(frozen=True, kw_only=True)
class ParzenSettings:
    """How many `samples`; patterns that the width is `chosen_on` and the likelihood `measured_on`, at most; and how
    many `widths` there are to choose from, evenly in the logarithm from 10^from_power to 10^to_power."""

    samples: Annotated[int, POSITIVE]
    chosen_on: Annotated[int, POSITIVE]
    measured_on: Annotated[int, TWO]
    widths: Annotated[int, POSITIVE]
    from_power: Annotated[float, POWER]
    to_power: Annotated[float, POWER]

    def sigmas(self) -> Tensor:
        """(widths,)"""
        return torch.logspace(self.from_power, self.to_power, self.widths)


def log_densities(x: Tensor, samples: Tensor, sigmas: Tensor) -> Tensor:
    """log p of each pattern for every width, (S, N) in float64, in nats.

    x (N, d), samples (M, d), sigmas (S,); p(x) = 1/M Σ_j N(x; s_j, σ² I).
    """
    x, samples, widths = devices.exact(x), devices.exact(samples), devices.exact(sigmas).tolist()
    norms, found = samples.square().sum(1) / 2, []
    for part in torch.split(x, ROWS):
        halves = torch.addmm(norms, part, samples.T, alpha=-1).add_(part.square().sum(1, keepdim=True), alpha=0.5)
        halves.clamp_(min=0)  # ½|x − s|², which rounding may carry below zero where both are the same
        found.append(torch.stack([(halves * -(width**-2)).logsumexp(1) for width in widths]))
    scale = [math.log(len(samples)) + x.shape[1] * math.log(width * math.sqrt(2 * math.pi)) for width in widths]
    return torch.cat(found, 1) - x.new_tensor(scale)[:, None]


def fit(x: Tensor, samples: Tensor, sigmas: Tensor) -> Tensor:
    """The width, (), under which patterns x (N, d) that are held out are likeliest in the mean."""
    return sigmas.to(x.device)[log_densities(x, samples, sigmas).mean(1).argmax().to(x.device)]
