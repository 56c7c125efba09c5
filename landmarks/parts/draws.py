"""What is drawn for the patterns of a batch, from torch's default generator, also where processes share the batch.

Each of them draws for all patterns and keeps what belongs to its own, so that no number depends on how many processes
there are, and their generators stand alike. With one process these are torch's own functions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from landmarks import ranks


def rand(*size: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
    """Uniform in [0, 1); the first of `size` counts patterns. With a generator given, for this process alone."""
    if ranks.rows is None or generator is not None:
        return torch.rand(*size, device=device, generator=generator)
    return _mine(torch.rand(*_whole(size), device=device))


def randn(*size: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
    """Normal; as above."""
    if ranks.rows is None or generator is not None:
        return torch.randn(*size, device=device, generator=generator)
    return _mine(torch.randn(*_whole(size), device=device))


def rand_like(x: Tensor) -> Tensor:
    """Uniform in [0, 1), of the shape and type of x (B, …), which lies contiguous."""
    return torch.rand_like(x) if ranks.rows is None else _mine(torch.rand_like(x.new_empty(_whole(x.shape))))


def randn_like(x: Tensor) -> Tensor:
    """Normal, of the shape and type of x (B, …)."""
    return torch.randn_like(x) if ranks.rows is None else _mine(torch.randn_like(x.new_empty(_whole(x.shape))))


def dropout(x: Tensor, p: float) -> Tensor:
    """x (B, …) with each number set to 0 with probability p, and else divided by 1 − p.

    Out of uniform draws: `F.dropout` takes twice as long on a CPU.
    """
    return x * (rand(*x.shape, device=x.device) >= p) / (1 - p)


def _whole(size: Any) -> Any:
    """The size for all patterns of the batch in work; where x holds two batches, of data and imitations, of both."""
    assert ranks.rows is not None
    return (size[0] // (ranks.rows.stop - ranks.rows.start) * ranks.rows.total, *size[1:])


def _mine(whole: Tensor) -> Tensor:
    """What belongs to this process's rows, of each of the batches that follow one another in `whole`."""
    assert ranks.rows is not None
    apart = whole.view(-1, ranks.rows.total, *whole.shape[1:])
    return apart[:, ranks.rows.start : ranks.rows.stop].flatten(0, 1)
