"""What only a CUDA device can show: the same losses as on the CPU, no wait in a step, resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from landmarks import catalog, config, execute, runs
from landmarks.errors import Interrupted
from landmarks.milestone import Batch, Milestone, Scalars

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here"),
]
RUNS = {
    "perceptron": ["experiment=photoperceptron", "epochs=8", "log_every=1", "eval_every=40"],
    "lenet": ["steps=null", "epochs=1", "log_every=1", "eval_every=50", "data.valid=3950"],
    "mlp_xor": ["epochs=50", "replicas=20", "log_every=1"],
    "lstm": ["steps=60", "log_every=1", "eval_every=60", "data.tested=50"],
    "dae": ["data.sizes=[400,20,20]", "pretraining.epochs=3", "model.hidden=[50,50]", "epochs=1", "log_every=1",
            "corruption.name=salt_and_pepper", "emphasis.intact=0.5"],
    "gan": ["data.points=400", "epochs=20", "batch_size=128", "log_every=1", "eval_every=100"],
    # few layers and a low rate: deep nets with BN make of a rounding error of 1e-7 one of 1e-2 within fifty steps
    "alexnet": ["data.labels=1600", "epochs=1", "log_every=1", "eval_every=50"],
    "resnet": ["model.depth=8", "steps=50", "log_every=1", "eval_every=50", "optimizer.warmup={rate:0.001,below:0.8}"],
}  # fmt: skip


def losses(folder: Path) -> list[float]:
    """The first fifty values of the first scalar of a step."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    first = next(name for line in lines for name in line if name.startswith("train/"))
    return [line[first] for line in lines if first in line][:50]


@pytest.fixture
def same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a step draws comes out of the CPU's generator on every device; CUDA's own draws other numbers."""
    for name in ("rand", "randn"):
        draw: Any = getattr(torch, name)
        like: Any = getattr(torch, f"{name}_like")

        def drawn(*size: Any, draw: Any = draw, device: Any = None, generator: Any = None) -> torch.Tensor:
            if generator is not None:
                return draw(*size, device=device, generator=generator)  # type: ignore[no-any-return]
            return draw(*size).to(device)  # type: ignore[no-any-return]

        def drawn_like(x: torch.Tensor, like: Any = like) -> torch.Tensor:
            return like(x.cpu()).to(x.device)  # type: ignore[no-any-return]

        monkeypatch.setattr(torch, name, drawn)
        monkeypatch.setattr(torch, f"{name}_like", drawn_like)


@pytest.mark.usefixtures("same_draws")
@pytest.mark.parametrize("name", RUNS)
def test_the_first_fifty_losses_are_those_of_the_cpu(name: str, workplace: Path) -> None:
    words = [*RUNS[name], "figures=false", "compile=false"]
    found = [execute.start(config.compose(name, [*words, f"device={d}"]), quiet=True) for d in ("cpu", "cuda")]
    cpu, cuda = map(losses, found)
    assert len(cpu) == 50
    assert cuda == pytest.approx(cpu, rel=1e-3)


@pytest.mark.parametrize("name", RUNS)
def test_steps_as_one_graph_are_the_steps(name: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every fifth step is watched and so made as it is; the others are started as one graph."""
    words = [*RUNS[name], "log_every=5", "figures=false", "device=cuda"]
    found = [execute.start(config.compose(name, [*words, f"compile={c}"])) for c in ("false", "auto")]
    assert "make no CUDA graph" not in capsys.readouterr().out
    plain, graphs = map(losses, found)
    assert len(plain) >= 10
    assert graphs == pytest.approx(plain, rel=1e-3)


def test_nets_that_never_learn_say_the_same_on_cuda(workplace: Path) -> None:
    found = [
        execute.start(config.compose("mcculloch_pitts", [f"device={d}", "figures=false"]), quiet=True)
        for d in ("cpu", "cuda")
    ]
    cpu, cuda = (runs.summary(folder)["metrics"] for folder in found)
    assert cpu == cuda


@pytest.mark.parametrize("name", RUNS)
def test_no_step_waits_for_cuda(name: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cls = catalog.milestone_class(name)
    step = cls.step

    def watched(self: Milestone, batch: Batch) -> Scalars:
        torch.cuda.set_sync_debug_mode("error")
        try:
            return step(self, batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(cls, "step", watched)
    folder = execute.start(config.compose(name, [*RUNS[name], "figures=false", "device=cuda"]), quiet=True)
    assert len(losses(folder)) == 50


def test_an_interrupted_run_ends_as_a_whole_one(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["epochs=300", "replicas=20", "figures=false", "device=cuda"]
    whole = execute.start(config.compose("mlp_xor", words), quiet=True)
    with monkeypatch.context() as patch:
        save = execute.loop.Loop._save

        def interrupt(self: execute.loop.Loop) -> None:
            save(self)
            raise Interrupted("interrupted", 2)

        patch.setattr(execute.loop.Loop, "_save", interrupt)
        with pytest.raises(Interrupted):
            execute.start(config.compose("mlp_xor", [*words, "checkpoint_every=130"]), quiet=True)
    cut = execute.resume(runs.find("last", "runs"), quiet=True)
    assert (whole / "model.safetensors").read_bytes() == (cut / "model.safetensors").read_bytes()
