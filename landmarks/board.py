"""`landmarks board`: TensorBoard over a view of runs in which what belongs together stands together.

The view is a folder of links, one for each run, called by what was asked of it (`resnet/plain-56, seed 0`), and one
event file with the charts of Custom Scalars and the columns of HParams that fit the runs that are shown. It is kept up
while the server runs: a run that begins appears, and one that is deleted goes.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]
from tensorboard.plugins.hparams import api_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from torch.utils.tensorboard.summary import custom_scalars

from landmarks import catalog, config, events, measures, runs
from landmarks.errors import LandmarksError

EVERY = 2.0
"""Seconds between looks at the runs."""
TAIL = 100_000
"""Bytes of a log's end that are read for the names that it has."""
PANELS = 3
"""Measures of a milestone that have charts."""
FIRST = ("milestone", "experiment", "scale", "seed")
"""The columns of HParams that are always there."""
SEEN = 5
"""The columns of settings that TensorBoard shows unasked: the first that differ."""
PLACE = "?smoothing=0#custom_scalars&_smoothingWeight=0"
"""What of the page an address opens: the charts, unsmoothed."""
KEPT = ["--samples_per_plugin", "images=30", "--reload_interval", "3"]


@dataclass
class Shown:
    """A run as the view has it: its link, its configuration, the names in its log, and which of them are curves."""

    link: Path
    milestone: str
    settings: dict[str, Any]
    names: dict[str, None] = field(default_factory=dict)
    curves: set[str] = field(default_factory=set)
    size: int = -1

    def look(self, folder: Path) -> None:
        """Read the end of the log where it has grown."""
        log = folder / "metrics.jsonl"
        if not log.is_file() or log.stat().st_size == self.size:
            return
        self.size = log.stat().st_size
        with log.open("rb") as file:
            file.seek(max(0, self.size - TAIL))
            lines = file.read().split(b"\n")
        points = Counter[str]()
        for text in lines[1 if self.size > TAIL else 0 : -1]:
            line = json.loads(text)
            names = [name for name in line if name.startswith(events.SPLITS) and not measures.of_one_replica(name)]
            self.names |= dict.fromkeys(names)
            points.update(names if line["phase"] != "end" else ())
        self.curves.update(name for name, count in points.items() if count > 1)


class View:
    """A folder for TensorBoard over the runs that `wanted` finds."""

    def __init__(self, folder: Path, wanted: Callable[[], Sequence[Path]]) -> None:
        self.folder = folder
        self.wanted = wanted
        self.shown: dict[Path, Shown] = {}
        self.prepared: tuple[Path, list[bytes]] | None = None
        self.count = 0

    def refresh(self) -> None:
        """Link what is new, drop what is gone, and write charts and columns anew where they are others."""
        found = [folder.absolute() for folder in self.wanted()]
        for folder in self.shown.keys() - {*found}:
            self.shown.pop(folder).link.unlink()
        for folder in found:
            with contextlib.suppress(OSError, ValueError):  # it is being deleted, or written: at the next look
                if folder not in self.shown:
                    self.shown[folder] = self._link(folder)
                self.shown[folder].look(folder)
        summaries = [part.SerializeToString(deterministic=True) for part in self._prepare()]
        if self.shown and (self.prepared is None or self.prepared[1] != summaries):
            self._write(summaries)

    def _link(self, folder: Path) -> Shown:
        """Link a run under the name that says what it is, with a number where another run has that name."""
        tree = config.from_yaml((folder / "config.yaml").read_text())
        name, milestone = called(tree, runs.overrides(folder)), tree["milestone"]
        taken = {run.link for run in self.shown.values()}
        names = (self.folder / milestone / f"{name}{f' ({i})' if i > 1 else ''}" for i in range(1, len(taken) + 2))
        link = next(path for path in names if path not in taken)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(folder, target_is_directory=True)
        return Shown(link, milestone, events.settings(tree))

    def _write(self, summaries: list[bytes]) -> None:
        """A folder of its own each time: TensorBoard keeps what it has first read of one."""
        if self.prepared:
            shutil.rmtree(self.prepared[0])
        self.count += 1
        self.prepared = self.folder / f"prepared view {self.count}", summaries
        writer = EventFileWriter(str(self.prepared[0]))
        for summary in summaries:
            writer.add_event(Event(step=0, wall_time=time.time(), summary=Summary.FromString(summary)))
        writer.close()

    def _prepare(self) -> tuple[Summary, Summary]:
        """Charts and columns for the runs that are shown."""
        groups: dict[str, list[Shown]] = {}
        for run in self.shown.values():
            groups.setdefault(run.milestone, []).append(run)
        ordered = [name for name in catalog.CATALOG if name in groups]
        layout = {name: found for name in ordered if (found := _charts(name, groups[name]))}
        columns = dict.fromkeys(key for name in ordered for key in _differing(groups[name]))
        each = [_metrics(name, groups[name]) for name in ordered]
        metrics = dict.fromkeys([names[0] for names in each if names] + [name for names in each for name in names])
        charts = custom_scalars(layout)  # type: ignore[no-untyped-call]
        return charts, _columns([*self.shown.values()], [*columns], [*metrics])


def called(tree: Mapping[str, Any], words: Iterable[str]) -> str:
    """A run by what was asked of it, a demonstration's arm by its name: `plain-56, seed 0`."""
    card = catalog.milestone_class(tree["milestone"]).card
    asked = [word for word in runs.typed(words) if not word.startswith("seed=")]
    arms = card.demonstration.arms if card.demonstration else ()
    name = next((arm.name for arm in arms if {*runs.typed(arm.overrides)} == {*asked}), " ".join(asked))
    return f"{name[:90].replace('/', '|')}{', ' * bool(name)}seed {tree['seed']}"


def _measures(milestone: str, names: Iterable[str]) -> list[str]:
    """What is measured, without the split: first what the claims are about."""
    claimed = [claim.metric for claim in catalog.milestone_class(milestone).card.claims]
    looked_at = [name for name in names if name.partition("/")[0] in events.LOOKED_AT]
    ordered = [name for name in claimed if name in looked_at] + looked_at
    return [*dict.fromkeys(name.partition("/")[2] for name in ordered)][:PANELS]


def _charts(milestone: str, shown: Sequence[Shown]) -> dict[str, list[Any]]:
    """Charts of Custom Scalars by title: of each measure all runs beside the paper, and training against test."""
    curves = {name for run in shown for name in run.curves} or {name for run in shown for name in run.names}
    charts: dict[str, list[Any]] = {}
    claimed = {claim.metric for claim in catalog.milestone_class(milestone).card.claims}
    for measure in _measures(milestone, dict.fromkeys(n for run in shown for n in run.names if n in curves)):
        splits = [split for split in ("test", "valid", "train_set", "train") if f"{split}/{measure}" in curves]
        tags = [re.escape(f"{milestone}/{split}/{measure}") for split in splits]
        said, beside = measure.replace("_", " "), ", beside the paper's" * (f"{splits[0]}/{measure}" in claimed)
        charts[f"{said} ({_SAID[splits[0]]}){beside}"] = ["Multiline", [f"{tags[0]}( paper .*)?$"]]
        if tags[1:]:
            charts[f"{said}: {' against '.join(_SAID[s] for s in splits)}"] = ["Multiline", [f"{tag}$" for tag in tags]]
    return charts


_SAID = {"test": "test", "valid": "validation", "train_set": "training set", "train": "training"}


def _metrics(milestone: str, shown: Sequence[Shown]) -> list[str]:
    """The last values that HParams shows."""
    names = dict.fromkeys(name for run in shown for name in run.names)
    found = [f"{split}/{measure}" for measure in _measures(milestone, names) for split in events.LOOKED_AT]
    return [name for name in found if name in names]


def _differing(shown: Sequence[Shown]) -> list[str]:
    """The keys whose values are not the same in all runs of a milestone."""
    keys = dict.fromkeys(key for run in shown for key in run.settings)
    return [key for key in keys if any(run.settings.get(key) != shown[0].settings.get(key) for run in shown)]


def _columns(shown: Sequence[Shown], keys: Sequence[str], metrics: Sequence[str]) -> Summary:
    """The columns of HParams."""
    infos, differing = [], {*_differing(shown)}
    chosen = [key for key in dict.fromkeys((*FIRST, *keys)) if key in differing][:SEEN]
    for key in dict.fromkeys((*FIRST, *keys)):
        values = [run.settings[key] for run in shown if key in run.settings and key != "seed"]
        kind = api_pb2.DATA_TYPE_STRING
        if values and all(isinstance(value, bool) for value in values):
            kind = api_pb2.DATA_TYPE_BOOL
        elif values and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            kind = api_pb2.DATA_TYPE_FLOAT64
        infos.append(api_pb2.HParamInfo(name=key, type=kind, differs=key in chosen))
    named = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=name)) for name in metrics]
    return events.experiment(api_pb2.Experiment(hparam_infos=infos, metric_infos=named))


def serve(folders: Sequence[Path], root: str, port: str | None) -> NoReturn:
    """Show runs, or all below `root`, until Ctrl-C. Raises LandmarksError where the port is taken."""
    from tensorboard import program

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it says on every start that it is not there
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="landmarks-board-") as place:
        view = View(Path(place), lambda: [*filter(runs.is_run, folders)] if folders else runs.all_runs(root))
        view.refresh()
        board = program.TensorBoard()
        chosen = ["--port", port] if port else []
        board.configure(argv=["landmarks", "--logdir", place, "--host", "127.0.0.1", *KEPT, *chosen])
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # it says that it reads fast
                address = board.launch()
        except program.TensorBoardServerException as error:
            raise LandmarksError(f"{str(error).splitlines()[0]}; choose another with --port N") from error
        said = ", ".join(map(str, folders)) or root
        print(f"TensorBoard over {said} at {address}{PLACE} – Ctrl-C ends it", flush=True)
        try:
            while True:
                time.sleep(EVERY)
                view.refresh()
        except KeyboardInterrupt:
            print()
            sys.exit(0)
