"""torch's own rules as the loop wants them: fused, with the rate in a tensor that it fills, ready for a CUDA graph."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


def sgd(parameters: Sequence[nn.Parameter]) -> torch.optim.SGD:
    """w ← w − ε ∂E/∂w."""
    rule = torch.optim.SGD(parameters, lr=parameters[0].new_zeros(()), fused=True)
    for group in rule.param_groups:
        group["capturable"] = parameters[0].is_cuda  # fused it is, and torch asks every rule
    return rule


def adam(parameters: Sequence[nn.Parameter], first: float = 0.9) -> torch.optim.Adam:
    """Kingma and Ba 2014; `first` is β₁."""
    rate, on_cuda = parameters[0].new_zeros(()), parameters[0].is_cuda
    return torch.optim.Adam(parameters, lr=rate, betas=(first, 0.999), fused=True, capturable=on_cuda)
