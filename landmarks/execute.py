"""Start, resume and finish a run: from a composed configuration to a folder with a result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from landmarks import catalog, config, data, loop, plots, runs, show
from landmarks import device as devices
from landmarks.checkpoint import Checkpoints, write_atomically
from landmarks.errors import Interrupted, LandmarksError, UsageError, nearest
from landmarks.logger import Console, Logger, read_metrics
from landmarks.milestone import Milestone
from landmarks.settings import Settings, build
from landmarks.signals import Signals

EXTENSIBLE = ("epochs", "steps", "device", "threads", "data.root", *runs.LOGGING)
"""What `resume` may change: length, place and logging, nothing that would make it another run."""


def make(composed: config.Composed) -> Milestone:
    """The milestone of a composed configuration, on the CPU. Raises UsageError for what does not go together."""
    return catalog.milestone_class(composed.tree["milestone"])(settings_of(composed))


def settings_of(composed: config.Composed) -> Settings:
    """The typed configuration. Raises UsageError for a value out of range."""
    cls = catalog.milestone_class(composed.tree["milestone"])
    settings: Settings = build(cls.Config, composed.tree, composed.origin)
    if settings.replicas > 1 and not cls.replicated:
        raise UsageError(
            f"{composed.origin('replicas')}: {settings.milestone} trains one network a run, so replicas must be 1;"
            " use `-m seed=0,1,2`"
        )
    return settings


def start(composed: config.Composed, quiet: bool = False) -> Path:
    """Make a run of its own folder. Returns the folder; raises LandmarksError or Interrupted."""
    source = composed.tree["data"]
    source["root"] = source["root"] and str(
        Path(source["root"]).expanduser().absolute()
    )  # a resume may start elsewhere
    run = Run(composed, quiet)
    run.folder = folder = runs.create(run.settings.runs, run.settings.milestone)
    with runs.locked(folder):
        environment = runs.environment(devices.describe(run.device), run.data.checksum)
        write_atomically(folder / "overrides.txt", "".join(f"{o}\n" for o in composed.overrides).encode())
        write_atomically(folder / "environment.json", _json(environment))
        write_atomically(folder / "config.yaml", config.to_yaml(composed.tree).encode())
        run.work()
    return folder


def resume(folder: Path, overrides: Sequence[str] = (), quiet: bool = False) -> Path:
    """Go on with a run where its last whole checkpoint stands; with `epochs=…` also past its end."""
    with runs.locked(folder):
        composed = _stored(folder, overrides)
        run = Run(composed, quiet)
        run.folder = folder
        _compare(folder, devices.describe(run.device) | {"data": run.data.checksum}, run.console)
        write_atomically(folder / "config.yaml", config.to_yaml(composed.tree).encode())
        run.work(resumed=True)
    return folder


def _stored(folder: Path, overrides: Sequence[str]) -> config.Composed:
    """The configuration that a run was started with, changed where `resume` may change it.

    Raises UsageError for another key, LandmarksError where the run is finished or already longer.
    """
    try:
        tree = config.from_yaml((folder / "config.yaml").read_text())
        unit = "steps" if tree["steps"] else "epochs"  # where both are given, steps rule
        length = tree[unit]
        past = (folder / "overrides.txt").read_text().split("\n")[:-1]
    except (UsageError, KeyError, TypeError) as error:
        raise LandmarksError(f"{folder}/config.yaml: damaged, so this run cannot go on; start it anew") from error
    allowed = [key for key in EXTENSIBLE if key != {"epochs": "steps", "steps": "epochs"}[unit]]
    for override in overrides:
        key, sign, text = override.partition("=")
        if key not in allowed or not sign:
            raise UsageError(
                f"override {override}: resume goes on with the run as it was started; KEY=VALUE may change only"
                f" {', '.join(allowed)}{nearest(key, allowed)}; start another run for the rest"
            )
        *path, last = key.split(".")
        (tree[path[0]] if path else tree)[last] = config.from_yaml(f"value: {text}")["value"]
    summary = runs.summary(folder)
    if summary["status"] == "finished" and tree[unit] == length:
        raise LandmarksError(
            f"{folder}: this run is finished ({unit}={length});"
            f" `landmarks resume {folder} {unit}={2 * (length or 0)}` would extend it"
        )
    composed = config.checked(tree, [*past, *overrides])
    if (tree[unit] or 0) < (length or 0):
        raise UsageError(
            f"override {unit}={tree[unit]}: this run was started with {unit}={length} and cannot be shortened"
        )
    return composed


def _compare(folder: Path, now: dict[str, Any], console: Console) -> None:
    """Warn where what decides the bits of a run is not as it was; refuse other data."""
    try:
        then = json.loads((folder / "environment.json").read_text())
    except ValueError as error:
        raise LandmarksError(f"{folder}/environment.json: damaged, so this run cannot go on; start it anew") from error
    if then["data"] != now["data"]:
        raise LandmarksError(
            f"{folder}: the data are not those of the run's start; put them back (data.root, data.name)"
        )
    for key in runs.NUMERICS:
        if then[key] != now[key]:
            console.say(f"{key} was {then[key]} and is {now[key]}: the run will not end bit for bit as it would have")


class Run:
    """One run, ready on its device with its data, and at work once it has a folder.

    Raises LandmarksError or UsageError where configuration, device or data do not allow it.
    """

    folder: Path

    def __init__(self, composed: config.Composed, quiet: bool) -> None:
        self.composed = composed
        milestone = make(composed)
        self.settings: Settings = milestone.config
        self.device = devices.prepare(self.settings)
        draws = data.Draws(self.settings.seed, self.settings.replicas, self.settings.first_replica)
        self.data = data.load(self.settings.data, draws).to(self.device)
        self.milestone = milestone.to(self.device)
        self.console = Console(quiet)

    @property
    def title(self) -> str:
        """What runs here, in a line."""
        settings = self.settings
        experiment = f", {settings.experiment}" if settings.experiment else ""
        return f"{self.milestone.card.title}{experiment} on {settings.data.name}, seed {settings.seed}"

    def work(self, resumed: bool = False) -> None:
        """Train to the end and finish. Raises Interrupted or LandmarksError with the run's place in its sentence."""
        (self.folder / "summary.json").unlink(missing_ok=True)
        store = Checkpoints(self.folder / "checkpoints", self.settings.keep_checkpoints)
        checkpoint = store.latest(self.console.say) if resumed else None
        keep, forget = (checkpoint["metrics_bytes"], checkpoint["state"]["step"] + 1) if checkpoint else (0, 0)
        logger = Logger(self.folder, self.console, keep, forget if resumed else None)
        signals = Signals()
        logger.say(f"{self.folder}  {self.title}, {self.device}")
        training = loop.Loop(self.milestone, self.data, self.settings, self.device, logger, store, signals)
        try:
            if checkpoint:
                training.restore(checkpoint)
                logger.say(f"resumed at step {training.state.step:,}")
            else:
                logger.card(show.describe(self.milestone, self.composed))
            with signals:
                training.run()
                if self.settings.figures:
                    self._draw(logger, training.state.step)
                self._finish(logger, training.state)
        except (Interrupted, KeyboardInterrupt) as error:
            self._summarise("interrupted", training.state)
            number = error.exit_code - 128 if isinstance(error, Interrupted) else 2
            what = str(error) or "interrupted"
            raise Interrupted(f"{self.folder}: {what}; `landmarks resume {self.folder}` goes on", number) from None
        except (MemoryError, torch.OutOfMemoryError) as error:
            self._summarise("failed", training.state)
            raise LandmarksError(f"{self.folder}: out of memory on {self.device}; train a smaller batch") from error
        except LandmarksError as error:
            self._summarise("failed", training.state)
            raise type(error)(f"{self.folder}: {error}") from error
        finally:
            logger.close()

    def _draw(self, logger: Logger, step: int) -> None:
        """The run's curves and the paper's pictures, as PNG and in TensorBoard."""
        logger.flush()
        logger.figure("curves", plots.curves(read_metrics(self.folder), self.title, self.milestone.claim), step)
        with devices.own_randomness(self.device, 0):
            for name, figure in self.milestone.figures(self.data):
                logger.figure(name, figure, step)

    def _finish(self, logger: Logger, state: loop.State) -> None:
        weights = {name: tensor.contiguous().clone() for name, tensor in self.milestone.state_dict().items()}
        write_atomically(self.folder / "model.safetensors", save(weights))
        self._summarise("finished", state)
        result = f"{self.settings.milestone}: {self.milestone.conclude(state.metrics)}"
        logger.note(result)
        self.console.close()
        print(result, flush=True)

    def _summarise(self, status: str, state: loop.State) -> None:
        kind = self.device.type
        revisions = (self.milestone.revision, loop.REVISION)
        tree = self.composed.tree
        summary = {
            "milestone": tree["milestone"],
            "scale": tree["scale"],
            "experiment": tree["experiment"],
            "seed": tree["seed"],
            "status": status,
            "steps": state.step,
            "seconds": round(state.seconds, 3),
            "device": kind,
            "fingerprint": runs.fingerprint(tree, self.data.checksum, kind, revisions),
            "metrics": state.metrics,
        }
        write_atomically(self.folder / "summary.json", _json(summary))


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"
