"""torch's fused rules behind their door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from landmarks.parts import descent


@pytest.mark.parametrize(("make", "plain"), [(descent.sgd, torch.optim.SGD), (descent.adam, torch.optim.Adam)])
def test_a_gradient_that_lies_otherwise_in_memory_reaches_its_own_weights(
    make: Callable[..., Any], plain: Callable[..., Any]
) -> None:
    """torch's fused kernels on a CPU go through both memories in parallel, whatever the strides say."""
    torch.manual_seed(0)
    start, gradients = torch.randn(4, 3, 5, 5), torch.randn(3, 4, 3, 5, 5)
    weights = []
    for rule_of in (lambda p: plain(p, lr=0.1), make):
        weight = nn.Parameter(start.clone())
        rule = rule_of([weight])
        for group in rule.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(0.1)
        for gradient in gradients:
            weight.grad = gradient.to(memory_format=torch.channels_last)
            rule.step()
        weights.append(weight.detach())
    assert torch.allclose(*weights, atol=1e-6)
