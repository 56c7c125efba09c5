"""The verbs of the command line. Nothing here imports torch or Hydra before a verb needs it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import landmarks
from landmarks import catalog, measures, ranks
from landmarks.errors import Interrupted, LandmarksError, Lost, UsageError, nearest, writing
from landmarks.words import Arguments, print_table

if TYPE_CHECKING:
    from landmarks.answers import Prediction
    from landmarks.claims import Study
    from landmarks.config import Composed
    from landmarks.results import Run
    from landmarks.stations import Timeline
    from landmarks.studies import Studied

HELP = """\
landmarks – the models that made deep learning, re-run as their papers describe them

  landmarks list                       the milestones: year, paper, data, published number, time
  landmarks show NAME [KEY=VALUE…]     one of them: what was new, layers, switches, claims, configuration
  landmarks show NAME.CLAIM            one claim: how it is judged, with its arithmetic, and the runs it takes
  landmarks show NAME|all --bibtex     the papers as BibTeX
  landmarks demo NAME|all [--off]      the point of a paper in a minute; --off: with its idea switched off
  landmarks timeline [-o FILE]         the same digits through the milestones, each by its own day's rule (--jobs N)
  landmarks errata [NAME[.ENTRY]]      where the papers contradict themselves, computed anew (-o FILE)
  landmarks reproduce NAME[.CLAIM]|all the runs that the paper's claims need, each once, and the verdicts (--seeds N)
                [--budget 2h]          … what fits into so much time, the cheapest first; --jobs N: N runs at once
                [--check]              … exit code 1 where a claim comes out worse than committed
                [hydra/launcher=…]     … on several machines that share the runs folder (submitit_slurm)
  landmarks run NAME [KEY=VALUE…]      run it (NAME,NAME or all for several); quick by default
  landmarks run NAME scale=paper       … as published
  landmarks run NAME -m seed=0,1,2     … a sweep; every flag of Hydra works (--cfg job prints the configuration)
  landmarks run NAME experiment=STUDY  … a study (lenet: ladder): one switch after the other, and what each one does
  landmarks run NAME --watch           … with live curves in the terminal
  landmarks resume RUN [epochs=40]     go on after a stop, or longer
  landmarks runs                       the runs so far
  landmarks report [-o FILE]           all claims and what their verdicts rest on, as one HTML page (--runs DIR)
  landmarks plot RUN… [--metric M,…]   runs beside each other, groups over seeds with intervals
                [--against KEY]        … their last values by a setting (by its length where it is a list)
                [-o FILE] [--slide]    … as FILE.png, .svg or .pdf; readable on a projector
  landmarks board [RUN…]               TensorBoard over them
  landmarks evaluate RUN [data.root=…] measure a trained model again, or on other data
  landmarks predict RUN FILE…          what it says of pictures, or of the rows of a table (--json)
  landmarks sample RUN [-n 64]         what its generator draws, as -o FILE.png or FILE.npy (--seed N)
  landmarks export RUN [-o FILE]       its network's weights as safetensors, for other programs
  landmarks data list|fetch|verify     the data sets

RUN is a folder, the end of its name, or `last`. Options: -q (only the result), --debug (tracebacks), -h.
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit code: 0 done, 1 failed, 2 usage, 130 or 143 interrupted after saving."""
    words = list(sys.argv[1:] if words is None else words)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if not words or words[0] in ("-h", "--help", "help") or any(word in ("-h", "--help") for word in words[1:]):
        print(HELP, end="")
        return 0
    try:
        if words[0] not in VERBS:
            raise UsageError(_unknown_verb(words[0]))
        if ranks.launched() and words[0] not in ("run", "resume"):
            raise UsageError(f"{words[0]}: torchrun's processes share a run or its resume; start the rest without it")
        return VERBS[words[0]](words[1:])
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left, as `| head` does
        return 0
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):  # how torch says it of the CPU
            raise
        return _fail(LandmarksError("out of memory; ask for less (replicas, sizes of the model, batch_size)"), debug)
    except KeyboardInterrupt:
        return _fail(Interrupted("interrupted", 2), debug)
    except LandmarksError as error:
        return _fail(error, debug)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(LandmarksError(f"{where}{error.strerror or error}"), debug)


def _fail(error: LandmarksError, debug: bool) -> int:
    if debug and not isinstance(error, Interrupted):
        raise error
    quiet = not ranks.first and (isinstance(error, (Interrupted, Lost)) or ranks.give_way())
    if not quiet:
        print(f"landmarks: {error}", file=sys.stderr, flush=True)
        ranks.spoken()
    return error.exit_code


def _unknown_verb(word: str) -> str:
    if word in catalog.CATALOG:
        return f"{word} is a milestone; `landmarks run {word}` runs it"
    return f"there is no verb {word}{nearest(word, VERBS)}; `landmarks --help` lists them"


def _list(words: Sequence[str]) -> int:
    Arguments(words).refuse_words()
    from landmarks import shipped

    print_table(*shipped.listed())
    print("verdicts as shipped; `landmarks report` has all, those of your runs among them")
    return 0


def _show(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--runs",), switches=("--bibtex",))
    if not arguments.words:
        raise UsageError(f"show wants a milestone: {', '.join(catalog.CATALOG)}")
    first, *rest = arguments.words
    name, dot, _ = first.partition(".")
    bibtex = "--bibtex" in arguments.options
    if bibtex and rest:
        raise UsageError(f"--bibtex stands alone, so it takes no {rest[0]}")
    if bibtex and dot:
        raise UsageError(f"--bibtex is of a milestone: landmarks show {name} --bibtex")
    if bibtex:
        names = list(catalog.CATALOG) if name == "all" else [catalog.find(name).name]
        from landmarks import describe

        print(describe.bibtex(names), end="")
    else:
        _print(landmarks.show(first, *rest, runs=arguments.options.get("--runs", "runs")))
    return 0


def _print(markdown: str) -> None:
    """Rendered in a terminal, as it is in a file."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(markdown))
    else:
        print(markdown, end="")


def _print_rows(found: Timeline | Studied, quiet: bool) -> None:
    """What came out of many runs as a table, and what must be known to read it, unless only the result is wanted."""
    if not quiet:
        print_table(*found.rows())
        print("\n".join(found.notes))


def _demo(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--runs",), switches=("--off",))
    if not arguments.words:
        raise UsageError(f"demo wants a milestone: {', '.join(catalog.CATALOG)} or all")
    first, *rest = arguments.words
    if rest:
        raise UsageError(f"demo has runs of its own, so it takes no {rest[0]}; `landmarks run {first}` does")
    for name in () if first == "all" else first.split(","):
        catalog.find(name)
    from landmarks import demonstrations

    root, off = arguments.options.get("--runs", "runs"), "--off" in arguments.options
    names = demonstrations.milestones() if first == "all" else first.split(",")
    found = demonstrations.demonstrate(names, off, root, arguments.quiet)
    print("\n\n".join(map(str, found)))
    return int(any(shown.shown == off for shown in found))


def _timeline(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--runs", "-o", "--jobs"))
    arguments.refuse_words()
    options = arguments.options
    from landmarks import stations, wanted

    jobs = wanted.number("--jobs", options["--jobs"]) if "--jobs" in options else None
    output = Path(options["-o"]) if "-o" in options else None
    found = stations.timeline(options.get("--runs", "runs"), output, jobs, arguments.quiet)
    _print_rows(found, arguments.quiet)
    print("\n".join(map(str, found.files.values())))
    return 0


def _errata(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("-o",))
    if arguments.words[1:]:
        raise UsageError(f"errata takes one milestone, or NAME.ENTRY, so it takes no {arguments.words[1]}")
    from landmarks.errata import find, page

    checked = page.check(find(arguments.words[0] if arguments.words else "all"))
    text, path = page.page(checked), arguments.options.get("-o")
    if path:
        with writing(Path(path), "choose another with -o FILE"):
            Path(path).write_text(text, encoding="utf-8")
    elif not arguments.quiet:
        _print(text)
    if path or arguments.quiet:
        print(f"{path}: {page.counted(checked)}" if path else page.counted(checked))
    return int(not page.confirmed(checked))


def _reproduce(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--budget", "--seeds", "--jobs", "--runs"), switches=("--check",))
    names = [name for word in arguments.words if "=" not in word for name in word.split(",") if name]
    for name in names:
        if name != "all":
            catalog.find(name.partition(".")[0])
    if not names:
        raise UsageError(f"reproduce wants a milestone, a claim or all: {', '.join(catalog.CATALOG)}")
    from landmarks import reproduction, wanted

    options = arguments.options
    terms = reproduction.Terms(
        wanted.seconds_of(options["--budget"]) if "--budget" in options else None,
        wanted.number("--seeds", options["--seeds"]) if "--seeds" in options else None,
        wanted.number("--jobs", options.get("--jobs", "1")),
        options.get("--runs", "runs"),
        quiet=arguments.quiet,
    )
    done = reproduction.reproduce(arguments.words, terms, "--check" in options)
    reproduction.tell(done, arguments.quiet)
    return done.exit_code


def _run(words: Sequence[str]) -> int:
    arguments = Arguments(words, switches=("--watch",), passes_flags=True)
    if not arguments.words or "=" in arguments.words[0]:
        raise UsageError(f"run wants a milestone first: {', '.join(catalog.CATALOG)} or all")
    first, overrides = arguments.words[0], arguments.words[1:]
    if arguments.flags and ranks.launched():
        raise UsageError(f"{arguments.flags[0]}: torchrun's processes share one run; start sweeps without it")
    names = list(catalog.CATALOG) if first == "all" else first.split(",")
    from landmarks import config

    flags = arguments.flags
    asked = [c for n in names for c in (config.jobs(n, overrides, flags) if flags else [config.compose(n, overrides)])]
    if asked:
        from landmarks import assemble

        for composed in asked:
            assemble.settings_of(composed)
    job = _Job(arguments.quiet, alone=len(asked) == 1, watch="--watch" in arguments.options)
    for name in names if flags else ():
        config.launch(name, overrides, flags, job)
    for composed in () if flags else asked:
        if study := assemble.study_of(composed):
            _run_study(study, composed, arguments)
        else:
            job.run(composed)
    return job.worst


def _run_study(study: Study, composed: Composed, arguments: Arguments) -> None:
    """All its runs; its table and what must be known to read it; then the line that -q leaves."""
    if ranks.launched() or "--watch" in arguments.options:
        what = "torchrun's processes share one run" if ranks.launched() else "--watch follows one run"
        raise UsageError(f"experiment={study.name}: {what}, and this is a study of many; start it without")
    from landmarks import studies

    found = studies.make(study, composed, arguments.quiet)
    _print_rows(found, arguments.quiet)
    print(found.result)


class _Job:
    """One run of a sweep, as a function that any of Hydra's launchers can carry elsewhere; there it is all alone."""

    __name__ = "landmarks"

    def __init__(self, quiet: bool, alone: bool, watch: bool) -> None:
        self.quiet = quiet
        self.alone = alone
        self.watch = watch
        self.worst = 0
        self.process = os.getpid()

    def __call__(self, tree: Any) -> None:
        from landmarks import config

        try:
            self.run(config.checked(config.container(tree), config.job_overrides()))
        except Interrupted as error:
            raise SystemExit(_fail(error, debug=False)) from error  # past Hydra, which would start the next job

    def run(self, composed: Composed) -> None:
        """Make a run; where it is one of several, a failure is told and the next one goes on."""
        from landmarks import execute, results

        try:
            _tell(results.Run(execute.start(composed, self.quiet, self.watch)), self.quiet)
        except (Interrupted, Lost):
            raise
        except LandmarksError as error:
            if self.alone or ranks.world > 1 or self.process != os.getpid():  # of processes one may fail alone
                raise
            self.worst = max(self.worst, _fail(error, debug=False))


def _tell(run: Run, quiet: bool) -> None:
    """The one line that -q leaves: the result."""
    if quiet and ranks.first:
        print(run.result, flush=True)


def _resume(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--runs",))
    if not arguments.words:
        raise UsageError("resume wants a run: a folder, the end of its name, or last")
    run = landmarks.load(arguments.words[0], arguments.options.get("--runs", "runs"))
    _tell(run.resume(*arguments.words[1:], quiet=arguments.quiet), arguments.quiet)
    return 0


def _runs(words: Sequence[str]) -> int:
    from landmarks import runs

    arguments = Arguments(words, ("--runs",))
    arguments.refuse_words()
    root = arguments.options.get("--runs", "runs")
    rows = []
    for folder in runs.all_runs(root):
        summary = runs.summary(folder)
        result = str(summary.get("result") or "").removeprefix(f"{folder.parent.name}: ")
        name = folder.relative_to(root).as_posix()
        rows.append((name, summary["status"], result.partition(";")[0], " ".join(runs.overrides(folder))))
    if not rows:
        print(f"no run in {root} yet; `landmarks run mlp_xor` makes one")
        return 0
    print_table(("run", "status", "result", "overrides"), rows)
    return 0


def _board(words: Sequence[str]) -> NoReturn:
    arguments = Arguments(words, ("--runs", "--port"))
    root = arguments.options.get("--runs", "runs")
    from landmarks import runs

    folders = [runs.find(word, root) for word in arguments.words]
    if not folders and not Path(root).is_dir():
        raise UsageError(f"{root}: there is no such folder; `landmarks run mlp_xor` makes one")
    from landmarks import board

    board.serve(folders, root, arguments.options.get("--port"))


def _plot(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--runs", "--metric", "--against", "-o"), switches=("--slide",))
    if not arguments.words:
        raise UsageError("plot wants runs: folders, the ends of their names, last, or a pattern such as 'runs/lenet/*'")
    from landmarks import compare

    options = arguments.options
    folders = compare.find(arguments.words, options.get("--runs", "runs"))
    found = compare.Comparison(folders, options.get("--metric"), options.get("--against"))
    path = found.save(Path(options["-o"]) if "-o" in options else None, "--slide" in options)
    if not arguments.quiet:
        for note in found.notes:
            print(note)
        print_table(*found.rows())
    print(path)
    return 0


def _report(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--runs", "-o"))
    arguments.refuse_words()
    root = arguments.options.get("--runs", "runs")
    if not arguments.quiet and not Path(root).is_dir():
        print(f"{root}: there is no such folder, so the report has what came with the package alone")
    print(landmarks.report(arguments.options.get("-o", "report.html"), root))
    return 0


def _evaluate(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--runs",), switches=("--json",))
    if not arguments.words:
        raise UsageError("evaluate wants a run: a folder, the end of its name, or last; then data.root=… or nothing")
    run = landmarks.load(arguments.words[0], arguments.options.get("--runs", "runs"))
    found = run.evaluate(*arguments.words[1:])
    if "--json" in arguments.options:
        print(json.dumps(found, indent=2))
    else:
        said = {name: value for name, value in found.items() if not measures.of_one_replica(name)}
        print_table(("measure", "value"), [(name, measures.show(name, value)) for name, value in said.items()])
    return 0


def _predict(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--runs",), switches=("--json",))
    if len(arguments.words) < 2:
        raise UsageError("predict wants a run and files: landmarks predict last picture.png")
    run = landmarks.load(arguments.words[0], arguments.options.get("--runs", "runs"))
    found = run.predict(*arguments.words[1:])
    if "--json" in arguments.options:
        print(json.dumps([vars(prediction) for prediction in found], indent=2))
    else:
        others = any(len(p.best) > 1 for p in found)
        rows = [(p.place, p.label, f"{p.score:.4g}", p.kind, *[_others(p)] * others) for p in found]
        print_table(("file", "label", "score", "which is a", *["then"] * others), rows)
    return 0


def _others(prediction: Prediction) -> str:
    """The classes that come next, with their probabilities."""
    return ", ".join(f"{label} {score:.2g}" for label, score in prediction.best[1:])


def _sample(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--runs", "-n", "-o", "--seed"))
    if len(arguments.words) != 1:
        raise UsageError("sample wants one run: a folder, the end of its name, or last")
    options = arguments.options
    try:
        count, seed = int(options.get("-n", "64")), int(options.get("--seed", "0"))
    except ValueError:
        raise UsageError("-n and --seed want whole numbers: landmarks sample last -n 64 --seed 1") from None
    run = landmarks.load(arguments.words[0], options.get("--runs", "runs"))
    from landmarks import sampling

    path = sampling.check(Path(options.get("-o", run.folder / "samples.png")))
    sampling.write(run.sample(count, seed), path, f"{run.folder.parent.name}/{run.folder.name}, seed {seed}")
    print(path)
    return 0


def _export(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--runs", "-o"))
    if len(arguments.words) != 1:
        raise UsageError("export wants one run: a folder, the end of its name, or last")
    run = landmarks.load(arguments.words[0], arguments.options.get("--runs", "runs"))
    print(run.export(arguments.options.get("-o", run.folder / f"{run.name}.safetensors")))
    return 0


def _data(words: Sequence[str]) -> int:
    arguments = Arguments(words, ("--root",))
    from landmarks import data

    root = arguments.options.get("--root")
    match arguments.words:
        case [] | ["list"]:
            print_table(("name", "here", "from", "what"), data.table())
        case ["fetch", name]:
            print(data.fetch(name, root))
        case ["verify", *names]:
            here = [name for name, present, origin, _ in data.table() if origin != "generated" and present == "yes"]
            for name in names or here:
                print(data.verify(name, root))
        case ["fetch"]:
            raise UsageError("data fetch wants a name: landmarks data fetch mnist")
        case [word, *_]:
            raise UsageError(f"there is no data {word}{nearest(word, ('list', 'fetch', 'verify'))}")
    return 0


VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    "list": _list,
    "show": _show,
    "demo": _demo,
    "timeline": _timeline,
    "errata": _errata,
    "reproduce": _reproduce,
    "run": _run,
    "resume": _resume,
    "runs": _runs,
    "report": _report,
    "plot": _plot,
    "board": _board,
    "evaluate": _evaluate,
    "predict": _predict,
    "sample": _sample,
    "export": _export,
    "data": _data,
}


if __name__ == "__main__":
    sys.exit(main())
