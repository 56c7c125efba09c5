"""`init` and `landmarks export`: weights go out under their names and come in by them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import landmarks
from landmarks import cli
from landmarks.errors import LandmarksError, UsageError
from landmarks.results import Run

pytestmark = pytest.mark.usefixtures("compose_once")

SHORT = (
    "data.sizes=[60,20,20]",
    "pretraining.epochs=1",
    "model.hidden=[10,8]",
    "probe=null",
    "epochs=1",
    "figures=false",
)


@pytest.fixture
def first(workplace: Path) -> Run:
    return landmarks.run("dae", *SHORT, quiet=True)


def test_an_exported_network_is_where_the_next_run_begins(first: Run) -> None:
    assert cli.main(["export", "last", "-o", "out.safetensors"]) == 0
    exported, trained = load_file("out.safetensors"), first.model().state_dict()
    assert exported.keys() == trained.keys()
    assert all(torch.equal(exported[name], trained[name]) for name in trained)
    torch.save({"state_dict": trained}, "out.pt")
    begun = [
        landmarks.run("dae", *SHORT, "pretraining.epochs=0", f"init={word}", "finetuning.lr=1e-30", quiet=True)
        for word in ("out.safetensors", "out.pt", "last")
    ]
    for run in begun:  # a rate of nothing: the weights stay
        assert all(torch.allclose(trained[name], tensor) for name, tensor in run.model().state_dict().items())
    fingerprints = [run.summary["fingerprint"] for run in begun]
    assert fingerprints[0] != fingerprints[1]  # other bytes
    assert first.summary["fingerprint"] not in fingerprints


def test_what_fits_is_taken_and_the_rest_is_said(first: Run, capfd: pytest.CaptureFixture[str]) -> None:
    landmarks.run("dae", *SHORT, "model.hidden=[10,9]", f"init={first.folder}")
    assert "begins with 5 tensors of" in (
        said := capfd.readouterr().out
    )  # all of layer 1, b′ of layer 2, the biases on top
    assert "new: encoders.1.weight" in said


def test_an_init_of_no_use_is_refused_in_a_sentence(first: Run) -> None:
    save_file({"other": torch.zeros(3)}, "other.safetensors")
    Path("words.safetensors").write_text("words")
    Path("words.pt").write_text("words")
    save_file({"network.conv1.weight": torch.zeros(3), "mean": torch.zeros(3, 32, 32)}, "mean.safetensors")
    with pytest.raises(LandmarksError, match="none of its 2 tensors has a name and a shape of this network's weights"):
        landmarks.run("resnet", "steps=1", "init=mean.safetensors", quiet=True)  # as alexnet's mean fits resnet
    for word, said in (
        ("other.safetensors", "none of its 1 tensors"),
        ("words.safetensors", "not a file of weights"),
        ("words.pt", "not a file of weights"),
    ):
        with pytest.raises(LandmarksError, match=said):
            landmarks.run("dae", *SHORT, f"init={word}", quiet=True)
    with pytest.raises(UsageError, match="init=nowhere: neither a file nor a run"):
        landmarks.run("dae", *SHORT, "init=nowhere", quiet=True)
    with pytest.raises(UsageError, match=r"must end in \.safetensors"):
        first.export("out.pth")
