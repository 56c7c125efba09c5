"""`import landmarks`: the same functions as the command line, light to import, at home in a notebook."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import landmarks
from landmarks import cli, runs
from landmarks.catalog import CATALOG
from landmarks.milestones.mlp_xor import MLPXOR

README = Path(__file__).parents[1] / "README.md"


def python(code: str) -> str:
    """Run code in a process of its own, without a terminal."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_importing_is_light() -> None:
    heavy = "{'torch', 'hydra', 'omegaconf', 'numpy', 'matplotlib', 'tensorboard', 'rich', 'scipy'}"
    assert python(f"import sys, landmarks; print({heavy} & sys.modules.keys())") == "set()\n"
    asked = "import landmarks.cli; from landmarks import runs; print(runs.loaded.cache_info().currsize)"
    assert python(asked) == "0\n"  # what does not train asks for no commit
    assert runs.loaded.cache_info().currsize == 1


@pytest.mark.parametrize(
    ("loaded", "now", "dirty"),
    [
        (("a", False), ("a", False), False),
        (("a", True), ("a", True), True),
        ((None, None), (None, None), None),
        (("a", False), ("a", True), True),
        (("a", False), ("b", False), True),
        (("a", True), ("b", False), True),
        ((None, None), (None, True), True),
    ],
)
def test_the_code_of_a_run_is_what_was_loaded(
    loaded: tuple[str | None, bool | None],
    now: tuple[str | None, bool | None],
    dirty: bool | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "loaded", lambda: loaded)
    monkeypatch.setattr(runs, "_commit", lambda: now)
    found = runs.state_of_code()
    assert (found["commit"], found["dirty"]) == (loaded[0], dirty)


def test_the_python_lines_of_the_readme_run(workplace: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        python(block)


def test_as_in_a_notebook(workplace: Path) -> None:
    """No terminal, two runs in one process, a wrong override caught; then the same sentence on the command line."""
    out = python(
        """
import landmarks
first = landmarks.run("mlp_xor", "epochs=30", quiet=True)
try:
    landmarks.run("mlp_xor", "optimiser.lr=1")
except landmarks.UsageError as error:
    print(error)
second = landmarks.run("mlp_xor", "epochs=30", "figures=false", quiet=True)
assert first.folder != second.folder
assert first.metrics == second.metrics
assert landmarks.load("last").folder == second.folder
assert "data:image/png;base64," in first._repr_html_()
"""
    )
    assert out.count("\n") == 1  # a quiet run says nothing
    done = subprocess.run(
        [sys.executable, "-m", "landmarks", "run", "mlp_xor", "optimiser.lr=1"], capture_output=True, text=True
    )
    assert done.stderr == f"landmarks: {out}"


def test_a_run_that_is_not_quiet_says_what_it_does(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = landmarks.run("mlp_xor", "replicas=2", "figures=false")
    said = capsys.readouterr().out.splitlines()
    assert str(run.folder) in said[0]
    assert said[-1] == run.result


def test_what_a_run_holds(workplace: Path) -> None:
    run = landmarks.run("mlp_xor", "replicas=3", "log_every=10", quiet=True)
    assert run.name == "mlp_xor"
    assert run.status == "finished"
    assert run.config["replicas"] == 3
    assert run.metrics["train_set/solved"] == 1
    curve = run.curves["train/loss"]
    assert len(curve.step) == len(curve.epoch) == len(curve.value)
    assert curve.step[:3] == [10, 20, 30]
    assert {"curves", "hidden_code"} <= run.figures.keys()
    assert all(path.is_file() for path in run.figures.values())
    model = run.model()
    assert not model.training
    assert int(model.get_buffer("sweeps").median()) == run.metrics["train_set/sweeps_median"]
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).expand(3, 4, 2)
    assert (model(x) > 0.5).squeeze(2).tolist() == [[False, True, True, False]] * 3


def test_the_weights_of_a_model_are_those_of_the_run(workplace: Path) -> None:
    run = landmarks.run("mlp_xor", "epochs=20", "figures=false", quiet=True)
    longer = landmarks.run("mlp_xor", "epochs=40", "figures=false", quiet=True)
    run.resume("epochs=40", quiet=True)
    for name, tensor in landmarks.load(run.folder).model().state_dict().items():
        assert torch.equal(tensor, longer.model().state_dict()[name])


def test_what_is_shown_is_the_text_of_the_command_line(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["mcculloch_pitts.M1"], ["mcculloch_pitts", "model.inhibition=relative"]):
        assert cli.main(["show", *words]) == 0
        text = landmarks.show(*words)
        assert repr(text) == capsys.readouterr().out
        assert text._repr_markdown_().startswith(f"##{text.splitlines()[0]}\n")
    every = landmarks.show()
    assert all(f"| {entry.year} | {entry.name} | {entry.headline} |" in every for entry in CATALOG.values())
    with pytest.raises(landmarks.UsageError, match=r"mlp_xor\.X1 stands alone, so it takes no seed=1"):
        landmarks.show("mlp_xor.X1", "seed=1")


def test_a_failure_of_a_run_is_an_exception(workplace: Path) -> None:
    (workplace / "runs").write_text("in the way")
    with pytest.raises(landmarks.LandmarksError, match="choose another with runs=DIR"):
        landmarks.run("mlp_xor", quiet=True)


def test_quiet_on_the_command_line_leaves_the_result(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "mlp_xor", "-q"]) == 0
    assert capsys.readouterr().out == landmarks.load("last").result + "\n"


def test_a_run_leaves_the_process_as_it_was(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads, flags and random numbers of whoever calls are his own again; also where the run fails."""

    def fail(milestone: MLPXOR, metrics: object) -> str:
        raise landmarks.LandmarksError("on purpose")

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    before = torch.get_num_threads(), torch.get_deterministic_debug_mode(), torch.get_float32_matmul_precision()
    torch.set_num_threads(before[0] + 1)
    landmarks.run("mlp_xor", "epochs=3", "figures=false", "threads=1", quiet=True)
    monkeypatch.setattr(MLPXOR, "conclude", fail)
    with pytest.raises(landmarks.LandmarksError, match="on purpose"):
        landmarks.run("mlp_xor", "epochs=3", quiet=True)
    assert torch.get_num_threads() == before[0] + 1
    torch.set_num_threads(before[0])
    after = torch.get_num_threads(), torch.get_deterministic_debug_mode(), torch.get_float32_matmul_precision()
    assert after == before
    assert torch.equal(torch.rand(3), expected)


def test_an_old_handle_sees_what_became_of_its_run(workplace: Path) -> None:
    run = landmarks.run("mlp_xor", "epochs=5", "figures=false", quiet=True)
    assert run.summary["steps"] == 5
    run.resume("epochs=9", quiet=True)
    assert run.summary["steps"] == 9


def test_an_override_is_a_text() -> None:
    with pytest.raises(landmarks.UsageError, match='override 3: write a text, "KEY=VALUE"'):
        landmarks.run("perceptron", 3)  # type: ignore[arg-type]
