"""Whether the heavy parts of a step go through `torch.compile`: the one place that decides, and says why.

A milestone names these parts (`Milestone.compiled`). Compiled they give the same numbers up to rounding, after a minute
of compilation; so `compile=auto` takes them for training that is long enough to repay it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from landmarks import ranks
from landmarks.errors import UsageError
from landmarks.milestone import Milestone

REPAYS = {"cpu": 5e13, "cuda": 1e15}
"""From so many multiply-adds of training on. On two CPU cores a ResNet-20 makes 5e13 in ten minutes, of which compiled
parts save one; on a large GPU it makes 1e15 in about as long."""
FORWARD_AND_BACKWARD = 3
"""The way back takes two products for each of the way there."""


class Choice(NamedTuple):
    """Whether parts are compiled, and the reason in a few words."""

    compiled: bool
    why: str


def check(milestone: Milestone, device: torch.device) -> None:
    """Before a run has a folder: raise UsageError where compile=true cannot be had."""
    if milestone.config.compile is True and (reason := _impossible(milestone, device)):
        raise UsageError(f"compile=true: {reason}; leave it at auto")


def choose(
    milestone: Milestone, device: torch.device, patterns: Callable[[], int], before: bool | None = None
) -> Choice:
    """What `compile` comes to for a training that sees so many patterns; a resumed run obeys what it chose `before`."""
    asked = milestone.config.compile if before is None else before
    if reason := _impossible(milestone, device):
        return Choice(False, reason)
    if asked != "auto":
        return Choice(asked, "as asked" if before is None else "as before")
    work = FORWARD_AND_BACKWARD * patterns() * sum(layer.multiply_adds or 0 for layer in milestone.layers())
    enough = REPAYS[device.type]
    repaid = work >= enough
    how = "long enough" if repaid else "too short"
    return Choice(repaid, f"training is {how} to repay it ({work:.0e} multiply-adds; from {enough:.0e} on)")


def apply(milestone: Milestone, warn: Callable[[str], None]) -> None:
    """Put compiled parts in the place of the milestone's own; names and weights stay as they are."""
    for name in milestone.compiled:
        part: Any = milestone.get_submodule(name)
        part.forward = Compiled(part.forward, warn)


class Compiled:
    """A part's forward pass, compiled for the batches of training: they have a graph, and the shape of the largest.

    What is only measured, and the last, shorter batch of an epoch, takes the plain way: each other shape would be a
    minute of its own. Where the compiler fails, all goes the plain way, with one warning.
    """

    def __init__(self, plain: Callable[[Tensor], Tensor], warn: Callable[[str], None]) -> None:
        self.plain, self.warn = plain, warn
        self.fast = torch.compile(plain, dynamic=False, fullgraph=True)
        self.shape: torch.Size | None = None

    def __call__(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return self.plain(x)
        if self.shape is None or x.shape[0] > self.shape[0]:  # a run may go on with the last batch of an epoch
            self.shape = x.shape
        if x.shape != self.shape:
            return self.plain(x)
        try:
            return self.fast(x)
        except torch._dynamo.exc.TorchDynamoException as error:
            said = str(error).strip().splitlines()[0]
            self.warn(f"compile: goes on without, for torch.compile failed ({said})")
            self.fast = self.plain
            return self.plain(x)


def _impossible(milestone: Milestone, device: torch.device) -> str:
    """Why nothing can be compiled here, or nothing."""
    if not milestone.compiled:
        return f"{milestone.config.milestone} names nothing that gains by it"
    if ranks.world > 1:
        return "not where processes share the batches"
    if device.type not in REPAYS:
        return f"not for {device.type}"
    compiler = os.environ.get("CXX", "c++" if shutil.which("c++") else "g++")
    if device.type == "cpu" and shutil.which(compiler) is None:
        return f"there is no C++ compiler here ({compiler})"
    return ""
