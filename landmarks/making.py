"""Making the runs of a plan: one after the other, several at once, each of them once whoever else is at it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from landmarks import execute
from landmarks.errors import Interrupted, LandmarksError
from landmarks.plan import Standing, Step
from landmarks.signals import Signals

PATIENCE = 5.0
"""Seconds in which a process whose parent was killed should have saved its run."""
TICK = 0.2


class Busy(LandmarksError):
    """Another process is at work on a run."""


class Made(NamedTuple):
    """A step and its finished run, or why there is none."""

    step: Step
    run: Path | LandmarksError


Began = Callable[[Step], None]


def make(steps: Iterable[Step], began: Began, jobs: int = 1, clean: bool = False) -> Iterator[Made]:
    """Make the runs of some steps, up to `jobs` at once; `began` hears of each one when it starts.

    The next step is taken when there is a place for it, so `steps` may end when time is up. After a run that fails the
    next one goes on. Raises Interrupted when all that were at work have saved.
    """
    if jobs > 1:
        yield from _side_by_side(iter(steps), began, jobs, clean)
        return
    for step in steps:
        began(step)
        try:
            yield Made(step, once(step, clean))
        except Interrupted:
            raise
        except LandmarksError as error:
            yield Made(step, error)


def once(step: Step, clean: bool = False) -> Path:
    """The finished run of a step: the one that stands, the one that was stopped and is gone on with, or a new one.

    Raises Busy where another living process is at work on it, and what a run raises.
    """
    with _alone(step):
        stands = Standing(step.root, [step.request.milestone], clean).of(step)
        status, folder = stands or ("", Path())
        if status == "running":
            raise Busy(f"{folder}: another process is at work on this run; it is left to it")
        if status == "finished":
            return folder
        return execute.resume(folder, quiet=True) if status else execute.start(step.composed, quiet=True)


@contextlib.contextmanager
def _alone(step: Step) -> Iterator[None]:
    """Hold a step against every other process that would make it below the same folder. Raises Busy."""
    path = Path(step.root) / ".making" / step.key
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise Busy(f"{step.request.title}: another process is at work on this run; it is left to it") from None
    except OSError as error:
        raise LandmarksError(
            f"{step.root}: the runs folder cannot be written ({error.strerror}); choose another with --runs DIR"
        ) from error
    try:
        yield
        path.unlink(missing_ok=True)  # whoever comes now finds the run finished
    finally:
        lock.release()


# Several at once, each in a process of its own


class _Lane:
    """A process that makes one run after the other, and stops when the other end of its pipe is closed or gone."""

    def __init__(self, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.reader, self.writer = context.Pipe(duplex=False)
        self.pool = ProcessPoolExecutor(1, context, _begin, (self.reader, threads))

    def submit(self, step: Step, clean: bool) -> Future[Path | tuple[str, str, int]]:
        return self.pool.submit(_work, step, clean)

    def close(self) -> None:
        self.writer.close()
        self.pool.shutdown(wait=True, cancel_futures=True)


def _begin(reader: Connection, threads: int) -> None:
    """In the new process: few threads, Ctrl-C left to the parent, and an end when that ends."""
    import torch

    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_listen, args=(reader,), daemon=True).start()


def _listen(reader: Connection) -> None:
    """When the parent has closed its end, or was killed: let the run save, then end."""
    with contextlib.suppress(EOFError, OSError):
        reader.recv()
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(2)


def _work(step: Step, clean: bool) -> Path | tuple[str, str, int]:
    """A run's folder, or its error as what can be sent: class, sentence, exit code."""
    try:
        return once(step, clean)
    except LandmarksError as error:
        return type(error).__name__, str(error), error.exit_code


def _side_by_side(steps: Iterator[Step], began: Began, jobs: int, clean: bool) -> Iterator[Made]:
    import torch

    threads = max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // jobs))
    idle, busy = [_Lane(threads) for _ in range(jobs)], dict[Future[Path | tuple[str, str, int]], tuple[_Lane, Step]]()
    try:
        with Signals() as signals:
            while True:
                while idle and not signals.asked and (step := next(steps, None)):
                    lane = idle.pop()
                    began(step)
                    busy[lane.submit(step, clean)] = lane, step
                if signals.asked:
                    raise _stopped([lane for lane, _ in busy.values()], list(busy), signals.asked)
                if not busy:
                    return
                for future in wait(busy, TICK, FIRST_COMPLETED).done:
                    lane, step = busy.pop(future)
                    idle.append(lane if future.exception() is None else _Lane(threads))
                    yield Made(step, _result(future))
    finally:
        for lane in (*idle, *(lane for lane, _ in busy.values())):
            lane.close()


def _stopped(lanes: list[_Lane], futures: list[Future[Path | tuple[str, str, int]]], number: int) -> Interrupted:
    """Let all that are at work save, and wait for it."""
    for lane in lanes:
        lane.writer.close()
    wait(futures)
    return Interrupted(f"interrupted, {len(futures)} runs saved", number)


def _result(future: Future[Path | tuple[str, str, int]]) -> Path | LandmarksError:
    """What a process has sent. Raises what no run should raise."""
    try:
        found = future.result()
    except BrokenProcessPool:
        return LandmarksError("its process was killed (out of memory?); the same command goes on with it")
    if isinstance(found, Path):
        return found
    kind, said, _ = found
    return Busy(said) if kind == "Busy" else LandmarksError(said)


# What is seen of it


class Progress(NamedTuple):
    """Hears when a run begins and when it has ended."""

    began: Began
    ended: Began


@contextlib.contextmanager
def progress(seconds: float, quiet: bool) -> Iterator[Progress]:
    """A bar in the seconds of the plan on a terminal, a line for each run elsewhere."""

    def nothing(step: Step) -> None:
        pass

    if quiet:
        yield Progress(nothing, nothing)
    elif not sys.stdout.isatty():
        yield Progress(lambda step: print(f"  {step.request.title}", flush=True), nothing)
    else:
        from rich.progress import Progress as Bar

        with Bar(transient=True) as bar:
            task = bar.add_task("", total=seconds)
            yield Progress(
                lambda step: bar.update(task, description=step.request.title),
                lambda step: bar.advance(task, step.request.seconds or 0.0),
            )
