"""The memory cells as one C++ operator: the plain ones' numbers for every form, and what is said without a compiler.

Needs a C++ compiler and ninja, and is skipped without. Compiled once, into pytest's own cache folder.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import landmarks
from landmarks import config, execute, runs
from landmarks.errors import UsageError
from landmarks.milestones.lstm import LSTM
from landmarks.parts import compiled_cells
from landmarks.parts import memory_cells as memory
from landmarks.parts.compiled_cells import CompiledCells
from tests.test_loop import same
from tests.test_lstm import CASES, EASY, TINY, Batch, Killed, first_block, make, ready, slopes

pytestmark = pytest.mark.usefixtures("compose_once")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cells(pytestconfig: pytest.Config) -> CompiledCells:
    assert pytestconfig.cache is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("compiled_cells")))
        try:
            return CompiledCells(CPU)
        except UsageError as error:
            if "there is no C++ compiler" in str(error) or "to build; `pip install" in str(error):
                pytest.skip(str(error))
            raise


@pytest.fixture
def at_hand(
    cells: CompiledCells, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch, workplace: Path
) -> None:
    """A run in an empty workplace finds the library that is built."""
    assert pytestconfig.cache is not None
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("compiled_cells")))


def forms(forget_gate: bool) -> Iterator[tuple[memory.Form, str]]:
    """Every form, and which hidden units count in the next step."""
    switches = itertools.product((1, 3), (1, 2), (False, True), (False, True), ("all", "cells", "none"), (1.0, 0.9))
    for blocks, size, plain, output_gate, recurrent, carousel in switches:
        if not forget_gate or carousel == 1:
            gates = recurrent == "all"
            yield memory.Form(blocks, size, plain, output_gate, forget_gate, gates, carousel), recurrent


def drawn(form: memory.Form, recurrent: str, dtype: torch.dtype) -> tuple[Tensor, Tensor | None, Tensor]:
    """Net inputs (7, 3, 2, H), recurrent weights (3, K, H) or None, and blame (7, 3, 2, cells), not all contiguous."""
    generator = torch.Generator().manual_seed(form.units)
    net = torch.randn(7, 2, 3, form.units, generator=generator, dtype=dtype).transpose(1, 2)
    blame = torch.randn(7, 3, 2, form.cells, generator=generator, dtype=dtype)
    counted = form.units if recurrent == "all" else form.cells
    weight = torch.randn(3, form.units, counted, generator=generator, dtype=dtype).mT
    return net, None if recurrent == "none" else weight, blame


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_a_pass_and_its_truncated_gradient_are_the_plain_ones(
    cells: CompiledCells, dtype: torch.dtype, close: float
) -> None:
    for form, recurrent in forms(forget_gate=False):
        net, weight, blame = drawn(form, recurrent, dtype)
        plain, found = memory.run(form, net, weight), cells.run(form, net, weight)
        later = [c.run(form, net[4:], weight, c.run(form, net[:4], weight)) for c in (memory, cells)]
        back = memory.truncated(form, plain, blame), cells.truncated(form, found, blame)
        for one, other in zip((*plain, *later[0], *back[0]), (*found, *later[1], *back[1]), strict=True):
            assert torch.allclose(one, other, rtol=close, atol=close), (form, recurrent)


@pytest.mark.parametrize("forget_gate", [False, True])
def test_the_full_gradient_is_that_of_autograd(cells: CompiledCells, forget_gate: bool) -> None:
    for form, recurrent in forms(forget_gate):
        net, weight, blame = drawn(form, recurrent, torch.float64)
        leaves = [t.detach().requires_grad_() for t in (net, weight) if t is not None]
        outputs = [c.unrolled(form, leaves[0], leaves[1] if leaves[1:] else None) for c in (memory, cells)]
        gradients = [torch.autograd.grad(output, leaves, blame) for output in outputs]
        assert torch.allclose(*outputs, rtol=1e-13, atol=1e-13), (form, recurrent)
        for one, other in zip(*gradients, strict=True):
            assert torch.allclose(one, other, rtol=1e-11, atol=1e-12), (form, recurrent)


@pytest.mark.parametrize("threads", [1, 2])
def test_replicas_are_shared_out_among_threads_without_effect(cells: CompiledCells, threads: int) -> None:
    form = memory.Form(2, 2, False, True, False, True, 1.0)
    generator = torch.Generator().manual_seed(0)
    net, weight = torch.randn(50, 600, 1, 8, generator=generator), torch.randn(600, 8, 8, generator=generator)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        tape = cells.run(form, net, weight)
        blame = cells.truncated(form, tape, tape.y[1:, ..., :4])
    finally:
        torch.set_num_threads(before)
    for r in (0, 299, 300, 599):
        alone = cells.run(form, net[:, r : r + 1], weight[r : r + 1])
        assert torch.equal(alone.s[:, 0], tape.s[:, r])
        own = cells.truncated(form, alone, alone.y[1:, ..., :4])
        assert torch.equal(own.delta[:, 0], blame.delta[:, r])


@pytest.mark.parametrize(
    "overrides", [*CASES, ("experiment=reber",), ("gradient=full",), ("model.cell=lstm2000", "gradient=full")]
)
def test_a_step_with_it_is_the_plain_step(cells: CompiledCells, overrides: tuple[str, ...]) -> None:
    plain, compiled = ready(*overrides), ready(*overrides)
    compiled.nets.cells = cells
    batch = first_block(plain)
    for (name, one), other in zip(slopes(plain, batch).items(), slopes(compiled, batch).values(), strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-12), name


@pytest.mark.usefixtures("at_hand")
def test_a_run_with_it_is_resumed_with_it_to_the_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*TINY, *EASY, "steps=30", "figures=false", "operator=cpp"]
    calls, step, go = [0], LSTM.step, CompiledCells.run

    def counted(self: CompiledCells, *arguments: object) -> memory.Tape:
        calls[0] += 1
        return go(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(CompiledCells, "run", counted)
    whole = landmarks.run("lstm", *words, quiet=True)
    assert calls[0] > 30
    plain = landmarks.run("lstm", *words[:-1], quiet=True)
    for name in ("train/loss", "test/absolute_error"):
        assert plain.curves[name].value == pytest.approx(whole.curves[name].value, rel=1e-4)
    assert plain.summary["fingerprint"] != whole.summary["fingerprint"]  # the same but for rounding is not the same
    assert whole.evaluate() == pytest.approx(
        {n: v for n, v in whole.metrics.items() if n.startswith("test/")}, rel=1e-4
    )
    with monkeypatch.context() as patch:

        def killed(self: LSTM, batch: Batch) -> dict[str, Tensor]:
            if calls[0] > 20:
                raise Killed
            return step(self, batch)

        calls[0] = 0
        patch.setattr(LSTM, "step", killed)
        with pytest.raises(Killed):
            execute.start(config.compose("lstm", words), quiet=True)
    calls[0], cut = 0, runs.find("last", "runs")
    execute.resume(cut, quiet=True)
    assert calls[0] > 0
    assert same(whole.folder, cut)


def test_without_a_compiler_there_is_one_sentence_and_no_folder(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UsageError, match=r"there is no C\+\+ compiler here \(no-such-compiler\); install one"):
        landmarks.run("lstm", *TINY, "operator=cpp", quiet=True)
    monkeypatch.setenv("CXX", "false")
    monkeypatch.setattr("torch.utils.cpp_extension.is_ninja_available", lambda: True)
    with pytest.raises(UsageError, match=r"false could not build memory_cells\.cpp .*; mend it, or leave"):
        landmarks.run("lstm", *TINY, "operator=cpp", quiet=True)
    monkeypatch.setattr("torch.utils.cpp_extension.is_ninja_available", lambda: False)
    with pytest.raises(UsageError, match="needs ninja to build; `pip install ninja`"):
        landmarks.run("lstm", *TINY, "operator=cpp", quiet=True)
    (workplace / "cache" / "landmarks" / "operators" / ".lock").unlink()
    (workplace / "cache" / "landmarks" / "operators").rmdir()
    (workplace / "cache" / "landmarks" / "operators").touch()
    with pytest.raises(UsageError, match=r"operators cannot be written \(.*\); name another with \$XDG_CACHE_HOME"):
        landmarks.run("lstm", *TINY, "operator=cpp", quiet=True)
    assert not (workplace / "runs").exists()


def test_where_it_has_no_effect_or_no_place_it_is_refused() -> None:
    with pytest.raises(UsageError, match="is of the CPU alone, and this run's device is meta; add device=cpu"):
        CompiledCells(torch.device("meta"))
    with pytest.raises(UsageError, match=r"operator must be torch for model\.cell=simple"):
        make("experiment=srn", "operator=cpp")


@pytest.mark.slow
def test_two_processes_build_it_once_and_a_changed_source_is_built_anew(
    cells: CompiledCells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "from landmarks.parts.compiled_cells import *; CompiledCells(torch.device('cpu')); print(library())"
    place = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    both = [subprocess.Popen([sys.executable, "-c", words], env=place, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    said = {process.communicate(timeout=300)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(said) == 1
    assert {path.suffix or path.name for path in (tmp_path / "landmarks" / "operators").iterdir()} == {".so", ".lock"}
    changed = tmp_path / "memory_cells.cpp"
    changed.write_text(compiled_cells.SOURCE.read_text().replace("landmarks_cells", "other_cells") + "// changed\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled_cells, "SOURCE", changed)
    compiled_cells.library()
    assert len([*(tmp_path / "landmarks" / "operators").glob("*.so")]) == 2
