"""When parts of a step are compiled, what then takes the compiled way, and what happens where there is no compiler."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from landmarks import assemble, compiling, config, execute
from landmarks.errors import UsageError

pytestmark = pytest.mark.usefixtures("compose_once")

CPU = torch.device("cpu")
SMALL = ["model.depth=8", "model.widths=[4,8,8]", "steps=6", "batch_size=64", "eval_every=3", "figures=false"]


def resnet(*words: str) -> Any:
    return assemble.make(config.compose("resnet", [*SMALL, *words]))


def test_training_that_repays_a_compilation_is_compiled() -> None:
    milestone = resnet()
    once = 3 * sum(layer.multiply_adds or 0 for layer in milestone.layers())
    enough = int(compiling.REPAYS["cpu"] / once) + 1
    assert compiling.choose(milestone, CPU, lambda: enough).compiled
    short = compiling.choose(milestone, CPU, lambda: enough - 2)
    assert not short.compiled
    assert "too short to repay it" in short.why
    assert not compiling.choose(milestone, torch.device("cuda"), lambda: enough).compiled, "CUDA is faster without"


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_asked_for_is_done_and_what_was_chosen_is_obeyed(asked: bool) -> None:
    def never() -> int:
        raise AssertionError("nothing is to be estimated")

    word = str(asked).lower()
    assert compiling.choose(resnet(f"compile={word}"), CPU, never).compiled is asked
    assert compiling.choose(resnet("compile=auto"), CPU, never, before=asked).compiled is asked


def test_where_it_cannot_be_had_that_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    dae = assemble.make(config.compose("dae", ["compile=true"]))
    with pytest.raises(UsageError, match="compile=true: dae names nothing that gains by it; leave it at auto"):
        compiling.check(dae, CPU)
    monkeypatch.setenv("CXX", "no-such-compiler")
    compiling.check(resnet(), CPU)
    with pytest.raises(UsageError, match=r"there is no C\+\+ compiler here \(no-such-compiler\)"):
        compiling.check(resnet("compile=true"), CPU)


class Part:
    """Doubles; `calls` says which way each batch took."""

    def __init__(self, broken: bool = False) -> None:
        self.calls: list[str] = []
        self.said: list[str] = []
        self.compiled = compiling.Compiled(self.plain, self.said.append)
        self.compiled.fast = self.broken if broken else self.fast

    def plain(self, x: Tensor) -> Tensor:
        self.calls.append("plain")
        return 2 * x

    def fast(self, x: Tensor) -> Tensor:
        self.calls.append("fast")
        return 2 * x

    def broken(self, x: Tensor) -> Tensor:
        raise torch._dynamo.exc.BackendCompilerFailed(print, RuntimeError("no linker"), None)


def test_only_whole_batches_of_training_take_the_compiled_way() -> None:
    part = Part()
    with torch.no_grad():
        part.compiled(torch.ones(5))
    for size in (4, 4, 3, 4):
        assert torch.equal(part.compiled(torch.ones(size)), torch.full((size,), 2.0))
    assert part.calls == ["plain", "fast", "fast", "plain", "fast"]


def test_a_compiler_that_fails_is_told_once_and_done_without() -> None:
    part = Part(broken=True)
    for _ in range(3):
        assert torch.equal(part.compiled(torch.ones(4)), torch.full((4,), 2.0))
    assert part.calls == ["plain"] * 3
    (said,) = part.said
    assert said.startswith("compile: goes on without, for torch.compile failed")


def test_the_choice_is_stored_and_a_resumed_run_without_a_compiler_says_so(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = execute.start(config.compose("resnet", [*SMALL, "compile=false"]))
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["compile"] is False
    assert "compile: no, as asked" in capsys.readouterr().out
    (folder / "environment.json").write_text(json.dumps(environment | {"compile": True}))
    monkeypatch.setenv("CXX", "no-such-compiler")
    execute.resume(folder, ["steps=8"])
    assert "compile was true and is false (there is no C++ compiler here (no-such-compiler))" in capsys.readouterr().out


@pytest.mark.slow
def test_compiled_runs_follow_plain_ones_and_resume_exactly(workplace: Path) -> None:
    words = [*SMALL, "checkpoint_every=3", "histograms=false", "optimizer.warmup={rate:0.001,below:0.5}"]

    def losses(folder: Path) -> list[float]:
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return [line["train/loss"] for line in lines if "train/loss" in line]

    plain, fast = (
        execute.start(config.compose("resnet", [*words, f"compile={c}", "log_every=1"]), quiet=True)
        for c in ("false", "true")
    )
    assert losses(fast) == pytest.approx(losses(plain), rel=1e-4)
    half = execute.start(config.compose("resnet", [*words, "compile=true", "steps=3", "log_every=1"]), quiet=True)
    execute.resume(half, ["steps=6"], quiet=True)
    first, second = (load_file(folder / "model.safetensors") for folder in (fast, half))
    assert all(torch.equal(first[name], second[name]) for name in first)
