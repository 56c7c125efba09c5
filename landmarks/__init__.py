"""Landmarks: the models that made deep learning, each re-run as its own paper describes it.

    import landmarks
    run = landmarks.run("lenet", "epochs=5", "seed=1")
    run.metrics["test/error"], run.curves["test/error"].value, run.figures, run.model()

Importing this imports neither torch nor Hydra; the command line calls the same functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from landmarks.errors import Interrupted, LandmarksError, UsageError

if TYPE_CHECKING:
    from landmarks.demonstrations import Shown
    from landmarks.results import Run

__version__ = "0.1.0"
__all__ = ["Interrupted", "LandmarksError", "UsageError", "demo", "load", "report", "run"]


def run(name: str, *overrides: str, quiet: bool = False) -> Run:
    """Run a milestone with overrides as on the command line; return it when it has ended.

    Raises UsageError for a wrong name, key or value, LandmarksError where the run fails, Interrupted on Ctrl-C (the
    run is saved then, and `load("last").resume()` goes on).
    """
    for override in overrides:
        if not isinstance(override, str):
            raise UsageError(f'override {override!r}: write a text, "KEY=VALUE"')
    from landmarks import config, execute, results

    return results.Run(execute.start(config.compose(name, overrides), quiet))


def load(folder: str | Path, runs: str = "runs") -> Run:
    """A run that was made before: its folder, the unique end of its name, or "last". Raises UsageError."""
    from landmarks import results

    return results.load(folder, runs)


def demo(name: str, off: bool = False, runs: str = "runs", quiet: bool = False) -> Shown:
    """Show the point of a milestone's paper: make the runs that it needs, unless they stand, and judge them.

    `off` switches the idea off in every arm. Raises UsageError for a milestone without a demonstration.
    """
    from landmarks import demonstrations

    (shown,) = demonstrations.demonstrate([name], off, runs, quiet)
    return shown


def report(path: str | Path = "report.html", runs: str = "runs") -> Path:
    """Write all claims, with what their verdicts rest on, as one HTML file that loads nothing; return its path.

    From the finished runs below `runs`, and from those that came with the package. Raises LandmarksError.
    """
    from landmarks.pages import html

    return html.write(Path(path), runs)
