"""What decides speed without a clock: operators of a step, waits for the device, graph breaks, imports; the benchmark.

Times themselves are measured by `scripts/bench.py`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import bench
import pytest
import torch
from benchmarks import accelerator, report, rows
from benchmarks.measure import Row, measured
from benchmarks.training import Training
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from landmarks import catalog, compiling, config, execute, loop

pytestmark = pytest.mark.usefixtures("compose_once")
LEARNING = {
    "perceptron": ["experiment=novikoff"],
    "mlp_xor": ["replicas=2", "update=pattern"],
    "lstm": ["data.T=20", "data.tested=10", "replicas=2"],
    "lenet": ["batch_size=16"],
    "dae": ["data.sizes=[100,20,20]", "model.hidden=[8,8]"],
    "alexnet": ["data.labels=40", "model.width=0.05", "criterion=0.25"],
    "gan": ["data.points=200"],
    "resnet": ["data.labels=80", "model.widths=[2,2,2]", "model.depth=8"],
}
WAITS = {"_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "masked_select", "_unique2", "unique_dim",
         "unique_consecutive", "allclose"}  # fmt: skip
"""Operators that return only once the device has caught up: a number, a truth, a shape that values decide."""


class Operators(TorchDispatchMode):
    """Counts operators, and refuses those that would make the host wait for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        self.counts[name] += 1
        assert name not in WAITS, f"the step asks the device for an answer ({name})"
        if name in ("index", "index_put", "index_put_"):
            assert not any(i is not None and i.dtype == torch.bool for i in args[1]), "a mask's places are asked for"
        return func(*args, **(kwargs or {}))


@pytest.fixture
def operators(monkeypatch: pytest.MonkeyPatch) -> Operators:
    """The operators of the loop's tight stretch, without what is done before an epoch."""
    mode, steps = Operators(), loop.Loop._steps

    def watched(self: loop.Loop, *args: Any, **kwargs: Any) -> None:
        begin = self.milestone.begin_epoch

        def unwatched(data: Any) -> None:
            with _disable_current_modes():
                begin(data)

        with monkeypatch.context() as patch, mode:
            patch.setattr(self.milestone, "begin_epoch", unwatched)
            steps(self, *args, **kwargs)

    monkeypatch.setattr(loop.Loop, "_steps", watched)
    return mode


@pytest.mark.parametrize("name", LEARNING)
def test_no_step_waits_for_the_device(name: str, operators: Operators, workplace: Path) -> None:
    """Through the shared loop, where the log watches a step and where it does not; every phase but the last ones."""
    training = Training(name, *LEARNING[name], "log_every=2", steps=5)
    training()
    assert training.loop.state.step == 5
    assert operators.counts


def test_all_that_learns_is_among_them() -> None:
    assert {*LEARNING} == {*catalog.CATALOG} - {"mcculloch_pitts"}


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: x.item(),
        lambda x: bool(x > 0),
        lambda x: torch.equal(x, x),
        lambda x: x[None].nonzero(),
        lambda x: x[None][x[None] > 0],
    ],
)
def test_waits_are_seen(wait: Callable[[torch.Tensor], object]) -> None:
    with pytest.raises(AssertionError, match=r"asks the device|asked for"), Operators():
        wait(torch.ones(()))


@pytest.mark.parametrize(
    ("name", "words", "most"),
    [
        ("mlp_xor", ["replicas=1"], 38),
        ("lenet", ["optimizer.name=sgd", "batch_size=16"], 180),
        ("lenet", [], 80),
        ("lenet", ["replicas=2"], 80),
        ("resnet", ["model.widths=[2,2,2]", "data.labels=640"], 300),
    ],
)
def test_a_step_has_few_operators(
    name: str, words: list[str], most: int, operators: Operators, workplace: Path
) -> None:
    """Slices of the batch and sums for the log among them: of small networks each operator is what costs time."""
    training = Training(name, *words, "log_every=1000000", steps=5)
    training()
    operators.counts.clear()
    training()
    counted = sum(operators.counts.values()) / 5
    assert 0.8 * most <= counted <= most, operators.counts.most_common(12)


def test_what_is_compiled_is_one_graph(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A break would be an error of the compiler, after which the plain way is gone, with a warning."""
    names = [name for name in catalog.CATALOG if catalog.milestone_class(name).compiled]
    assert names
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    for name in names:
        plain, training = (Training(name, *LEARNING[name], "log_every=1", steps=3) for _ in range(2))
        plain()
        compiling.apply(training.milestone, pytest.fail)
        training()
        assert training.loop.losses == pytest.approx(plain.loop.losses, rel=1e-6)
        for part in training.milestone.compiled:
            forward: Any = training.milestone.get_submodule(part).forward
            assert forward.shape is not None
            assert forward.fast is not forward.plain


IMPORTS = """
import sys
import torch
brought = set(sys.modules)
from landmarks import cli
cli.main({words!r})
print(sorted(m for m in set(sys.modules) - brought if m.startswith({heavy!r})))
"""
HEAVY = ("torchvision", "matplotlib", "torch._dynamo", "torch._inductor", "torch.distributed", "scipy", "sklearn",
         "pandas", "sympy", "mlxtend")  # fmt: skip


def test_a_run_imports_nothing_heavy_that_it_does_not_need(workplace: Path) -> None:
    words = ["run", "mlp_xor", "-q", "epochs=2", "figures=false"]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS.format(words=words, heavy=HEAVY)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_benchmark_times_the_very_training_of_a_run(workplace: Path) -> None:
    words = ["epochs=10", "log_every=1", "figures=false"]
    folder = execute.start(config.compose("mlp_xor", words), quiet=True)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    training = Training("mlp_xor", *words, steps=5)
    training(), training()
    assert training.loop.losses == [line["train/loss"] for line in lines if "train/loss" in line]


@pytest.mark.parametrize(
    ("sense", "difference", "ratio", "reached"),
    [("at most", False, 0.5, True), ("at least", False, 2.0, True), ("at most", True, -1.0, False)],
)
def test_a_row_compares_ours_with_the_reference(sense: Any, difference: bool, ratio: float, reached: bool) -> None:
    """Ours takes 1 s, the reference 2 s; the first time each is warming up."""
    times = {"ours": iter([9.0, *[1.0] * 6]), "reference": iter([9.0, *[2.0] * 6])}
    row = Row(
        "row", "what", "that", {0.5: 0.5, 2.0: 1.9, -1.0: -1.5}[ratio],
        lambda: (lambda: next(times["ours"]), lambda: next(times["reference"])), sense, "ms a step", difference,
    )  # fmt: skip
    found = measured(row, 3)
    assert (found["ours"], found["reference"]) == (1000, 2000)
    assert (found["ratio"], found["low"], found["high"], found["reached"]) == (ratio, ratio, ratio, reached)


def test_rows_have_names_of_their_own() -> None:
    names = [row.name for row in (*rows.CPU, *accelerator.GPU)]
    assert len({*names}) == len(names)


def test_without_cuda_its_rows_are_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert bench.main(["gpu"]) == 1
    assert re.fullmatch(r"bench: torch \S+ sees no CUDA device here\n", capsys.readouterr().err)


def test_a_row_that_cannot_be_measured_says_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "lightning", None)
    assert bench.main(["lightning", "--json", str(tmp_path / "found.json")]) == 0
    (row,) = json.loads((tmp_path / "found.json").read_text())["rows"]
    assert row["missing"].startswith("needs Lightning: pip install")
    assert row["missing"] in capsys.readouterr().out


ROOT = Path(bench.__file__).parent.parent


def test_results_say_what_the_json_says() -> None:
    """Byte for byte, and whatever stands around the section stays."""
    text, made = (ROOT / "RESULTS.md").read_text(), report.section(ROOT / "results")
    assert report.written(text, made) == text
    assert text.count(report.BEGIN) == 1
    before, after = "# Results\n\nabove\n\n", "\nbelow\n"
    once = report.written(before, "old\n") + after
    assert report.written(once, made) == before + f"{report.BEGIN}\n{made}{report.END}\n" + after


def test_results_name_no_place_of_a_machine() -> None:
    for path in (ROOT / "results").glob("speed*.json"):
        text = path.read_text()
        assert not re.search(r'[" ]/', text), path
        assert {"machine", "device", "torch", "date", "commit", "rows"} <= json.loads(text).keys()
