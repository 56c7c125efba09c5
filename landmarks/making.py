"""Making the runs of a plan: one after the other, several at once, each of them once whoever else is at it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from landmarks import config, execute, plan
from landmarks.errors import Damaged, Interrupted, LandmarksError, NotFinite, UsageError
from landmarks.measures import duration
from landmarks.plan import Plan, Request, Standing, Step, diverged
from landmarks.signals import Signals

PATIENCE = 5.0
"""Seconds in which a process whose parent was killed should have saved its run."""
TICK = 0.2
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Of this computer, that this process may use."""
MOST = 8
"""Runs side by side where nobody says how many: each process takes 0.4 GB before it begins."""


class Busy(LandmarksError):
    """Another process is at work on a run."""


class Made(NamedTuple):
    """A step and its finished run, or why there is none."""

    step: Step
    run: Path | LandmarksError


Began = Callable[[Step], None]
Sent = Path | tuple[str, str]
"""What comes from another process: a run, or the class and the sentence of an error."""


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


def complete(plan: Plan, quiet: bool, jobs: int = 1) -> None:
    """Make a plan's missing runs, and say what is made and how long it should take.

    Raises what the first one that fails raises; those that were at work beside it have saved then. Raises Busy at the
    end where other processes are at work on some, and NotFinite before anything is made where one has diverged.
    """
    if plan.diverged:
        raise diverged(next(iter(plan.diverged.values())))
    if not quiet:
        there, missing = len(plan.steps) - len(plan.missing), len(plan.missing)
        how = f", {jobs} at once" * (jobs > 1)
        known = all(step.request.seconds is not None for step in plan.missing)
        time = f", about {duration(plan.seconds)} on one CPU core" * known
        ahead = f"{missing} run{'s' * (missing != 1)} to make{time}{how}"
        print(f"{ahead if missing else 'nothing to make'}; {there} stand already", flush=True)
    busy = 0
    with said_to_go_on(), progress(plan.seconds, quiet or not plan.missing) as seen:
        for step, run in make(plan.missing, seen.began, jobs):
            if isinstance(run, Path):
                plan.found[step.key] = run
            elif isinstance(run, Busy):
                busy += 1
            else:
                raise run
            seen.ended(step)
    if busy:
        runs = "1 of the runs" if busy == 1 else f"{busy} of the runs"
        raise Busy(f"another process is at work on {runs}; the same command goes on when that has ended")


@contextlib.contextmanager
def said_to_go_on() -> Iterator[None]:
    """Let an interruption of several runs say how they are gone on with."""
    try:
        yield
    except (Interrupted, KeyboardInterrupt) as error:
        number = error.exit_code - 128 if isinstance(error, Interrupted) else 2
        raise Interrupted("interrupted; what was begun is saved, and the same command goes on", number) from None


def at_once(plan: Plan) -> int:
    """How many of a plan's missing runs go side by side: one a CPU core, each with one thread; elsewhere one."""
    on_cpu = all(step.kind == "cpu" for step in plan.missing)
    return max(1, min(len(plan.missing), CORES, MOST)) if on_cpu else 1


def once(step: Step, clean: bool = False) -> Path:
    """The finished run of a step: the one that stands, the one that was stopped and is gone on with, or a new one.

    One that is damaged is made anew. Raises Busy where another living process is at work on it, NotFinite where it has
    diverged, and what a run raises.
    """
    with _alone(step):
        stands = Standing(step.root, [step.request.milestone], clean).of(step)
        if stands is None:
            return execute.start(step.composed, quiet=True)
        if stands.status == "running":
            raise _busy(stands.folder)
        if stands.status == "diverged":
            raise diverged(stands.folder)
        if stands.status == "finished":
            return stands.folder
        try:
            return execute.resume(stands.folder, quiet=True)
        except Damaged as error:
            print(f"landmarks: {error}", file=sys.stderr, flush=True)
            return execute.start(step.composed, quiet=True)


def _busy(what: Path | str) -> Busy:
    return Busy(f"{what}: another process is at work on this run; it is left to it")


@contextlib.contextmanager
def _alone(step: Step) -> Iterator[None]:
    """Hold a step against every other process that would make it below the same folder. Raises Busy."""
    path = Path(step.root) / ".making" / step.key
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise _busy(step.request.title) from None
    except OSError as error:
        raise LandmarksError(
            f"{step.root}: the runs folder cannot be written ({error.strerror}); choose another for the runs"
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

    def close(self) -> None:
        """End the process, once it has nothing to do or has saved what it does."""
        self.pool.shutdown(wait=True, cancel_futures=True)
        self.writer.close()


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


def _work(step: Step, clean: bool) -> Sent:
    """A run's folder, or the class and the sentence of its error. Raises Interrupted."""
    try:
        return once(step, clean)
    except Interrupted:
        raise
    except LandmarksError as error:
        return type(error).__name__, str(error)


def _received(found: Sent) -> Path | LandmarksError:
    if isinstance(found, Path):
        return found
    kind, said = found
    return {"Busy": Busy, "NotFinite": NotFinite, "UsageError": UsageError}.get(kind, LandmarksError)(said)


def _side_by_side(steps: Iterator[Step], began: Began, jobs: int, clean: bool) -> Iterator[Made]:
    import torch

    threads = max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // jobs))
    idle, busy = [_Lane(threads) for _ in range(jobs)], dict[Future[Sent], tuple[_Lane, Step]]()
    try:
        with Signals() as signals:
            while True:
                while idle and not signals.asked and (step := next(steps, None)):
                    lane = idle.pop()
                    began(step)
                    busy[lane.pool.submit(_work, step, clean)] = lane, step
                if signals.asked:
                    raise Interrupted("interrupted", signals.asked)
                if not busy:
                    return
                for future in wait(busy, TICK, FIRST_COMPLETED).done:
                    lane, step = busy.pop(future)
                    idle.append(lane if future.exception() is None else _Lane(threads))
                    yield Made(step, _result(future))
    finally:
        for lane, _ in busy.values():
            lane.writer.close()
        for lane in (*idle, *(lane for lane, _ in busy.values())):
            lane.close()


def _result(future: Future[Sent]) -> Path | LandmarksError:
    """What a process has sent. Raises what no run should raise."""
    try:
        return _received(future.result())
    except BrokenProcessPool:
        return LandmarksError("its process was killed (out of memory?); the same command goes on with it")


# On other machines, by a launcher of Hydra's


def elsewhere(steps: Sequence[Step], words: Sequence[str], clean: bool) -> Iterator[Made]:
    """Hand all steps to the launcher that `words` choose (`hydra/launcher=…`), and wait for it.

    Whatever machine makes a run, the folder of the runs must be the same. Raises UsageError where there is no such
    launcher.
    """
    wanted = [(step.request.milestone, step.composed.overrides) for step in steps]
    try:
        found = config.launch_each(wanted, [*words, f"runs={steps[0].root}"], _Job(clean)) if steps else []
    except SystemExit as past:
        raise (past.__cause__ or past) from None
    for step, each in zip(steps, found, strict=True):
        yield Made(step, LandmarksError(str(each)) if isinstance(each, Exception) else _received(each))


class _Job:
    """One of the runs, as a function that any of Hydra's launchers can carry elsewhere."""

    __name__ = "landmarks"

    def __init__(self, clean: bool) -> None:
        self.clean = clean
        self.process = os.getpid()

    def __call__(self, tree: Any) -> Sent:
        composed = config.checked(config.container(tree), config.job_overrides())
        request = Request(composed.tree["milestone"], composed.overrides, " ".join(composed.overrides))
        try:
            return _work(plan.step(request, composed), self.clean)
        except Interrupted as error:
            if self.process != os.getpid():
                raise
            raise SystemExit from error  # past Hydra, which would start the next job


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
