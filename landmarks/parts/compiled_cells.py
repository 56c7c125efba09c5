"""The memory cells of `memory_cells.py` with their pass through time as one operator in C++ (`memory_cells.cpp`).

It has the numbers of `memory_cells` up to rounding, on a CPU. Built by the user's own compiler when it is first asked
for, in tens of seconds, and kept in the cache folder under a name that changes with the source, torch and the machine.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from landmarks.data import cache
from landmarks.errors import UsageError
from landmarks.parts.memory_cells import Blame, Form, Tape

SOURCE = Path(__file__).with_name("memory_cells.cpp")
FLAGS = ("-O3",)
REMEDY = "or leave operator=torch, which needs no compiler"


class CompiledCells:
    """`run`, `truncated` and `unrolled` of `memory_cells`, compiled. Raises UsageError where they cannot be."""

    def __init__(self, device: torch.device) -> None:
        if device.type != "cpu":
            raise UsageError(f"operator=cpp: is of the CPU alone, and this run's device is {device}; add device=cpu")
        torch.ops.load_library(library())  # type: ignore[no-untyped-call]
        self.operators = torch.ops.landmarks_cells

    def run(self, form: Form, net: Tensor, recurrent: Tensor | None, start: Tape | None = None) -> Tape:
        y, s = (None, None) if start is None else (start.y[-1], start.s[-1])
        return Tape(*self.operators.run(net, recurrent, y, s, *dataclasses.astuple(form)))

    def truncated(self, form: Form, tape: Tape, blame: Tensor) -> Blame:
        return Blame(*self.operators.errors(*tape, blame, None, *dataclasses.astuple(form)))

    def unrolled(self, form: Form, net: Tensor, recurrent: Tensor | None) -> Tensor:
        found: Tensor = _Unrolled.apply(self, form, net, recurrent)  # type: ignore[no-untyped-call]
        return found


class _Unrolled(torch.autograd.Function):
    """The cells' outputs (T, R, B, cells), and back-propagation through time in closed form."""

    @staticmethod
    def forward(context: Any, cells: CompiledCells, form: Form, net: Tensor, recurrent: Tensor | None) -> Tensor:
        tape = cells.run(form, net, recurrent)
        context.cells, context.form = cells, form
        context.save_for_backward(*tape, recurrent)
        return tape.y[1:, ..., : form.cells].clone()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        y, inner, s, recurrent = context.saved_tensors
        form = dataclasses.astuple(context.form)
        delta, _ = context.cells.operators.errors(y, inner, s, gradients[0], recurrent, *form)
        if recurrent is None:
            return None, None, delta, None
        return None, None, delta, torch.einsum("trbk,trbh->rkh", y[:-1, ..., : recurrent.shape[1]], delta)


def library() -> Path:
    """The built library, made where there is none yet. Raises UsageError.

    Two processes that ask at once make it once; one that is killed meanwhile leaves nothing that passes for a library.
    """
    from filelock import FileLock

    made = (SOURCE.read_bytes(), *FLAGS, torch.__version__, platform.machine(), platform.system())
    key = hashlib.sha256(repr(made).encode()).hexdigest()[:16]
    folder = cache() / "operators"
    built = folder / f"memory_cells-{key}.so"
    if built.is_file():
        return built
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"), tempfile.TemporaryDirectory(dir=folder) as place:
            if not built.is_file():
                _build(Path(place), f"memory_cells_{key}").replace(built)
    except OSError as error:
        raise UsageError(
            f"operator=cpp: {folder} cannot be written ({error.strerror}); name another with $XDG_CACHE_HOME, {REMEDY}"
        ) from error
    return built


def _build(place: Path, name: str) -> Path:
    """Compile the source in an empty folder. Raises UsageError, and OSError where the folder does not allow it."""
    compiler = os.environ.get("CXX", "c++")
    if shutil.which(compiler.partition(" ")[0]) is None:
        raise UsageError(
            f"operator=cpp: there is no C++ compiler here ({compiler}); install one (g++, clang), {REMEDY}"
        )
    try:
        from torch.utils import cpp_extension
    except ImportError as error:
        raise UsageError(f"operator=cpp: needs {error.name} to build; `pip install {error.name}`, {REMEDY}") from error
    if not cpp_extension.is_ninja_available():
        raise UsageError(f"operator=cpp: needs ninja to build; `pip install ninja`, {REMEDY}")
    try:
        cpp_extension.load(name, str(SOURCE), extra_cflags=[*FLAGS], build_directory=str(place), is_python_module=False)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        said = [line.strip() for line in str(error).splitlines() if "error" in line and "rror building" not in line]
        why = said[0] if said else str(error).splitlines()[0]
        raise UsageError(
            f"operator=cpp: {compiler} could not build {SOURCE.name} ({why}); mend it, {REMEDY}"
        ) from error
    return place / f"{name}.so"
