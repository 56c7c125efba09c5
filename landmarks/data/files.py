"""Pictures read from their files while a network learns: what stands for the tensor of a set too large for memory.

Processes of torch's DataLoader read ahead, one batch each, in an order that is given to them: a pure function of seed
and epoch, so that a run resumed within an epoch reads nothing of what lies before. So is what is drawn of a picture.
"""

from __future__ import annotations

import atexit
import itertools
import os
import signal
import sys
import warnings
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from landmarks import ranks
from landmarks.data import colour
from landmarks.errors import LandmarksError
from landmarks.milestone import Batch, Split
from landmarks.randomness import stream
from landmarks.settings import Scales

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Files:
    """Pictures (N, 3, side, side) in N files: `len`, `shape` and `x[rows]` as a uint8 tensor has them, `to` a device.

    To learn with `scales` squares (3, crop, crop) are cut out of them anew in each epoch. `names` are relative to
    `folder` and encoded, as memory that processes share. `unreadable`: names of those that were met and, with `skip`,
    left out; the splits of a set share it with `Data.unreadable`.
    """

    folder: Path
    names: npt.NDArray[np.bytes_]
    labels: Rows
    side: int
    scales: Scales | None = None
    workers: int = 0
    skip: bool = False
    device: torch.device = field(default_factory=partial(torch.device, "cpu"))
    unreadable: set[str] = field(default_factory=set)

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self), 3, self.side, self.side))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, rows: slice | Tensor) -> Tensor:
        """Pictures as a tensor on the device, read at once; with `skip` others of their class for the unreadable ones.

        Raises LandmarksError for the first that is unreadable.
        """
        chosen = np.arange(len(self))[rows if isinstance(rows, slice) else rows.cpu().numpy()]
        found = _Reader(self, (0, 0)).pictures(Wanted(chosen), replaced=True)
        if isinstance(found, LandmarksError):
            raise found
        self._leave_out(found[2])
        return found[0].to(self.device)

    def to(self, device: torch.device) -> Files:
        return replace(self, device=device)

    def path(self, row: int) -> Path:
        return self.folder / os.fsdecode(self.names[row])

    def identity(self) -> Iterator[bytes]:
        """What a checksum is taken of: every name, and the size of its file in bytes; not what is in it."""
        for row, name in enumerate(self.names):
            yield b"%b %d\n" % (name, self.path(row).stat().st_size)

    def batches(self, size: int, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """All pictures and their labels in order, so many at a time; with `skip` without those that cannot be read.

        Raises LandmarksError, also where none of them all can be read.
        """
        return self._in_order([np.arange(i, min(i + size, len(self))) for i in range(0, len(self), size)], y)

    def parts(self, size: int, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """As `batches`, of each what this of the processes has that share them."""
        batches = (np.arange(i, min(i + size, len(self))) for i in range(0, len(self), size))
        mine = [rows[part.start : part.stop] for rows in batches if (part := ranks.part(len(rows))).patterns]
        return self._in_order(mine, y)

    def _in_order(self, batches: Sequence[Rows], y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        count = 0
        for x, rows in self.read(map(Wanted, batches)):
            count += len(rows)
            yield x, y[rows.to(y.device)]
        if batches and not count:
            raise LandmarksError(f"{self.path(0)}: neither this nor any other picture of its split can be read")

    def read(self, wanted: Iterable[Wanted], seed: tuple[int, int] = (0, 0)) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches (B, 3, …) as they are wanted, on the device, read ahead by processes; and their rows (B,).

        Raises LandmarksError where a picture, or a process, cannot go on.
        """
        reading = self._read(wanted, seed)
        _open.add(reading)
        return reading

    def _read(self, wanted: Iterable[Wanted], seed: tuple[int, int]) -> Generator[tuple[Tensor, Tensor]]:
        reading = self._reading(wanted, seed)
        try:
            for found in reading:
                if isinstance(found, LandmarksError):
                    raise LandmarksError(str(found))  # `found` itself would be held by this frame, and hold it
                x, rows, unreadable = found
                self._leave_out(unreadable)
                yield x.to(self.device, non_blocking=True), rows
        except RuntimeError as error:
            raise lost(error) from error
        finally:
            if self.workers:
                reading._shutdown_workers()  # else Python might end them by SIGTERM, which they do not hear

    def _reading(self, wanted: Iterable[Wanted], seed: tuple[int, int]) -> Any:
        """An iterator over what processes read; SIGINT and SIGTERM are for the run, which they feed until it ends."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "This DataLoader will create")  # the number is the user's
                loader = DataLoader(
                    _Reader(self, seed),
                    batch_size=None,
                    sampler=wanted,
                    num_workers=self.workers,
                    collate_fn=_as_it_is,
                    pin_memory=self.device.type == "cuda",
                    generator=torch.Generator(),  # else it would draw from the one that training draws from
                )
                return iter(loader)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _leave_out(self, rows: Iterable[int]) -> None:
        """Say of each file once that it cannot be read."""
        for row in rows:
            if (name := os.fsdecode(self.names[row])) not in self.unreadable:
                self.unreadable.add(name)
                said = f"{self.path(row)}: cannot be read, and is left out ({len(self.unreadable)})"
                print(f"landmarks: {said}", file=sys.stderr)


class Wanted(NamedTuple):
    """A batch to read: which rows, and to learn in which epoch (None: to look at)."""

    rows: Rows
    epoch: int | None = None


class Stream:
    """Batches of files to learn from, in the order of `order(epoch)`; reading runs ahead, also into the next epoch.

    `count` is the length of an order; `shard` (rank, world): of each batch only this rank's part. An unreadable file is
    fatal, or with `skip` replaced by the next of its class, so that every batch has the size that it should.
    """

    def __init__(
        self,
        split: Split,
        order: Callable[[int], Tensor],
        count: int,
        size: int,
        seed: tuple[int, int] = (0, 0),
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        self.files, self.y = cast("Files", split.x), split.y
        self.order, self.count, self.size, self.seed, self.shard = order, count, size, seed, shard
        self.due: tuple[int, int] | None = None
        self.ahead: Iterator[tuple[Tensor, Tensor]] = iter(())

    def batch(self, epoch: int, position: int) -> Batch:
        """The batch at a place of an epoch; read in advance where it follows the last one. Raises LandmarksError."""
        if self.due != (epoch, position):
            wanted = _wanted(self.order, self.count, self.size, self.shard, (epoch, position))
            self.ahead = self.files.read(wanted, self.seed)
        x, rows = next(self.ahead)
        last = (position + 1) * self.size >= self.count
        self.due = (epoch + 1, 0) if last else (epoch, position + 1)
        return Batch(x, self.y[rows.to(self.y.device)])


def _wanted(
    order: Callable[[int], Tensor], count: int, size: int, shard: tuple[int, int], place: tuple[int, int]
) -> Iterator[Wanted]:
    """Batch after batch from a place on, without end.

    It knows nothing of the stream that it feeds: a circle would be taken apart late, and maybe by another process.
    """
    rank, world = shard
    for epoch in itertools.count(place[0]):
        rows = order(epoch).numpy()
        for start in range(place[1] * size if epoch == place[0] else 0, count, size):
            yield Wanted(np.array_split(rows[start : start + size], world)[rank], epoch)


class _Reader(Dataset[Any]):
    """Reads a batch: pictures, their rows, and what could not be read; an error is handed on as a value."""

    def __init__(self, files: Files, seed: tuple[int, int]) -> None:
        self.files, self.seed = files, seed

    def __getitem__(self, wanted: Wanted) -> tuple[Tensor, Tensor, list[int]] | LandmarksError:
        return self.pictures(wanted, replaced=wanted.epoch is not None)

    def pictures(self, wanted: Wanted, replaced: bool) -> tuple[Tensor, Tensor, list[int]] | LandmarksError:
        """With `skip` what cannot be read is left out, or `replaced` by the next of its class."""
        side = self.files.scales.crop if wanted.epoch is not None and self.files.scales else self.files.side
        x, rows, unreadable = np.empty((len(wanted.rows), 3, side, side), np.uint8), list[int](), list[int]()
        for row in wanted.rows:
            for candidate in self._candidates(row, replaced):
                try:
                    x[len(rows)] = self._picture(candidate, row, wanted.epoch)
                    rows.append(row)
                    break
                except LandmarksError as error:
                    if not self.files.skip:
                        return error
                    unreadable.append(candidate)
            else:
                if replaced:
                    return LandmarksError(f"{self.files.path(row).parent}: no picture of this class can be read")
        return torch.from_numpy(x[: len(rows)]), torch.tensor(rows, dtype=torch.int64), unreadable

    def _candidates(self, row: int, replaced: bool) -> Iterator[int]:
        """The picture itself; then those that may take its place: the others of its class, from the next one on."""
        yield row
        if replaced:
            same = np.flatnonzero(self.files.labels == self.files.labels[row])
            yield from np.roll(same, -1 - np.searchsorted(same, row))[:-1]

    def _picture(self, row: int, place: int, epoch: int | None) -> colour.Bytes:
        path, scales = self.files.path(row), self.files.scales
        if epoch is None or scales is None:
            return colour.read(path, self.files.side)
        return colour.cut(path, scales, stream(*self.seed, "training", epoch, place))


def lost(error: RuntimeError) -> Exception:
    """What is said where a reading process has ended, which torch may raise anywhere; any other error as it is."""
    if "DataLoader worker" not in str(error):
        return error
    return LandmarksError(
        "a process that reads pictures has ended (killed, or no memory left); go on with fewer (data.workers=0: none)"
    )


def _as_it_is(found: object) -> object:
    return found


_open: weakref.WeakSet[Generator[tuple[Tensor, Tensor]]] = weakref.WeakSet()


@atexit.register
def _close() -> None:
    """End the processes that still read ahead."""
    for reading in [*_open]:
        reading.close()
