"""What each of several processes does for tests/test_ranks.py: some commands one after another, as one would type them.

    python -m tests.together PLACE '[{"words": ["run", …], "hit": {"rank": 1, "step": 13, "signal": 2}}, …]'

`hit`: a signal that one process sends itself in the middle of a step. PLACE/RANK.json has the exit codes after each.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from landmarks import catalog, cli, ranks
from landmarks.milestone import Batch, Milestone, Scalars
from landmarks.parts.synchronised import BatchNorm2d


def main() -> None:
    place, commands = Path(sys.argv[1]), json.loads(sys.argv[2])
    codes = []
    for command in commands:
        if command["words"] == ["normalise"]:
            normalise(place)
            continue
        with hit(command["words"][1], **command["hit"]) if "hit" in command else hit("", -1, 0, 0):
            codes.append(cli.main(command["words"]))
        (place / f"{ranks.rank}.json").write_text(json.dumps(codes))


@contextmanager
def hit(name: str, rank: int, step: int, signal: int) -> Iterator[None]:
    """Within it the process `rank` hits itself in a step of a milestone."""
    if rank != ranks.rank:
        yield
        return
    cls: Any = catalog.milestone_class(name)
    plain, made = cls.step, [0]

    def patched(self: Milestone, batch: Batch) -> Scalars:
        made[0] += 1
        if made[0] == step:
            os.kill(os.getpid(), signal)
        found: Scalars = plain(self, batch)
        return found

    cls.step = patched
    try:
        yield
    finally:
        cls.step = plain


def normalise(place: Path) -> None:
    """A layer that normalises, and its gradients, for this process's rows of batches."""
    found = [normalised(*batch) for batch in torch.load(place / "batches.pt", weights_only=True)]
    torch.save(found, place / f"normalised-{ranks.rank}.pt")


def normalised(x: Tensor, weight: Tensor, bias: Tensor, towards: Tensor) -> list[Tensor]:
    layer = BatchNorm2d(x.shape[1])
    layer.weight.data, layer.bias.data = weight, bias
    with ranks.dividing(len(x)) as mine:
        own = x[mine.start : mine.stop].clone().requires_grad_()
        y = layer(own)
        loss = (y * towards[mine.start : mine.stop]).sum((1, 2, 3)).mean() * mine.share
        gradients = torch.autograd.grad(loss, [own, layer.weight, layer.bias])
        summed = [*ranks.combined(gradients[1:])]
    assert mine.patterns or not gradients[0].any()
    return [y.detach()[: mine.patterns], gradients[0][: mine.patterns], *summed, *layer.buffers()]


if __name__ == "__main__":
    main()
