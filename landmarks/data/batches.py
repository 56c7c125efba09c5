"""Batches of a set that lies on the device: by slice, out of a copy in the order of the epoch; or out of files."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch

from landmarks import ranks
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


class Shares:
    """Which places of an epoch's order are this process's, (n,), and where among them those of each batch begin."""

    def __init__(self, count: int, size: int) -> None:
        batches = torch.split(torch.arange(count), size)
        parts = [ranks.part(len(batch)) for batch in batches]
        mine = [batch[part.start :][: part.patterns] for batch, part in zip(batches, parts, strict=True)]
        self.places = torch.cat(mine)
        self.starts = [0, *itertools.accumulate(map(len, mine))]


ROOM = 2**28
"""Bytes at most of a copy of all patterns in the order of each replica."""


class Batches:
    """The batches of one phase; the order of an epoch is a pure function of (seed, replica, epoch).

    x (N, …) gives batches (B, …); where the milestone's parameters carry a leading R so do they, (R, B, …), each
    replica in an order of its own; x (R, N, …) where each has patterns of its own (`Data.own`). The last batch of an
    epoch may be shorter. Where every epoch has fresh patterns (`Data.fresh`), they are drawn when it begins. Where
    processes share the batches, (B, …), each has its rows of every one.
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
        self.stream: Stream | None = None
        if isinstance(first.x, Files):
            self.stream = Stream(first, self.order, self.count, self.size, seed, (ranks.rank, ranks.world))
        self.shares = Shares(self.count, self.size) if ranks.world > 1 else None

    def rows(self, position: int) -> int:
        """How many patterns the batch at a position of an epoch has, on all processes together."""
        return min(self.size, self.count - position * self.size)

    def begin(self, epoch: int) -> Callable[[int], Batch]:
        """A function from a position in this epoch to its batch."""
        if self.stream is not None:
            return self._taking_part(partial(self.stream.batch, epoch))
        if self.made is None or (self.changing and self.made[0] != epoch):
            x, y = self.patterns(epoch)
            copies = 0 if self.own or self.order.kind == "sequential" else self.replicas or 0
            large = copies * x.nbytes > ROOM
            made = self._chosen(x, y, epoch) if large else self._slices(*self._ordered(x, y, epoch))
            self.made = epoch, self._taking_part(made)
        return self.made[1]

    def _chosen(self, x: torch.Tensor, y: torch.Tensor, epoch: int) -> Callable[[int], Batch]:
        """Batches that are gathered one by one."""
        order, size = self.order(epoch).to(x.device), self.size
        return lambda i: Batch(*(side[order[:, i * size : (i + 1) * size]] for side in (x, y)))

    def _ordered(self, x: torch.Tensor, y: torch.Tensor, epoch: int) -> Split:
        if self.shares is not None:
            order = self.order(epoch)[self.shares.places].to(x.device)
            return Split(x[order], y[order])
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
        if self.shares is not None:
            starts = self.shares.starts
            return lambda i: Batch(x[starts[i] : starts[i + 1]], y[starts[i] : starts[i + 1]])
        if self.per_epoch == 1:
            whole = Batch(x, y)
            return lambda i: whole
        if self.replicas is None:
            return lambda i: Batch(x[i * size : (i + 1) * size], y[i * size : (i + 1) * size])
        return lambda i: Batch(x[:, i * size : (i + 1) * size], y[:, i * size : (i + 1) * size])

    def _taking_part(self, at: Callable[[int], Batch]) -> Callable[[int], Batch]:
        """A process that has no row of a batch takes part in it all the same, with zeros that count for nothing."""

        def part(position: int) -> Batch:
            batch = at(position)
            return batch if len(batch.x) else Batch(*(side.new_zeros(1, *side.shape[1:]) for side in batch))

        return at if ranks.world == 1 else part
