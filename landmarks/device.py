"""The only place that asks which device this is: device, precision, threads, determinism, random state."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from landmarks import ranks
from landmarks.errors import UsageError
from landmarks.settings import Settings


def resolve(name: str) -> torch.device:
    """The device that `device=` names; auto is CUDA if there is one, else the CPU. Raises UsageError.

    Of several processes each takes the CUDA device of its own number.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if ranks.world > 1 and (device.type == "mps" or device.index is not None):
        raise UsageError(f"device={name}: each process takes a device of its own; use device=auto, cuda or cpu")
    if ranks.world > 1 and device.type == "cuda":
        device = torch.device("cuda", ranks.local)
        if ranks.local >= torch.cuda.device_count():
            seen = torch.cuda.device_count()
            raise UsageError(f"device={name}: more processes than CUDA devices here ({seen}); start {seen}, or use cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        seen = torch.cuda.device_count()
        raise UsageError(f"device={name}: torch {torch.__version__} sees {seen} CUDA devices here; use device=auto")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError(f"device={name}: torch {torch.__version__} sees no Apple GPU here; use device=auto")
    return device


@contextlib.contextmanager
def prepared(settings: Settings) -> Iterator[None]:
    """What decides numerics, as the run wants it; threads, flags and random state are put back after."""
    tf32, deterministic, cudnn = settings.precision == "tf32", settings.deterministic, torch.backends.cudnn
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    matmul, allowed, benchmark = torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.benchmark
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    device = resolve(settings.device)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    here = torch.cuda.device(device) if device.index is not None and device.type == "cuda" else contextlib.nullcontext()
    _keep_memory()
    with here, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            torch.set_num_threads(settings.threads or threads)
            torch.set_float32_matmul_precision("high" if tf32 else "highest")
            cudnn.allow_tf32, cudnn.benchmark = tf32, not deterministic
            # use_deterministic_algorithms does the same, but imports the whole compiler for it: a second.
            torch.set_deterministic_debug_mode("error" if deterministic else "default")
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a pass over every new tensor
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_float32_matmul_precision(matmul)
            cudnn.allow_tf32, cudnn.benchmark = allowed, benchmark
            torch.set_deterministic_debug_mode(mode)
            torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]


@functools.cache
def _keep_memory() -> None:
    """Let glibc keep what a step gives back, for the next one: else it returns every large tensor to the system and
    takes its pages anew, which costs a step of AlexNet on a CPU a tenth of its time."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another system has no such choice
        adjust = ctypes.CDLL(None).mallopt
        adjust(TRIM_THRESHOLD, 2**31 - 1)
        adjust(MMAP_MAX, 0)


TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Of glibc's malloc.h."""


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """bfloat16 for the operators that bear it, where the run asks for it; for steps, not for what is measured.

    Weights are rounded anew each time: torch would keep the first rounded ones as long as the context lasts.
    """
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)
    return contextlib.nullcontext()


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """The state of torch's default generators, for a checkpoint."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(device: torch.device, state: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


@contextlib.contextmanager
def own_randomness(device: torch.device, seed: int) -> Iterator[None]:
    """Draws inside come from a generator of their own and leave training's where it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def exact(tensor: torch.Tensor) -> torch.Tensor:
    """In float64; on the CPU where the tensor's own device knows none."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def describe(device: torch.device) -> dict[str, Any]:
    """What decides numerics here, for `environment.json`."""
    names = {"cuda": lambda: torch.cuda.get_device_name(device), "cpu": processor}
    name = names.get(device.type, lambda: device.type)()
    counts = {"threads": torch.get_num_threads(), "processes": ranks.world}
    return {"device": name, "kind": device.type, **counts, "torch": torch.__version__}


def processor() -> str:
    """The processor's model, as Linux and others call it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
