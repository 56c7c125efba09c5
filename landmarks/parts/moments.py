"""What a generator drew at some moments of its training, in a memory of fixed size."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 12


def keep(memory: dict[str, Tensor], number: int, drawn: Tensor) -> None:
    """Add what was drawn (n, d) after evaluation `number` to `snapshots` (k, n, d), with its number in `moments` (k,).

    Once there are more than MOST, every other one goes, and from then on every other evaluation is kept.
    """
    moments = memory.get("moments", torch.zeros(0, dtype=torch.int64, device=drawn.device))
    every = int(moments[1] - moments[0]) if len(moments) > 1 else 1
    if number % every:
        return
    snapshots = torch.cat((memory.get("snapshots", drawn[None][:0]), drawn[None]))
    moments = torch.cat((moments, moments.new_tensor([number])))
    thinned = slice(None, None, 2 if len(moments) > MOST else 1)
    memory |= {"snapshots": snapshots[thinned].clone(), "moments": moments[thinned].clone()}
