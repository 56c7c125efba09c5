"""Classifiers that are fitted at once, in closed form or by a solver of their own, and take no step.

Shapes: x (B, …) bytes, y (B,) classes; what a rival says of x is (B, 10), the largest for its answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landmarks.milestone import Layer

CLASSES = 10
CHUNK = 500
"""Patterns at a time: 60,000 distances to each are 30 million numbers."""


class Rival(nn.Module, ABC):
    """What is fitted stands in buffers, which are empty before and take any shape when a file is loaded."""

    def __init__(self, *fitted: str) -> None:
        super().__init__()
        for name in fitted:
            self.register_buffer(name, torch.empty(0))

    @property
    def fitted(self) -> bool:
        return all(buffer.numel() for buffer in self.buffers())

    def keep(self, **found: Tensor) -> None:
        """Put into the buffers what was fitted, real numbers as float32."""
        for name, tensor in found.items():
            tensor = tensor.float() if tensor.is_floating_point() else tensor
            setattr(self, name, tensor.to(self.get_buffer(name).device).contiguous())

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        for name, buffer in self.named_buffers(recurse=False):
            if (found := state_dict.get(prefix + name)) is not None:
                setattr(self, name, torch.empty_like(found, device=buffer.device))
        super()._load_from_state_dict(state_dict, prefix, *others)

    def check(self, y: Tensor) -> None:
        """Raise UsageError where patterns of the classes y (N,) are too few to be fitted to."""

    @abstractmethod
    def fit(self, x: Tensor, y: Tensor, draws: np.random.Generator) -> None:
        """Learn N patterns, on the CPU."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def rows(self) -> Sequence[Layer]:
        """The layer table, as far as it is known before patterns are fitted."""

    def seen(self) -> tuple[str, str, Tensor] | None:
        """What was fitted, as pictures: a file's name, a title, and (n, pixels); None where the data are all."""
        return None


def pixels(x: Tensor) -> Tensor:
    """In [0, 1], (B, pixels): of float64, but where there is none."""
    return x.flatten(1).to(torch.float32 if x.device.type == "mps" else torch.float64) / 255


def unit(x: Tensor) -> Tensor:
    """Pictures as vectors of length 1; one that is empty stays so."""
    return nn.functional.normalize(pixels(x), dim=1)
