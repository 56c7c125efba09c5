"""Steepest descent with classical momentum, for any list of parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Momentum:
    """v ← μ v − ε ∂E/∂w, w ← w + v (Polyak 1964), all parameters in a few operations.

    Not `torch.optim.SGD`, whose velocity knows no rate: where ε or μ changes, the two rules differ. Both are tensors on
    the device in `param_groups`: `lr`, which the loop fills, and `momentum`, which a milestone may fill.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], momentum: float) -> None:
        self.parameters = [*parameters]
        first = self.parameters[0]
        rate, inertia = first.new_zeros(()), first.new_full((), momentum)
        self.param_groups: list[dict[str, Any]] = [{"params": self.parameters, "lr": rate, "momentum": inertia}]
        self.velocities: list[Tensor] = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def step(self) -> None:
        group = self.param_groups[0]
        parameters: Any = self.parameters  # torch's own types do not tell these functions' overloads apart
        velocities: Any = self.velocities
        torch._foreach_mul_(velocities, group["momentum"])
        torch._foreach_sub_(velocities, torch._foreach_mul([p.grad for p in parameters], group["lr"]))
        torch._foreach_add_(parameters, velocities)

    def state_dict(self) -> dict[str, Any]:
        return {"momentum": self.param_groups[0]["momentum"], "velocities": self.velocities}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.param_groups[0]["momentum"].copy_(state["momentum"])
        for velocity, stored in zip(self.velocities, state["velocities"], strict=True):
            velocity.copy_(stored)
