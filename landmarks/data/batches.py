"""Batches of a set that lies on the device: by slice, out of a copy in the order of the epoch; or out of files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch

from landmarks.data import splits
from landmarks.data.files import Files, Stream
from landmarks.errors import UsageError
from landmarks.milestone import Batch, Data, Milestone, Phase, Split
from landmarks.randomness import Orders
from landmarks.settings import Settings


@dataclass(frozen=True)
class Order:
    """Places of an epoch's patterns in their split, (N,), or (R, N) where each replica has an order of its own.

    `kept` are the places that there are to choose from (None: the first `count`).
    """

    kind: Literal["shuffled", "fixed", "sequential"]
    orders: Orders
    count: int
    replicated: bool
    kept: torch.Tensor | None

    def __call__(self, epoch: int) -> torch.Tensor:
        if self.kind == "sequential":
            return torch.arange(self.count) if self.kept is None else self.kept
        order = torch.from_numpy(self.orders.epoch(epoch if self.kind == "shuffled" else 0, self.count))
        order = order if self.replicated else order[0]
        return order if self.kept is None else self.kept[order]


class Batches:
    """The batches of one phase; the order of an epoch is a pure function of (seed, replica, epoch).

    x (N, …) gives batches (B, …); where the milestone's parameters carry a leading R so do they, (R, B, …), each
    replica in an order of its own; x (R, N, …) where each has patterns of its own (`Data.own`). The last batch of an
    epoch may be shorter. Where every epoch has fresh patterns (`Data.fresh`), they are drawn when it begins.
    Raises UsageError where a phase withholds more patterns than there are.
    """

    def __init__(self, phase: Phase, data: Data, milestone: Milestone, settings: Settings) -> None:
        self.own = data.own
        fresh = data.fresh if phase.data == "train" else None
        first = fresh(0) if fresh else data.splits[phase.data]
        self.patterns: Callable[[int], Split] = fresh or (lambda epoch: first)
        self.changing = fresh is not None or phase.order == "shuffled"
        self.count = first.x.shape[1 if self.own else 0]
        kept: torch.Tensor | None = None
        if phase.withheld:
            kept = torch.from_numpy(splits.permutation(self.count)[phase.withheld :]).sort().values
            if not len(kept):
                raise UsageError(f"of {self.count:,} patterns to learn from {phase.withheld:,} cannot be withheld")
            self.count = len(kept)
        self.size = phase.batch_size or self.count
        self.per_epoch = -(-self.count // self.size)
        self.replicas = settings.replicas if milestone.replicated else None
        orders = Orders(settings.seed, settings.replicas, settings.first_replica)
        self.order = Order(phase.order, orders, self.count, milestone.replicated, kept)
        self.made: tuple[int, Callable[[int], Batch]] | None = None
        seed = settings.seed, settings.first_replica
        self.stream = Stream(first, self.order, self.count, self.size, seed) if isinstance(first.x, Files) else None

    def begin(self, epoch: int) -> Callable[[int], Batch]:
        """A function from a position in this epoch to its batch."""
        if self.stream is not None:
            return partial(self.stream.batch, epoch)
        if self.made is None or (self.changing and self.made[0] != epoch):
            self.made = epoch, self._slices(*self._ordered(epoch))
        return self.made[1]

    def _ordered(self, epoch: int) -> Split:
        x, y = self.patterns(epoch)
        if self.order.kind == "sequential" and self.order.kept is None:
            if self.replicas is None or self.own:
                return Split(x, y)
            return Split(x.expand(self.replicas, *x.shape), y.expand(self.replicas, *y.shape))
        order = self.order(epoch).to(x.device)
        if self.own:
            replica = torch.arange(len(x), device=x.device)[:, None]
            return Split(x[replica, order], y[replica, order])
        return Split(x[order], y[order])

    def _slices(self, x: torch.Tensor, y: torch.Tensor) -> Callable[[int], Batch]:
        size = self.size
        if self.per_epoch == 1:
            whole = Batch(x, y)
            return lambda i: whole
        if self.replicas is None:
            return lambda i: Batch(x[i * size : (i + 1) * size], y[i * size : (i + 1) * size])
        return lambda i: Batch(x[:, i * size : (i + 1) * size], y[:, i * size : (i + 1) * size])
