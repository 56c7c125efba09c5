"""Start, resume and finish a run: from a composed configuration to a folder with a result."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from landmarks import assemble, compiling, config, data, describe, loop, plots, ranks, runs, weights
from landmarks import device as devices
from landmarks.checkpoint import Checkpoints, write_atomically
from landmarks.data import files
from landmarks.errors import Interrupted, LandmarksError, Lost, NotFinite, UsageError
from landmarks.logger import Console, Logger, Silence
from landmarks.settings import Settings
from landmarks.signals import Signals

EXTENSIBLE = ("epochs", "steps", "device", "threads", "data.root", "data.workers", *runs.LOGGING)
"""What `resume` may change: length, place and logging, nothing that would make it another run."""


def start(composed: config.Composed, quiet: bool = False, watch: bool = False) -> Path:
    """Make a run of its own folder. Returns the folder; raises LandmarksError or Interrupted."""
    ranks.begin()
    tree = composed.tree
    if root := tree["data"]["root"]:  # a resume may start elsewhere
        tree["data"]["root"] = str(Path(root).expanduser().absolute())
    if tree["init"] is not None:
        tree["init"] = str(weights.located(tree["init"], tree["runs"]))
    run = ranks.in_turn(lambda: Run(composed, quiet, watch))
    compiling.check(run.milestone, run.device)
    run.choice = run.choose()
    run.begun = weights.digest(Path(tree["init"])) if tree["init"] is not None else None
    run.folder = folder = ranks.of_first(lambda: runs.create(run.settings.runs, run.settings.milestone))
    with ranks.by_first(runs.locked(folder)), devices.prepared(run.settings):
        ranks.of_first(run.describe)
        with Signals() as signals:
            run.work(signals)
    return folder


def resume(folder: Path, overrides: Sequence[str] = (), quiet: bool = False) -> Path:
    """Go on with a run where its last whole checkpoint stands; with `epochs=…` also past its end."""
    ranks.begin()
    with ranks.by_first(runs.locked(folder)):
        run = ranks.in_turn(lambda: Run(_extended(folder, overrides), quiet))
        run.folder = folder
        with devices.prepared(run.settings):
            now = devices.describe(run.device) | {"data": run.data.checksum}
            run.obey(ranks.of_first(lambda: _compare(folder, now, run.console)))
            ranks.of_first(run.note_resume)
            ranks.of_first(lambda: write_atomically(folder / "config.yaml", config.to_yaml(run.composed.tree).encode()))
            with Signals() as signals:
                run.work(signals, resumed=True)
    return folder


def _extended(folder: Path, overrides: Sequence[str]) -> config.Composed:
    """The configuration that a run was started with, changed where `resume` may change it.

    Raises UsageError for another key, LandmarksError where the run is finished or already longer.
    """
    first, _ = assemble.as_stored(folder)
    unit = "steps" if first["steps"] else "epochs"  # where both are given, steps rule
    length = first[unit]
    allowed = [key for key in EXTENSIBLE if key != {"epochs": "steps", "steps": "epochs"}[unit]]
    composed = assemble.stored(folder, overrides, allowed, "resume goes on with the run as it was started")
    tree = composed.tree
    summary = runs.summary(folder)
    if summary["status"] == "finished" and length is None:
        learned = "has no length that could be extended"
        what = learned if summary["steps"] else "nothing is learned in it that could go on"
        raise LandmarksError(f"{folder}: this run is finished, and {what}")
    if summary["status"] == "finished" and tree[unit] == length:
        raise LandmarksError(
            f"{folder}: this run is finished ({unit}={length});"
            f" `landmarks resume {folder} {unit}={2 * length}` would extend it"
        )
    if (tree[unit] or 0) < (length or 0):
        raise UsageError(
            f"override {unit}={tree[unit]}: this run was started with {unit}={length} and cannot be shortened;"
            f" `landmarks resume {folder}` goes on with it as it is"
        )
    return composed


def _compare(folder: Path, now: dict[str, Any], console: Console) -> dict[str, Any]:
    """Warn where what decides the bits of a run is not as it was; refuse other data. What the run's start was like."""
    then = assemble.beginning(folder, now["data"])
    for key in runs.NUMERICS:
        if (before := then.get(key, now[key])) != now[key]:
            console.say(f"{key} was {before} and is {now[key]}: {runs.NOT_BIT_FOR_BIT}")
    return then


class Run:
    """One run, ready on its device with its data, and at work once it has a folder.

    `begun`: the digest of the weights that it starts from (`init`); `revisions`: those of the code that it was begun
    with. Raises LandmarksError or UsageError where configuration, device or data do not allow it.
    """

    folder: Path
    begun: str | None = None
    choice: compiling.Choice

    def __init__(self, composed: config.Composed, quiet: bool, watch: bool = False) -> None:
        self.composed = composed
        milestone = assemble.make(composed)
        self.settings: Settings = milestone.config
        self.device = devices.resolve(self.settings.device)
        self.data = data.load(self.settings.data, data.Draws.of(self.settings)).to(self.device)
        milestone.check_data(self.data)
        self.milestone = milestone.to(self.device)
        self.revisions = (milestone.revision, loop.REVISION)
        if ranks.world > 1:
            ranks.check(milestone, self.data)
        self.console = Console(quiet or not ranks.first, watch)

    def choose(self, before: bool | None = None) -> compiling.Choice:
        """Whether parts of its steps are compiled; a resumed run obeys what was chosen `before`."""
        return compiling.choose(
            self.milestone, self.device, lambda: loop.patterns(self.milestone, self.data, self.settings), before
        )

    def obey(self, then: dict[str, Any]) -> None:
        """Go on as `environment.json` says that the run was started."""
        self.begun, compiled = then.get("init"), then.get("compile", False)
        self.choice = self.choose(compiled)
        if (begun := tuple(then.get("revisions", self.revisions))) != self.revisions:
            self.console.say(
                f"the code is of another revision, and this stays a run of its own: {runs.NOT_BIT_FOR_BIT}"
            )
            self.revisions = begun
        if self.choice.compiled != compiled:
            self.console.say(f"compile was true and is false ({self.choice.why}): {runs.NOT_BIT_FOR_BIT}")

    @property
    def fingerprint(self) -> str:
        """What it shares with all that must give the same numbers; the weights it began with may be gone by now."""
        checksum, settings = self.data.checksum, self.settings
        if settings.init is not None:
            checksum += self.begun or weights.digest(weights.located(settings.init, settings.runs))
        return runs.fingerprint(self.composed.tree, checksum, self.device.type, self.revisions)

    @property
    def title(self) -> str:
        """What runs here, in a line."""
        settings = self.settings
        experiment = f", {settings.experiment}" if settings.experiment else ""
        return f"{self.milestone.card.title}{experiment} on {settings.data.name}, seed {settings.seed}"

    def describe(self) -> None:
        """Write down what the run was started with and where. Raises LandmarksError where it cannot be written."""
        folder, composed = self.folder, self.composed
        described = devices.describe(self.device)
        environment = runs.environment(described, self.data.name, self.data.checksum, self.fingerprint, self.revisions)
        environment |= {"init": self.begun, "compile": self.choice.compiled}
        self.note_overrides()
        write_atomically(folder / "environment.json", _json(environment))
        write_atomically(folder / "config.yaml", config.to_yaml(composed.tree).encode())
        write_atomically(folder / "data.json", _json(self.data.described()))

    def note_overrides(self) -> None:
        """Write down what was typed, to the run's start and to each resume."""
        write_atomically(self.folder / "overrides.txt", "".join(f"{o}\n" for o in self.composed.overrides).encode())

    def note_resume(self) -> None:
        """Write down with which code the run goes on, and what it is to come to."""
        self.note_overrides()
        path = self.folder / "environment.json"
        environment = json.loads(path.read_text())
        environment["fingerprint"] = self.fingerprint
        environment.setdefault("resumed", []).append(runs.state_of_code())
        write_atomically(path, _json(environment))

    def work(self, signals: Signals, resumed: bool = False) -> None:
        """Train to the end and finish. Raises Interrupted or LandmarksError with the run's place in its sentence."""
        store = Checkpoints(self.folder / "checkpoints", self.settings.keep_checkpoints)
        checkpoint = ranks.of_first(lambda: store.latest(self.console.say)) if resumed else None
        logger: Logger | Silence = Silence()
        if ranks.first:
            (self.folder / "summary.json").unlink(missing_ok=True)
            keep, forget = (checkpoint["metrics_bytes"], checkpoint["state"]["step"] + 1) if checkpoint else (0, 0)
            name, claim = self.settings.milestone, self.milestone.claim
            logger = Logger(self.folder, self.console, name, claim, keep, forget if resumed else None)
        logger.say(f"{self.folder}  {self.title}, {self.device}")
        training = loop.Loop(self.milestone, self.data, self.settings, self.device, logger, store, signals)
        if self.milestone.compiled:
            logger.say(f"compile: {'yes' if self.choice.compiled else 'no'}, {self.choice.why}")
        if self.choice.compiled:
            compiling.apply(self.milestone, logger.say)
        try:
            if checkpoint:
                training.restore(checkpoint)
                logger.say(f"resumed at step {training.state.step:,}")
            else:
                if self.settings.init is not None:
                    logger.say(weights.start_from(self.milestone, Path(self.settings.init), self.begun))
                logger.card(describe.describe(self.milestone, self.composed), self.composed.tree)
            training.run()
            if isinstance(logger, Logger):
                with ranks.alone():
                    self._finish(logger, training.state)
                with contextlib.suppress(Lost):  # all is written, so nobody is missed
                    ranks.wait()
            else:
                ranks.wait()
        except (Interrupted, KeyboardInterrupt) as error:
            self._summarise("interrupted", training.state)
            if isinstance(error, Interrupted):
                with contextlib.suppress(Lost):
                    ranks.wait()  # torchrun ends the others as soon as one has gone
            number = error.exit_code - 128 if isinstance(error, Interrupted) else 2
            what = str(error) or "interrupted"
            raise Interrupted(f"{self.folder}: {what}; `landmarks resume {self.folder}` goes on", number) from None
        except (MemoryError, torch.OutOfMemoryError) as error:
            full = LandmarksError(f"out of memory on {self.device}; train a smaller batch")
            raise self._failed(full, training.state) from error
        except (LandmarksError, OSError, RuntimeError) as error:
            said = files.lost(error) if isinstance(error, RuntimeError) else error
            if not isinstance(said, LandmarksError):
                ranks.leave_word(str(self.folder), f"{type(error).__name__}: {error}")
                raise
            raise self._failed(said, training.state) from error
        finally:
            logger.close()

    def _failed(self, error: LandmarksError, state: loop.State) -> LandmarksError:
        """What is said of a failure, noted in the summary; what befalls one process alone, another one says."""
        said = str(error)
        if not isinstance(error, Lost):
            ranks.leave_word(str(self.folder), said)
            self._summarise("failed", state, diverged=isinstance(error, NotFinite))
        else:
            said = f"{ranks.word(str(self.folder))}; `landmarks resume {self.folder}` goes on"
            self._summarise("failed", state)
            if not ranks.first:
                self._stand_in(state)
        return type(error)(f"{self.folder}: {said}")

    def _stand_in(self, state: loop.State) -> None:
        """Write and speak for the first process where that has gone: it has left its lock then, and no summary."""
        with contextlib.suppress(LandmarksError), runs.locked(self.folder):
            if not (self.folder / "summary.json").exists():
                ranks.take_over()
                self._summarise("failed", state)

    def _draw(self, logger: Logger, step: int) -> None:
        """The run's curves and the paper's pictures, as PNG and in TensorBoard."""
        logger.flush()
        if step:  # where nothing is learned there is no curve
            lines, steps = runs.read_metrics(self.folder), self.settings.steps
            logger.figure("curves", plots.curves(lines, self.title, self.milestone.claim, steps), step)
        self.milestone.eval()  # what is drawn moves no average of a normalisation, and drops no unit
        with devices.own_randomness(self.device, 0):
            for name, figure in self.milestone.figures(self.data):
                logger.figure(name, figure, step)

    def _finish(self, logger: Logger, state: loop.State) -> None:
        """Figures, weights, summary, and the line with the result."""
        if self.settings.figures:
            self._draw(logger, state.step)
        tensors = {name: tensor.contiguous().clone() for name, tensor in self.milestone.state_dict().items()}
        write_atomically(self.folder / "model.safetensors", save(tensors))
        if state.each:
            write_atomically(self.folder / "replicas.json", json.dumps(state.each).encode() + b"\n")
        self._summarise("finished", state)
        logger.ended()
        self.console.close()
        if count := len(self.data.unreadable):
            logger.say(f"{self.folder}: {count:,} file{'s' * (count > 1)} left out that cannot be read")
        logger.say(self.result(state))

    def result(self, state: loop.State) -> str:
        """One sentence: what came out."""
        return f"{self.settings.milestone}: {self.milestone.conclude(state.metrics)}"

    def _summarise(self, status: str, state: loop.State, diverged: bool = False) -> None:
        if not ranks.first:
            return
        tree = self.composed.tree
        summary = {
            "milestone": tree["milestone"],
            "scale": tree["scale"],
            "experiment": tree["experiment"],
            "seed": tree["seed"],
            "status": status,
            "steps": state.step,
            "seconds": round(state.seconds, 3),
            "cpu_seconds": round(state.cpu_seconds, 3),
            "device": self.device.type,
            "fingerprint": self.fingerprint,
            "metrics": state.metrics,
            "result": self.result(state) if status == "finished" else None,
        }
        if diverged:
            summary["diverged"] = True
        if self.data.unreadable:
            summary["unreadable"] = len(self.data.unreadable)
        write_atomically(self.folder / "summary.json", _json(summary))


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"
