"""What only a CUDA device can show: the same losses as on the CPU, no wait in a step, resume."""

from __future__ import annotations

import json
from pathlib import Path

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
    "lenet": ["steps=null", "epochs=1", "log_every=1", "eval_every=50", "data.valid=3950"],
    "mlp_xor": ["epochs=50", "replicas=20", "log_every=1"],
}


def losses(folder: Path) -> list[float]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line["train/loss"] for line in lines if "train/loss" in line][:50]


@pytest.mark.parametrize("name", RUNS)
def test_the_first_fifty_losses_are_those_of_the_cpu(name: str, workplace: Path) -> None:
    words = [*RUNS[name], "figures=false"]
    found = [execute.start(config.compose(name, [*words, f"device={d}"]), quiet=True) for d in ("cpu", "cuda")]
    cpu, cuda = map(losses, found)
    assert len(cpu) == 50
    assert cuda == pytest.approx(cpu, rel=1e-3)


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
