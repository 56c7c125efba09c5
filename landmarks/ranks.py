"""The only place that knows processes: those that torchrun has started to make one run together.

Each learns from its rows of every batch, and gradients are added up, so that the same batch gives the same weights up
to the order of sums, whatever the number of processes. The first one alone writes and speaks. One process pays nothing
for any of this: `world` is 1, and torch.distributed is never asked. Importing this imports no torch.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from landmarks.errors import LandmarksError, Lost, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from landmarks.milestone import Data, Milestone

T = TypeVar("T")
PATIENCE = timedelta(minutes=30)
"""How long a process waits for one that neither answers nor has ended."""
STRETCH = 0.5
"""About so many seconds of training pass until the processes ask one another whether to stop."""
MEETING = 2.0
"""Seconds that the first process may come later to a refusal of all."""
SPEAKING = 10.0
"""Seconds that another process may take to say why all have failed."""
WANTED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def launched() -> bool:
    """Whether torchrun has started several processes, of which this is one."""
    return all(os.environ.get(name) for name in WANTED) and int(os.environ["WORLD_SIZE"]) > 1


rank = int(os.environ["RANK"]) if launched() else 0
local = int(os.environ["LOCAL_RANK"]) if launched() else 0
"""The number of this process on its machine."""
first = rank == 0
"""Whether this process writes and speaks."""
world = 1
"""How many processes make this run: more than one from `begin` on."""
_store: Any = None


def begin() -> None:
    """Meet the other processes, where there are any. Raises LandmarksError where they do not find one another."""
    global world, _store
    if not launched() or world > 1:
        return
    import torch
    import torch.distributed as dist

    if dist.is_initialized():
        raise LandmarksError(
            "this process shares another program's work already; run landmarks by torchrun -m landmarks"
        )
    cuda = torch.cuda.is_available() and dist.is_nccl_available()
    try:
        _store, _, count = next(dist.rendezvous("env://", timeout=PATIENCE))  # type: ignore[attr-defined]
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if cuda else "gloo",
            store=dist.PrefixStore("run", _store),  # type: ignore[attr-defined]
            rank=rank, world_size=count, timeout=PATIENCE,
        )  # fmt: skip
    except RuntimeError as error:
        raise LandmarksError(f"the processes do not find one another: {str(error).splitlines()[0]}") from error
    world = count
    atexit.register(_leave)


def _leave() -> None:
    """Take leave of the other processes, who hear of it at once."""
    import torch.distributed as dist

    if dist.is_initialized():
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()


def check(milestone: Milestone, data: Data) -> None:
    """Raise UsageError where several processes cannot share this run."""
    name, phases, remedy = milestone.config.milestone, milestone.phases(), "run it without torchrun"
    if milestone.undivided:
        raise UsageError(f"{name}: {milestone.undivided}; {remedy}")
    if not phases:
        raise UsageError(f"{name}: nothing is learned, so processes have nothing to share; {remedy}")
    for phase in phases:
        size = phase.batch_size or len(data.splits[phase.data].x)
        if size < world:
            raise UsageError(
                f"{name}: a batch of {size} cannot be shared by {world} processes; give a larger batch_size,"
                f" or {remedy}"
            )


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """What is done inside is no business of the other processes."""
    global world
    before, world = world, 1
    try:
        yield
    finally:
        world = before


class Rows(NamedTuple):
    """This process's rows [start, stop) of a batch of `total`; `share` is what part of the batch they are.

    Where there are fewer rows than processes, the last processes have none: they take part with a row that counts for
    nothing.
    """

    start: int
    stop: int
    total: int
    share: float

    @property
    def patterns(self) -> int:
        """How many patterns there really are among them."""
        return self.stop - self.start if self.share else 0


rows: Rows | None = None
"""This process's rows of the batch that is in work; None where it works for itself."""


def part(total: int) -> Rows:
    """The rows of a batch of `total` that this process has: as many as any other, or one less."""
    size, over = divmod(total, world)
    start = rank * size + min(rank, over)
    stop = start + size + (rank < over)
    return Rows(start, stop, total, (stop - start) / total) if start < stop else Rows(0, 1, total, 0.0)


@contextlib.contextmanager
def dividing(total: int) -> Iterator[Rows]:
    """Within it a batch of so many rows is in work, of which this process has its own."""
    global rows
    rows = part(total)
    try:
        yield rows
    finally:
        rows = None


def mean(value: Tensor) -> Tensor:
    """The mean over the batch in work, of what is a mean over this process's rows."""
    return value if rows is None else summed(value.detach() * rows.share)


def size(x: Tensor) -> int:
    """How many patterns the batch in work has, of which x (B, …) are this process's."""
    return len(x) if rows is None else rows.total


def combined(gradients: Sequence[Tensor]) -> Sequence[Tensor]:
    """Gradients summed over the processes, as one flat tensor."""
    if rows is None:
        return gradients
    import torch

    flat = summed(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    return [found.view(gradient.shape) for found, gradient in zip(parts, gradients, strict=True)]


def summed(value: Tensor) -> Tensor:
    """`value`, to which those of the other processes are added."""
    import torch.distributed as dist

    _heard(lambda: dist.all_reduce(value))
    return value


def largest(*numbers: float) -> list[float]:
    """The largest of each number over the processes; no device is waited for."""
    import torch
    import torch.distributed as dist

    found = torch.tensor(numbers, dtype=torch.float64)
    _heard(lambda: dist.all_reduce(found, dist.ReduceOp.MAX))
    return found.tolist()


def gathered(value: T) -> list[T]:
    """What each process has, in their order."""
    if world == 1:
        return [value]
    import torch.distributed as dist

    found: list[Any] = [None] * world
    _heard(lambda: dist.all_gather_object(found, value))
    return found


def means(sums: Mapping[str, tuple[float, int]]) -> dict[str, float]:
    """Sums and counts of all processes' parts, added up and divided."""
    every = gathered(dict(sums))
    names = dict.fromkeys(name for found in every for name in found)
    totals = {name: [sum(side) for side in zip(*(f[name] for f in every if name in f), strict=True)] for name in names}
    return {name: value / count for name, (value, count) in totals.items()}


def of_first(work: Callable[[], T]) -> T:
    """What the first process makes, for all; where that fails, it fails for all. Raises what `work` raises."""
    if world == 1:
        return work()
    import torch.distributed as dist

    answer: list[Any] = [None, None]
    if rank == 0:
        try:
            answer[0] = work()
        except LandmarksError as error:
            answer[1] = error
    _heard(lambda: dist.broadcast_object_list(answer))
    if answer[1] is not None:
        raise answer[1]
    return answer[0]  # type: ignore[no-any-return]


def in_turn(work: Callable[[], T]) -> T:
    """What each process makes for itself, one on each machine before the others, as it may download or unpack.

    Where one fails, all do. Raises what `work` raises.
    """
    if world == 1:
        return work()
    early = _together(work if local == 0 else lambda: None)
    late = _together(work if local else lambda: None)
    return late if local else early  # type: ignore[return-value]


def _together(work: Callable[[], T]) -> T:
    try:
        found = work()
    except LandmarksError as error:
        gathered(error)
        raise
    except Exception as error:
        gathered(LandmarksError(f"process {rank}: {type(error).__name__}: {error}"))
        raise
    for failed in gathered(cast("LandmarksError | None", None)):
        if failed is not None:
            raise failed
    return found


@contextlib.contextmanager
def by_first(held: contextlib.AbstractContextManager[Any]) -> Iterator[None]:
    """The first process holds something for all. Raises on all what entering raises."""
    with contextlib.ExitStack() as stack:
        of_first(lambda: bool(stack.enter_context(held)))
        yield


def wait() -> None:
    """Until all processes are here."""
    gathered(None)


def leave_word(place: str, said: str) -> None:
    """Why this process fails alone, for the first one, which else sees only that it has gone."""
    if world > 1 and not first:
        with contextlib.suppress(RuntimeError):
            _store.set(f"word/{place}", f"process {rank}: {said}")


def word(place: str) -> str:
    """What a process has left that failed; else that one has ended. Without the first process none can be heard."""
    with contextlib.suppress(RuntimeError):
        if rank == 0 and _store.check([f"word/{place}"]):
            return str(_store.get(f"word/{place}").decode())
    return f"one of its {world} processes has ended, or cannot be reached"


def give_way() -> bool:
    """Leave, so that the first process hears of it and speaks, and wait for that: then torchrun may end all.

    Returns whether it has spoken; it may wait for its device, and hear nothing.
    """
    if _store is None:  # what is wrong before processes meet is wrong for all
        time.sleep(MEETING * ("TORCHELASTIC_RUN_ID" in os.environ))
        return True
    _leave()
    try:
        _store.wait(["spoken"], timedelta(seconds=SPEAKING))
    except RuntimeError:
        return False
    return True


def spoken() -> None:
    """The first process has said why all end."""
    if world > 1:
        with contextlib.suppress(RuntimeError):
            _store.set("spoken", "yes")


def take_over() -> None:
    """The first process has gone: this one writes and speaks from here on."""
    global first
    first = True


def _heard(exchange: Callable[[], Any]) -> None:
    """Raise Lost where another process does not take part."""
    import torch
    import torch.distributed as dist

    try:
        exchange()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        atexit.unregister(dist.destroy_process_group)  # it might wait for the one that has gone
        raise Lost(f"another process has ended, or cannot be reached: {str(error).splitlines()[0]}") from error
