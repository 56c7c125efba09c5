"""Checkpoints: written atomically with a checksum, read back only if whole, the one before kept."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from landmarks.errors import LandmarksError

_DIGEST = hashlib.sha256().digest_size


class Checkpoints:
    """The folder `checkpoints/` of a run: `step-NNNNNNNNN.pt`, each a torch file followed by its SHA-256."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep
        for left in folder.glob(".step-*"):  # by a kill in the middle of a write
            left.unlink()

    def save(self, step: int, state: dict[str, Any]) -> Path:
        """Write a state, then drop all but the newest `keep`. Raises LandmarksError where the disk is full."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getvalue()
        path = self.folder / f"step-{step:09d}.pt"
        write_atomically(path, content + hashlib.sha256(content).digest())
        for old in self.paths()[self.keep :]:
            old.unlink()
        return path

    def latest(self, warn: Callable[[str], None]) -> dict[str, Any] | None:
        """The newest whole checkpoint, on the CPU, or None; a damaged one is named and passed over."""
        for path in self.paths():
            content = path.read_bytes()
            if len(content) > _DIGEST and hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]:
                stored = io.BytesIO(content[:-_DIGEST])
                state: dict[str, Any] = torch.load(stored, map_location="cpu", weights_only=True)
                return state
            warn(f"{path}: this checkpoint is damaged; the one before it is used")
            path.unlink()
        return None

    def paths(self) -> list[Path]:
        """The checkpoints, newest first."""
        return sorted(self.folder.glob("step-*.pt"), reverse=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a kill leaves the old one or the new one. Raises LandmarksError where it cannot be."""
    free = shutil.disk_usage(path.parent if path.parent.is_dir() else path.parent.parent).free
    if free < 1.1 * len(content):
        raise LandmarksError(
            f"{path}: the disk has {free / 1e6:.0f} MB left and this file needs {len(content) / 1e6:.0f}; make room"
            " and go on with `landmarks resume`"
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise LandmarksError(f"{path}: cannot be written ({error.strerror}); make room or choose runs=DIR") from error
