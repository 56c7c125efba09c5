"""What a run writes and shows: TensorBoard, `metrics.jsonl`, `log.txt`, figures, and the line on the terminal."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from landmarks import events
from landmarks.claims import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.live import Live

PIPE_EVERY = 2.0
"""Seconds between plain lines where the output is no terminal."""
WATCH_EVERY = 0.25
"""Seconds between drawings of the curves."""
BOARD_EVERY = 1.0
"""Seconds between hand-overs to TensorBoard's writing thread, which each time takes turns with the training."""
MEASURED = ("test/", "valid/", "train_set/")


class Console:
    """One live line on a terminal, plain lines through a pipe, nothing but the result when quiet.

    With `watch` the terminal also has the curves of the training loss and of the measured split, and keeps the last.
    """

    def __init__(self, quiet: bool, watch: bool = False) -> None:
        self.quiet = quiet
        self.terminal = sys.stdout.isatty()
        self.watch = watch and self.terminal and not quiet
        self.curves: dict[str, list[tuple[int, float]]] = {}
        self.line = ""
        self.live: Live | None = None
        self.shown = 0.0

    def say(self, line: str) -> None:
        """Print a line that stays."""
        if self.quiet:
            return
        if self.live:
            self.live.console.print(line, markup=False, highlight=False)
        else:
            print(line, flush=True)

    def progress(self, line: str) -> None:
        """Show where the run is: at most ten times a second on a terminal, a plain line now and then elsewhere."""
        now, self.line = time.monotonic(), line
        if self.quiet or now - self.shown < (WATCH_EVERY if self.watch else 0.1 if self.terminal else PIPE_EVERY):
            return
        self.shown = now
        if not self.terminal:
            print(line, flush=True)
            return
        self._show()

    def observe(self, step: int, values: Mapping[str, float]) -> None:
        """Keep what `watch` draws: the first measure of the training, and the first that is no loss of one split."""
        if not self.watch:
            return
        measured = [n for split in MEASURED for n in values if n.startswith(split) and not n.endswith("/loss")]
        for names in ([name for name in values if name.startswith("train/")], measured):
            kind = [name for name in self.curves if name.startswith("train/") == (names is not measured)]
            name = next(iter(kind or names), "")
            if name in values:
                self.curves.setdefault(name, []).append((step, values[name]))

    def _show(self) -> None:
        """Draw the line, and what is watched, where the last drawing stands."""
        from rich.text import Text

        if self.live is None:
            from rich.live import Live

            self.live = Live(auto_refresh=False, transient=not self.watch)
            self.live.start()
        if self.watch:
            from landmarks.watch import Curves

            self.live.update(Curves(self.line, self.curves), refresh=True)
        else:
            self.live.update(Text(self.line, no_wrap=True, overflow="ellipsis"), refresh=True)

    def close(self) -> None:
        if self.watch and self.curves:
            self._show()
            self.curves = {}
        if self.live:
            self.live.stop()
            self.live = None


class Silence:
    """The log of a process that is not the first: nothing is written, and nothing said."""

    def __init__(self) -> None:
        self.console = Console(quiet=True)

    def say(self, line: str) -> None:
        """Nothing, as all the others."""

    def nothing(self, *what: object) -> None:
        """For whatever is to be written."""

    scalars = histograms = pictures = card = ended = figure = note = flush = close = nothing


class Logger:
    """The log of one run's folder.

    On a resume `keep` is the number of bytes of `metrics.jsonl` that the checkpoint vouches for: what came after is
    cut off, and TensorBoard is told to forget what it has from the step `forget` on. There curves stand once more
    as those of `milestone`, beside what the paper prints (`claim`).
    """

    def __init__(
        self,
        folder: Path,
        console: Console,
        milestone: str,
        claim: Claim | None = None,
        keep: int = 0,
        forget: int | None = None,
    ) -> None:
        self.folder = folder
        self.console = console
        self.metrics = (folder / "metrics.jsonl").open("ab")
        self.metrics.truncate(keep)
        self.metrics.seek(0, os.SEEK_END)
        self.text_log = (folder / "log.txt").open("a", encoding="utf-8")
        self.board = SummaryWriter(str(folder), purge_step=forget)
        self.contrasts = events.Contrasts(milestone, claim)
        self.waiting: list[Event] = []
        self.handed_over = time.monotonic()

    def scalars(self, step: int, phase: str, epoch: int, seconds: float, values: Mapping[str, float]) -> None:
        """One line of `metrics.jsonl` and the same scalars in TensorBoard."""
        line = {"step": step, "phase": phase, "epoch": epoch, "seconds": round(seconds, 3), **values}
        self.metrics.write(json.dumps(line).encode() + b"\n")
        self.console.observe(step, values)
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        scalars.extend(self.contrasts.values(phase, values))
        # One event a line: `add_scalar` makes one for each value and takes ten times as long.
        self._write(step, Summary(value=scalars))
        if time.monotonic() - self.handed_over > BOARD_EVERY:
            self._hand_over()

    def _write(self, step: int, summary: Summary) -> None:
        self.waiting.append(Event(step=step, wall_time=time.time(), summary=summary))

    def _hand_over(self) -> None:
        for event in self.waiting:
            self.board._get_file_writer().event_writer.add_event(event)  # type: ignore[no-untyped-call]
        self.waiting, self.handed_over = [], time.monotonic()

    def histograms(self, step: int, tensors: Iterable[tuple[str, Tensor]]) -> None:
        for name, tensor in tensors:
            values = np.asarray(tensor.detach().float().cpu()).clip(-1e19, 1e19)  # TensorBoard's bins end at 1e20
            self.board.add_histogram(f"weights/{name}", values, step)

    def pictures(self, step: int, tiles: Iterable[tuple[str, Tensor]]) -> None:
        """What is learned so far, in TensorBoard alone: see `Milestone.images`."""
        for name, shown in tiles:
            self._write(step, events.picture(f"as it learns/{name}", shown))

    def card(self, text: str, tree: Mapping[str, Any]) -> None:
        """The text card of a run, in Markdown, and its configuration as the start of a trial."""
        self.board.add_text("card", text, 0)
        self._write(0, events.trial(tree))

    def ended(self) -> None:
        """The end of the trial."""
        self._write(0, events.ended())

    def figure(self, name: str, figure: Figure, step: int) -> None:
        """`figures/NAME.png`, and the same picture in TensorBoard."""
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a home that cannot be written is none of its business
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        path = self.folder / "figures" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        FigureCanvasAgg(figure).print_figure(path, dpi=150)
        self.board.add_image(f"at the end/{name}", np.asarray(Image.open(path).convert("RGB")), step, dataformats="HWC")

    def note(self, line: str) -> None:
        """A line for `log.txt` alone."""
        self.text_log.write(line + "\n")

    def say(self, line: str) -> None:
        """A line for the reader and for `log.txt`."""
        self.note(line)
        self.console.say(line)

    def flush(self) -> int:
        """Put everything on disk; return the length of `metrics.jsonl` in bytes."""
        for file in (self.metrics, self.text_log):
            file.flush()
        self._hand_over()
        self.board.flush()
        return self.metrics.tell()

    def close(self) -> None:
        self.console.close()
        self.flush()
        self.board.close()
        self.metrics.close()
        self.text_log.close()
