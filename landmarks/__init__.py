"""Landmarks: the models that made deep learning, each re-run as its own paper describes it.

    import landmarks
    run = landmarks.run("lenet", "epochs=5", "seed=1")
    run.metrics["test/error"], run.curves["test/error"].value, run.figures, run.model()

Importing this imports neither torch nor Hydra; the command line calls the same functions.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from landmarks.errors import Interrupted, LandmarksError, UsageError

if TYPE_CHECKING:
    from landmarks.demonstrations import Shown
    from landmarks.describe import Text
    from landmarks.evidence import Outcome
    from landmarks.results import Run
    from landmarks.stations import Timeline
    from landmarks.studies import Studied

# Before torch is loaded: threads that wait for each other give up their core soon. Otherwise a step of small layers
# takes hundreds of times as long while another program has one of the cores; on idle cores nothing changes.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__version__ = "0.1.0"
__all__ = ["Interrupted", "LandmarksError", "UsageError"]
__all__ += ["demo", "load", "report", "reproduce", "run", "show", "study", "timeline"]


def run(name: str, *overrides: str, quiet: bool = False) -> Run:
    """Run a milestone with overrides as on the command line; return it when it has ended.

    Raises UsageError for a wrong name, key or value, LandmarksError where the run fails, Interrupted on Ctrl-C (the
    run is saved then, and `load("last").resume()` goes on).
    """
    from landmarks import assemble, config, execute, results

    composed = config.compose(name, overrides)
    if found := assemble.study_of(composed):
        raise UsageError(f'{name}\'s {found.name} is a study of many runs: landmarks.study("{name}", "{found.name}")')
    return results.Run(execute.start(composed, quiet))


def study(name: str, study: str, *overrides: str, jobs: int = 1, quiet: bool = False) -> Studied:
    """Make the runs of a study, unless they stand: one switch after the other, and the effect of each.

    `overrides` are put on top of all its runs. With `jobs` other processes import the calling script, which then needs
    `if __name__ == "__main__"`. Raises UsageError for a milestone without such a study and for an override in its way,
    LandmarksError where a run fails, Interrupted on Ctrl-C, after saving.
    """
    from landmarks import assemble, config, studies, wanted

    composed = config.compose(name, [f"experiment={study}", *overrides])
    found = assemble.study_of(composed)
    if found is None:
        raise UsageError(f'{name}\'s {study} is one run: landmarks.run("{name}", "experiment={study}")')
    return studies.make(found, composed, quiet, wanted.number("jobs", jobs))


def load(folder: str | Path, runs: str = "runs") -> Run:
    """A run that was made before: its folder, the unique end of its name, or "last". Raises UsageError."""
    from landmarks import results

    return results.load(folder, runs)


def show(what: str | None = None, *overrides: str, runs: str = "runs") -> Text:
    """All about a milestone as configured ("lenet"), or about one of its claims ("lenet.L13"), as Markdown.

    A notebook renders it. Without a word: the milestones there are, as `landmarks list`. Raises UsageError.
    """
    from landmarks import describe

    return describe.text(what, overrides, runs)


def demo(name: str, off: bool = False, runs: str = "runs", quiet: bool = False) -> Shown:
    """Show the point of a milestone's paper: make the runs that it needs, unless they stand, and judge them.

    `off` switches the idea off in every arm. Raises UsageError for a milestone without a demonstration.
    """
    from landmarks import demonstrations

    (shown,) = demonstrations.demonstrate([name], off, runs, quiet)
    return shown


def timeline(path: str | Path | None = None, runs: str = "runs", jobs: int = 1, quiet: bool = False) -> Timeline:
    """The same digits through the milestones, each by its own day's rule: error by year beside the cost then and now.

    Makes the runs that it needs, unless they stand; draws them into `path` and beside it for a dark ground. With `jobs`
    other processes import the calling script, which then needs `if __name__ == "__main__"`. Raises UsageError for
    another kind of file, LandmarksError, Interrupted on Ctrl-C, after saving.
    """
    from landmarks import stations, wanted

    return stations.timeline(runs, None if path is None else Path(path), wanted.number("jobs", jobs), quiet)


def report(path: str | Path = "report.html", runs: str = "runs") -> Path:
    """Write all claims, with what their verdicts rest on, as one HTML file that loads nothing; return its path.

    From the finished runs below `runs`, and from those that came with the package. Raises LandmarksError.
    """
    from landmarks.pages import html

    return html.write(Path(path), runs)


def reproduce(
    *words: str,
    budget: str | float | None = None,
    seeds: int | None = None,
    jobs: int = 1,
    runs: str = "runs",
    quiet: bool = False,
) -> list[Outcome]:
    """Re-measure a paper: make the runs that claims need, unless they stand, and return how each claim comes out.

    `words` are those of the command line: milestones, `NAME.CLAIM`, "all", "KEY=VALUE"; `budget` is a time such as
    "2h", or seconds. With `jobs` other processes import the calling script, which then needs `if __name__ ==
    "__main__"`. Raises UsageError for what cannot be asked, Interrupted on Ctrl-C, after saving.
    """
    from landmarks import reproduction, wanted

    terms = reproduction.Terms(
        None if budget is None else wanted.seconds_of(budget),
        None if seeds is None else wanted.number("seeds", seeds),
        wanted.number("jobs", jobs),
        runs,
        quiet=quiet,
    )
    return reproduction.reproduce(words, terms).outcomes
