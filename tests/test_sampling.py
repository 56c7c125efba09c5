"""`landmarks sample`: the generator alone, out of a run's weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import landmarks
from landmarks import assemble, cli
from landmarks.errors import LandmarksError, UsageError
from landmarks.milestones import gan
from landmarks.results import Run
from tests.test_gan import TINY

pytestmark = pytest.mark.usefixtures("compose_once")


@pytest.fixture
def run(workplace: Path) -> Run:
    return landmarks.run("gan", *TINY, "figures=false", quiet=True)


def test_samples_are_those_of_the_trained_generator(run: Run) -> None:
    samples = run.sample(50, seed=3)
    assert samples.shape == (50, 2)
    assert torch.equal(samples, run.sample(50, seed=3))
    assert not torch.equal(samples, run.sample(50, seed=4))
    assert torch.equal(samples[:10], run.sample(50, seed=3)[:10])
    trained = run.model()
    assert isinstance(trained, gan.GAN)
    z = trained.generator.noise(50, torch.Generator().manual_seed(3))
    assert torch.equal(samples, trained.generator(z).detach())


def test_the_generator_stands_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the discriminator's weights in the file, and where it cannot even be built."""
    before, path = run.sample(5), run.folder / "model.safetensors"
    kept = {name: tensor for name, tensor in load_file(path).items() if name.startswith("generator.")}
    save_file(kept, path)

    def refuse(*words: object) -> None:
        raise AssertionError("a discriminator was built")

    monkeypatch.setattr(gan, "Discriminator", refuse)
    assert torch.equal(run.sample(5), before)
    with pytest.raises(AssertionError, match="a discriminator was built"):
        run.model()


def test_drawing_leaves_the_callers_randomness_alone(run: Run) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    run.sample(4)
    assert torch.equal(torch.rand(3), wanted)


def test_the_verb_writes_a_picture_or_numbers(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sample", "last"]) == 0
    path = run.folder / "samples.png"
    assert capsys.readouterr().out.strip() == str(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert cli.main(["sample", "last", "-n", "7", "--seed", "2", "-o", "out/points.npy"]) == 0
    assert np.array_equal(np.load("out/points.npy"), run.sample(7, 2).numpy())
    assert cli.main(["sample", str(run.folder), "-o", "grid.PNG", "-n", "1"]) == 0
    assert Path("grid.PNG").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["sample"], 2, "sample wants one run"),
        (["sample", "last", "last"], 2, "sample wants one run"),
        (["sample", "last", "-n", "0"], 2, "-n 0: at least one sample is wanted"),
        (["sample", "last", "-n", "many"], 2, "want whole numbers"),
        (["sample", "last", "--seed", "-1"], 2, "--seed -1: a seed is a whole number from 0 on"),
        (["sample", "last", "-o", "grid.jpeg"], 2, "-o grid.jpeg: ends in none of .png, .npy"),
        (["sample", "last", "--sed", "1"], 2, "did you mean --seed?"),
        (["sample", "nowhere"], 2, "no run of that name"),
    ],
)
def test_a_wrong_word_is_one_sentence(
    words: list[str], code: int, says: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli.main(words) == code
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_what_generates_nothing_or_is_not_finished_says_so(run: Run) -> None:
    other = landmarks.run("mlp_xor", "epochs=2", "figures=false", quiet=True)
    with pytest.raises(UsageError, match="mlp_xor generates nothing; gan does"):
        other.sample()
    path = run.folder / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "interrupted"}))
    with pytest.raises(LandmarksError, match=r"is not finished \(interrupted\)"):
        run.sample()


def test_weights_of_another_net_are_refused(run: Run) -> None:
    path = run.folder / "model.safetensors"
    save_file({name: tensor[..., :1].clone() for name, tensor in load_file(path).items() if tensor.ndim}, path)
    with pytest.raises(LandmarksError, match="not the weights of this network"):
        assemble.load_sampler(run.folder)
    path.write_bytes(b"nothing")
    with pytest.raises(LandmarksError, match="not the weights of this network"):
        assemble.load_sampler(run.folder)
