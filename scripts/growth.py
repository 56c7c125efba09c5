"""How time and memory grow with what there is more of; worse than linear (a slope above 1) would be a fault.

    python scripts/growth.py replicas|length|depth|images|runs|all [--json FILE]

Every line is measured in a process of its own, on one thread: CPU seconds, and the peak of its memory above what it
had before the work began. The slope is that of log time over log size, from the line before to this one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.place import environment

Found = dict[str, float]
"""`time` in milliseconds, `memory` in MiB."""
ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """One line of growth: `measure(size)`, in a process of its own."""

    name: str
    unit: str
    sizes: tuple[int, ...]
    measure: Callable[[int], Found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=[*GROUPS, "all"])
    parser.add_argument("--json", type=Path, help="write the lines here too")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        name, size = arguments.one
        (row,) = (row for row in GROUPS[arguments.group] if row.name == name)
        print(json.dumps(row.measure(int(size))))
        return 0
    lines = [line for group in GROUPS if arguments.group in (group, "all") for line in table(group)]
    if arguments.json:
        arguments.json.write_text(json.dumps(environment() | {"rows": lines}, indent=1) + "\n")
    return 0


def table(group: str) -> Iterator[dict[str, Any]]:
    """Measure and print one group, line by line."""
    print(f"{group:42}{'size':>9}{'time':>14}{'slope':>7}{'memory':>12}{'slope':>7}", flush=True)
    for row in GROUPS[group]:
        before: dict[str, Any] | None = None
        for size in row.sizes:
            command = [sys.executable, __file__, group, "--one", row.name, str(size)]
            place = os.environ | {"OMP_NUM_THREADS": "1"}
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=place).stdout)
            line = {"group": group, "name": row.name, "unit": row.unit, "size": size, **found}
            slopes = {key: _slope(before, line, key) for key in ("time", "memory")}
            line |= {f"{key}_slope": slope for key, slope in slopes.items()}
            shown = ["" if slope is None else f"{slope:.2f}" for slope in slopes.values()]
            print(
                f"{row.name:42}{size:9,}{found['time']:10.4g} ms{shown[0]:>8}{found['memory']:8.1f} MiB{shown[1]:>7}"
                f"   {row.unit}",
                flush=True,
            )
            yield line
            before = line


def _slope(before: dict[str, Any] | None, now: dict[str, Any], key: str) -> float | None:
    if before is None or min(before[key], now[key]) <= 0:
        return None
    return math.log(now[key] / before[key]) / math.log(now["size"] / before["size"])


def _peak() -> float:
    """The peak of this process's memory, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _per_call(work: Callable[[], object]) -> float:
    """CPU milliseconds of one call: the median of rounds of at least a tenth of a second."""
    work()
    count, spent = 0, 0.0
    while spent < 0.1:
        spent += _cpu(work)
        count += 1
    return 1e3 * statistics.median(sum(_cpu(work) for _ in range(count)) / count for _ in range(ROUNDS))


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _step(name: str, *overrides: str) -> Found:
    """One update of a milestone's last phase."""
    import torch

    from landmarks import assemble, config, data
    from landmarks.data.batches import Batches

    torch.set_num_threads(1)
    before = _peak()
    milestone: Any = assemble.make(config.compose(name, overrides))
    found = data.load(milestone.config.data, data.Draws.of(milestone.config))
    milestone.check_data(found)
    phase = milestone.phase = milestone.phases()[-1]
    for rate_of, optimizer in phase.optimizers.items():
        for group in optimizer.param_groups:
            group["lr"].fill_(phase.schedules[rate_of](0))
    batch = Batches(phase, found, milestone, milestone.config).begin(0)
    milestone.begin_epoch(found)
    return {"time": _per_call(lambda: milestone.step(batch(0))), "memory": _peak() - before}


def _replicas(name: str, *overrides: str) -> Callable[[int], Found]:
    return lambda replicas: _step(name, f"replicas={replicas}", *overrides)


def _length(*overrides: str) -> Callable[[int], Found]:
    return lambda steps: _step("lstm", "scale=paper", f"data.T={steps}", "data.tested=100", *overrides)


def _depth(depth: int) -> Found:
    return _step("resnet", f"model.depth={depth}", "model.widths=[16,32,64]", "batch_size=32")


def _pictures(count: int, folder: Path) -> None:
    """So many files in ten class folders: hard links to a few hundred JPEGs of noise, 32 × 32."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    real = folder / "real"
    real.mkdir()
    for i in range(min(count, 400)):
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(real / f"{i}.jpg")
    for label in range(10):
        (folder / "set" / f"class{label}").mkdir(parents=True)
    for i in range(count):
        os.link(real / f"{i % 400}.jpg", folder / "set" / f"class{i % 10}" / f"{i:06}.jpg")


def _images(what: str) -> Callable[[int], Found]:
    """To begin a run on a folder of files, or an image of an epoch out of its stream (at most 4,000 are read)."""

    def measure(count: int) -> Found:
        import torch

        from landmarks import config, execute
        from landmarks.data.batches import Batches

        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as folder:
            _pictures(count, Path(folder))
            words = ["data.name=images", f"data.root={folder}/set", "data.in_memory=false", "batch_size=100"]
            composed, before, start = config.compose("resnet", words), _peak(), time.process_time()
            run = execute.Run(composed, quiet=True)
            begun = time.process_time() - start
            phase = run.milestone.phase = run.milestone.phases()[-1]
            if what == "begin":
                return {"time": 1e3 * begun, "memory": _peak() - before}
            start = time.process_time()
            batches = Batches(phase, run.data, run.milestone, run.settings)
            read = min(batches.per_epoch, 40)
            for position in range(read):
                batch = batches.begin(0)(position)
            assert batch.x.shape[1] == 3
            spent = time.process_time() - start
            return {"time": 1e3 * spent / min(batches.count, read * 100), "memory": _peak() - before}

    return measure


def _folders(count: int, root: Path) -> None:
    """So many finished runs: one that is real, and copies of it under other seeds and ten rates."""
    import landmarks
    from landmarks import config

    run = landmarks.run("mlp_xor", "replicas=1", "epochs=100", f"runs={root}/real", quiet=True)
    tree = config.from_yaml((run.folder / "config.yaml").read_text())
    names = ("environment.json", "metrics.jsonl", "summary.json", "log.txt")
    for i in range(count):
        folder = root / "runs" / "mlp_xor" / f"2026-01-01_00-{i // 60 % 60:02}-{i % 60:02}-{i}"
        folder.mkdir(parents=True)
        for name in names:
            os.link(run.folder / name, folder / name)
        tree["seed"], tree["optimizer"]["lr"] = i // 10, 0.1 + i % 10 / 10
        (folder / "config.yaml").write_text(config.to_yaml(tree))
        (folder / "overrides.txt").write_text(f"seed={tree['seed']}\noptimizer.lr={tree['optimizer']['lr']:g}\n")


def _command(*words: str) -> Callable[[int], Found]:
    """A command over so many runs."""

    def measure(count: int) -> Found:
        with tempfile.TemporaryDirectory() as folder:
            _folders(count, Path(folder))
            found = [
                _child([*words, "--runs", f"{folder}/runs"], folder),
                _child(["--help"], folder),
            ]
            return {"time": found[0]["time"], "memory": found[0]["memory"] - found[1]["memory"]}

    return measure


def _child(words: list[str], folder: str) -> Found:
    """What a command takes by itself: CPU milliseconds, and the peak of its memory."""
    process = subprocess.Popen([sys.executable, "-m", "landmarks", *words], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    memory = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {"time": 1e3 * (used.ru_utime + used.ru_stime), "memory": memory}


COUNTS = (1, 10, 100, 1_000, 10_000)
LENGTHS = (20, 50, 100, 200, 500, 1_000)
FEW = ("data.block=16", "batch_size=1", "data.tested=10")
GROUPS = {
    "replicas": [
        Row("perceptron", "a step", COUNTS, _replicas("perceptron")),
        Row("mlp_xor", "a sweep", COUNTS, _replicas("mlp_xor")),
        Row("lstm, T = 100", "a sequence each", COUNTS, _replicas("lstm", *FEW)),
    ],
    "length": [
        Row("lstm, truncated gradient", "20 replicas, a sequence each", LENGTHS, _length()),
        Row("lstm, full gradient", "20 replicas, a sequence each", LENGTHS, _length("gradient=full")),
        Row("lstm, carousel 0.9", "20 replicas, a sequence each", LENGTHS, _length("model.carousel=0.9")),
    ],
    "depth": [Row("resnet, batch 32", "a step", (20, 32, 44, 56, 110), _depth)],
    "images": [
        Row("to begin a run", "a folder of JPEGs", (1_000, 10_000, 50_000, 200_000), _images("begin")),
        Row("an image of an epoch", "out of the stream", (1_000, 10_000, 50_000, 200_000), _images("read")),
    ],
    "runs": [
        Row("landmarks runs", "the command", (10, 100, 1_000), _command("runs")),
        Row("landmarks plot", "the command, 10 groups", (10, 100, 1_000), _command("plot", "mlp_xor", "-o", "x.png")),
    ],
}


if __name__ == "__main__":
    sys.exit(main())
