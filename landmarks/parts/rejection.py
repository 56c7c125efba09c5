"""How a classifier errs that may refuse to answer: it rejects the patterns of which it is least sure (Fig. 10)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from landmarks import ranks

MOST = 200
"""One error in so many of the rest, 0.5 %, is what the paper's figure allows."""


def confidence(y: Tensor) -> Tensor:
    """How far the smallest of the penalties y (B, classes) is ahead of the next, (B,)."""
    smallest = y.topk(min(2, y.shape[-1]), largest=False).values
    return smallest[..., -1] - smallest[..., 0]


def gathered(judged: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Which patterns were wrong and how sure of each, (N,) both, of batch after batch and of all processes."""
    mine = [(wrong.cpu(), sure.cpu()) for wrong, sure in judged]
    every = [batch for found in ranks.gathered(mine) for batch in found]
    return torch.cat([wrong for wrong, _ in every]), torch.cat([sure for _, sure in every])


def kept(wrong: Tensor, sure: Tensor) -> tuple[Tensor, Tensor]:
    """How many patterns remain, (T,), and how many of those are wrong, (T,), from none rejected to all but the surest.

    A threshold rejects all that are less sure than it, so patterns that are equally sure go together. `wrong` and
    `sure` are (N,).
    """
    order = sure.argsort()
    first = torch.cat([sure.new_ones(1, dtype=torch.bool), sure[order].diff() > 0])
    errors = wrong[order].long().flip(0).cumsum(0).flip(0)
    left = torch.arange(len(sure), 0, -1, device=sure.device)
    return left[first], errors[first]


def rejected(wrong: Tensor, sure: Tensor) -> Tensor:
    """The smallest share of N patterns to reject so that at most 0.5 % of the rest are wrong; 1 where no rest is so."""
    left, errors = kept(wrong, sure)
    enough = torch.where(MOST * errors <= left, left, 0)
    return (len(sure) - enough.max()) / len(sure)
