"""Steepest descent with classical momentum, for any list of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Momentum:
    """v ← μ v − ε (∂E/∂w + λ w), w ← w + v (Polyak 1964), the parameters of a group in a few operations.

    Not `torch.optim.SGD`, whose velocity knows no rate: where ε or μ changes, the two rules differ. A group
    {"params", "decay", "times"} has a λ of its own (0 where none is given), and so many times the rate of the schedule.
    ε and μ are tensors on the device in `param_groups`: `lr`, which the loop fills, and `momentum`, which a milestone
    may fill.
    """

    def __init__(self, parameters: Iterable[nn.Parameter] | Iterable[Mapping[str, Any]], momentum: float) -> None:
        items: list[Any] = [*parameters]
        groups = items if isinstance(items[0], Mapping) else [{"params": items}]
        self.param_groups: list[dict[str, Any]] = []
        self.velocities: list[list[Tensor]] = []
        for group in groups:
            first = group["params"][0]
            tensors = {"lr": first.new_zeros(()), "momentum": first.new_full((), momentum)}
            self.param_groups.append({"decay": 0.0, "times": 1.0} | {**group} | tensors)
            self.velocities.append([torch.zeros_like(parameter) for parameter in group["params"]])

    @torch.no_grad()
    def step(self) -> None:
        for group, velocities in zip(self.param_groups, self.velocities, strict=True):
            self._move(group, velocities)

    def _move(self, group: dict[str, Any], v: Any) -> None:
        parameters: Any = group["params"]  # torch's own types do not tell these functions' overloads apart
        gradients: Any = [p.grad for p in parameters]
        if group["decay"]:
            gradients = torch._foreach_add(gradients, parameters, alpha=group["decay"])
        rate = group["lr"] if group["times"] == 1 else group["lr"] * group["times"]
        torch._foreach_mul_(v, group["momentum"])
        torch._foreach_sub_(v, torch._foreach_mul(gradients, rate))
        torch._foreach_add_(parameters, v)

    def state_dict(self) -> dict[str, Any]:
        return {"momentum": [group["momentum"] for group in self.param_groups], "velocities": self.velocities}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for group, momentum in zip(self.param_groups, state["momentum"], strict=True):
            group["momentum"].copy_(momentum)
        for velocities, stored in zip(self.velocities, state["velocities"], strict=True):
            for velocity, kept in zip(velocities, stored, strict=True):
                velocity.copy_(kept)
