"""Weights that travel: what a run starts from (`init`), and what it gives away (`landmarks export`)."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from landmarks import runs
from landmarks.checkpoint import write_atomically
from landmarks.errors import LandmarksError, UsageError
from landmarks.milestone import Milestone

ENDING = ".safetensors"


def located(word: str, root: str) -> Path:
    """The file that `init` names: itself, or the weights of a run. Raises UsageError, LandmarksError."""
    path = Path(word).expanduser()
    if path.is_file():
        return path.absolute()
    try:
        folder = runs.find(word, root)
    except UsageError as error:
        raise UsageError(f"init={word}: neither a file nor a run ({error})") from error
    return runs.weights(folder).absolute()


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex. Raises LandmarksError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _gone(path, error) from error


@torch.no_grad()
def start_from(milestone: Milestone, path: Path, known: str | None = None) -> str:
    """Fill a milestone with those of a file's tensors that have the names and shapes of its own; a sentence says which.

    Its own names, or those under which it is exported. Raises LandmarksError where no trained tensor fits, or where
    the file has no longer the digest by which it is `known`.
    """
    if known is not None and digest(path) != known:
        raise LandmarksError(f"init={path}: no longer the weights that this run was started with; put them back")
    own = milestone.exported() | milestone.state_dict()  # under both names the same memory
    tensors = _read(path)
    taken = {name for name, tensor in tensors.items() if name in own and own[name].shape == tensor.shape}
    for name in taken:
        own[name].copy_(tensors[name])
    filled = {own[name].data_ptr() for name in taken}
    fresh = [name for name, tensor in milestone.state_dict().items() if tensor.data_ptr() not in filled]
    if not any(parameter.data_ptr() in filled for parameter in milestone.parameters()):
        named = any(name in own for name in tensors)
        hint = "; of other replicas, perhaps: `landmarks export` writes the first one alone" if named else ""
        raise LandmarksError(
            f"init={path}: none of its {len(tensors)} tensors has a name and a shape of this network's weights"
            f" ({', '.join([*tensors][:3])}, …); name other weights{hint}"
        )
    more = f" and {len(fresh) - 4} more" if len(fresh) > 4 else ""
    return f"begins with {len(taken)} tensors of {path}" + (f"; new: {', '.join(fresh[:4])}{more}" if fresh else "")


def export(milestone: Milestone, run: str, classes: Sequence[str], path: Path) -> Path:
    """Write a trained network as safetensors, under the names by which other programs know its tensors.

    What they need beside them – classes, what was done to pixels – stands in the file's metadata, as texts; `run` says
    where it comes from. Raises UsageError for another ending, LandmarksError where the file cannot be written.
    """
    if path.suffix.lower() != ENDING:
        raise UsageError(f"-o {path}: must end in {ENDING}")
    notes = {"milestone": milestone.config.milestone, "run": run, "classes": json.dumps(classes)}
    tensors = {name: tensor.contiguous().clone() for name, tensor in milestone.exported().items()}
    write_atomically(path, save(tensors, notes | milestone.export_notes()))
    return path


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors in a file of safetensors or of torch. Raises LandmarksError."""
    try:
        if path.suffix.lower() == ENDING:
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
        found = found.get("state_dict", found)
        return {name: tensor for name, tensor in found.items() if isinstance(tensor, Tensor)}
    except OSError as error:
        raise _gone(path, error) from error
    except (SafetensorError, RuntimeError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise LandmarksError(
            f"init={path}: not a file of weights, as landmarks export or torch.save(model.state_dict()) write them"
        ) from error


def _gone(path: Path, error: OSError) -> LandmarksError:
    return LandmarksError(f"init={path}: cannot be read ({error.strerror or error}); put it back or leave init out")
