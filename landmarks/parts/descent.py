"""torch's own rules as the loop wants them: fused, with the rate in a tensor that it fills, ready for a CUDA graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import nn

R = TypeVar("R", bound=torch.optim.Optimizer)


def sgd(parameters: Sequence[nn.Parameter]) -> torch.optim.SGD:
    """w ← w − ε ∂E/∂w."""
    rule = torch.optim.SGD(parameters, lr=parameters[0].new_zeros(()), fused=True)
    for group in rule.param_groups:
        group["capturable"] = parameters[0].is_cuda  # fused it is, and torch asks every rule
    return _careful(rule)


def adam(parameters: Sequence[nn.Parameter], first: float = 0.9) -> torch.optim.Adam:
    """Kingma and Ba 2014; `first` is β₁."""
    rate, on_cuda = parameters[0].new_zeros(()), parameters[0].is_cuda
    return _careful(torch.optim.Adam(parameters, lr=rate, betas=(first, 0.999), fused=True, capturable=on_cuda))


def _careful(rule: R) -> R:
    rule.register_step_pre_hook(_lay_out)
    return rule


def _lay_out(rule: torch.optim.Optimizer, arguments: Any, options: Any) -> None:
    """Bring gradients into their parameters' order in memory: fused on a CPU, torch takes it for granted unseen."""
    for group in rule.param_groups:
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is not None and gradient.stride() != parameter.stride():
                parameter.grad = torch.empty_like(parameter).copy_(gradient)
