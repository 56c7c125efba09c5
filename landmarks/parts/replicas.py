"""What replicas of a small network share that learn side by side: their descent, and who met a criterion when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from landmarks.milestone import Scalars


class ReplicaDescent:
    """Δw = −ε ∂E/∂w for parameters with a leading R; where `learning` (R,) is false a replica keeps its weights.

    `clip` scales the gradient of a replica down to this norm at most (over all its weights together).
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning: Tensor, clip: float | None = None) -> None:
        self.parameters, self.learning, self.clip = [*parameters], learning, clip
        rate = torch.zeros((), device=learning.device)
        self.param_groups: list[dict[str, Any]] = [{"params": self.parameters, "lr": rate}]

    @torch.no_grad()
    def step(self) -> None:
        rate = self.param_groups[0]["lr"] * self.learning
        if self.clip is not None:
            norms = [p.grad.flatten(1).norm(dim=1) for p in self.parameters if p.grad is not None]
            rate = rate * (self.clip / torch.stack(norms).norm(dim=0).clamp(min=self.clip))
        rate = rate[:, None, None]
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.addcmul_(rate, parameter.grad, value=-1)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """It has none."""


def spread(name: str, values: Tensor) -> Scalars:
    """Quartiles and mean of what those replicas took that arrived, (n,): `name_q1`, `_median`, `_q3`, `_mean`."""
    quartiles = values.quantile(values.new_tensor([0.25, 0.5, 0.75]))
    found = dict(zip((f"{name}_q1", f"{name}_median", f"{name}_q3"), quartiles, strict=True))
    return found | {f"{name}_mean": values.mean()}


class Streak(nn.Module):
    """The last `window` sequences of each replica, and whether at most `wrong` of them were wrong.

    Buffers: `missed` (R, window), `error` (R, window) the mean absolute error of each, `seen`, how many there were, and
    `mistakes` (R,), the sum of `missed`.
    """

    missed: Tensor
    mistakes: Tensor
    error: Tensor
    seen: Tensor

    def __init__(self, replicas: int, window: int, wrong: int, limit: float | None) -> None:
        super().__init__()
        self.wrong, self.limit = wrong, limit
        self.register_buffer("missed", torch.ones(replicas, window, dtype=torch.bool))
        self.register_buffer("mistakes", torch.full((replicas,), window))
        self.register_buffer("error", torch.zeros(replicas, window))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def add(self, missed: Tensor, error: Tensor) -> tuple[Tensor, Tensor]:
        """Take in sequences (R, B); which replicas (R,) make few mistakes now, and which of them small errors as well.

        With `limit` None small errors are not asked for.
        """
        window = self.missed.shape[1]
        place = (self.seen + torch.arange(missed.shape[1], device=missed.device)) % window
        self.mistakes.add_(missed.sum(1) - self.missed[:, place].sum(1))
        self.missed[:, place], self.error[:, place] = missed, error
        self.seen.add_(missed.shape[1])
        few = (self.mistakes <= self.wrong) & (self.seen >= window)
        return few, few if self.limit is None else few & (self.error.mean(1) < self.limit)
