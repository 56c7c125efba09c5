"""`scripts/tour.ipynb`: valid and without outputs, all that it names is there, and it runs from top to bottom."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import pytest
from nbclient import NotebookClient

import landmarks
from landmarks import cli, config
from landmarks.catalog import CATALOG
from landmarks.figures import lenet as drawn
from landmarks.results import Run

pytestmark = pytest.mark.usefixtures("compose_once")

NOTEBOOK = Path(__file__).parents[1] / "scripts" / "tour.ipynb"
TOUR = nbformat.read(NOTEBOOK, as_version=4)
CODE = [cell for cell in TOUR.cells if cell.cell_type == "code"]
TEXT = "\n".join(cell.source for cell in TOUR.cells)


def test_it_is_valid_and_has_no_outputs() -> None:
    nbformat.validate(TOUR)
    assert len({cell.id for cell in TOUR.cells}) == len(TOUR.cells)
    assert TOUR.metadata.kernelspec.name == "python3"
    pictures = re.findall(r'src="([^"]+)"', TEXT)
    assert pictures
    assert all((NOTEBOOK.parent / picture).is_file() for picture in pictures)
    for cell in CODE:
        assert not cell.outputs
        assert cell.execution_count is None
        compile(cell.source, cell.id, "exec")
        assert len(cell.source.splitlines()) <= 20, cell.id


def test_what_it_calls_is_public() -> None:
    called = set(re.findall(r"\blandmarks\.([a-z]\w*)\(", TEXT))
    assert called >= {"run", "show", "demo"}
    assert called <= {*landmarks.__all__}
    asked = set(re.findall(r"(?<!\")\b(?:xor|lenet|scrambled|run)\.(\w+)", TEXT))
    assert asked >= {"metrics", "figures", "curves", "predict"}
    assert asked <= {name for name in vars(Run) if not name.startswith("_")}


def test_the_commands_in_it_are_understood() -> None:
    commands = re.findall(r"`landmarks (\w[^`]*)`", TEXT)
    assert len(commands) > 5
    for command in commands:
        verb, *words = shlex.split(command)
        assert verb in cli.VERBS, command
        assert all(option in cli.HELP for option in words if option.startswith("-")), command
        if verb == "run":
            assert config.compose(words[0], words[1:]).tree["milestone"] == words[0]
        elif words and not words[0].startswith("-"):
            assert words[0] == "all" or words[0] in CATALOG, command


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a cell as a notebook does: statements, and the value of a last expression."""
    *body, last = ast.parse(source).body
    value = None
    if not isinstance(last, ast.Expr):
        body.append(last)
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    return value


def test_every_cell_runs(workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In this process, with few starts and one pass over the digits; `slow` runs it as it stands."""
    run: Callable[..., Run] = landmarks.run
    shorter = {"mlp_xor": ["replicas=3"], "lenet": ["epochs=1", "histograms=false"]}

    def run_shorter(name: str, *words: str, quiet: bool) -> Run:
        without = ["figures=false"] if "model.scramble=true" in words else []
        return run(name, *words, *shorter[name], *without, quiet=quiet)

    monkeypatch.setattr(landmarks, "run", run_shorter)
    monkeypatch.setattr(drawn, "SHOWN", 3)
    monkeypatch.setitem(mpl.rcParams, "backend", "agg")
    names: dict[str, Any] = {}
    shown = {cell.id: run_cell(cell.source, names) for cell in CODE}
    assert "data:image/png;base64," in shown["run-xor"]._repr_html_()
    assert shown["demo-xor"].shown
    assert "## The verdict" in shown["explain"]
    assert names["scrambled"].config["model"]["scramble"]
    assert [found.file for found in names["found"]] == [f"runs/drawn/{digit}.png" for digit in names["strokes"]]
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_it_runs_from_top_to_bottom_in_a_kernel(workplace: Path) -> None:
    """As it stands: nothing on stderr, pictures where they should be, and the drawn digits read as what they are."""
    tour = nbformat.read(NOTEBOOK, as_version=4)
    tour.cells.append(nbformat.v4.new_code_cell("print([(digit[0], a.label) for digit, a in zip(strokes, found)])"))
    NotebookClient(tour, timeout=600, resources={"metadata": {"path": str(workplace)}}).execute()
    outputs = [output for cell in tour.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    pictures = [
        cell.id for cell in tour.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert pictures == ["feature-maps", "curves", "predict"]
    read = ast.literal_eval(outputs[-1].text)
    assert sum(digit == label for digit, label in read) >= len(read) - 1
