"""A checkpoint is whole or not there, and the one before it is kept."""

from pathlib import Path

import pytest
import torch

from landmarks.checkpoint import Checkpoints, write_atomically
from landmarks.errors import LandmarksError


def store(folder: Path) -> Checkpoints:
    found = Checkpoints(folder / "checkpoints", keep=2)
    for step in (1, 2, 3):
        found.save(step, {"step": step, "weight": torch.full((3,), float(step))})
    return found


def test_the_newest_is_read_and_only_two_are_kept(tmp_path: Path) -> None:
    found = store(tmp_path)
    assert [path.name for path in found.paths()] == ["step-000000003.pt", "step-000000002.pt"]
    state = found.latest(pytest.fail)
    assert state is not None
    assert state["step"] == 3
    assert state["weight"].tolist() == [3.0, 3.0, 3.0]


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:100] + bytes([b[100] ^ 1]) + b[101:], lambda b: b""])
def test_a_damaged_one_is_named_and_the_one_before_is_used(tmp_path: Path, damage) -> None:
    found = store(tmp_path)
    newest = found.paths()[0]
    newest.write_bytes(damage(newest.read_bytes()))
    warnings: list[str] = []
    state = found.latest(warnings.append)
    assert state is not None
    assert state["step"] == 2
    assert len(warnings) == 1
    assert newest.name in warnings[0]


def test_none_at_all(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path, keep=2).latest(pytest.fail) is None


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10})())
    with pytest.raises(LandmarksError, match="make room"):
        write_atomically(tmp_path / "file", b"x" * 1000)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr("os.fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(LandmarksError, match="No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
