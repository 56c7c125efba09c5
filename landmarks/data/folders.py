"""A folder for each class: the files in them, and which are to learn from and which to test on.

data.root holds a folder for each class, or `train` and `test` (or `valid`, `val`) with such folders in them.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from landmarks.data import HELD_OUT
from landmarks.data.splits import Part, held, held_out, ordered, rows
from landmarks.errors import LandmarksError, UsageError
from landmarks.settings import DataSettings

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm", ".pbm")
"""What counts as a picture in a folder; other files there are left alone, as notes and thumbnails are."""
warnings.filterwarnings("ignore", module=r"PIL\.")  # of large pictures and odd tags, which are read all the same


def root(settings: DataSettings) -> Path:
    """The folder that data.root names. Raises UsageError where it names none, LandmarksError where there is none."""
    if settings.root is None:
        raise UsageError("data.root must name the folder of the pictures: data.name=images data.root=FOLDER")
    folder = Path(settings.root).expanduser()
    if not folder.is_dir():
        raise LandmarksError(f"{folder}: there is no such folder; data.root must name one with a folder for each class")
    return folder


def classes_in(folder: Path) -> tuple[str, ...]:
    """The names of the class folders of a root, in order. Raises LandmarksError where there are not at least two."""
    train = _train(folder)
    names = ordered(path.name for path in _folders(train))
    if len(names) < 2:
        raise LandmarksError(
            f"{train}: has {len(names)} sub-folder{'s' * (len(names) != 1)}; data.name=images wants one for each"
            " class, at least two, with its pictures in it"
        )
    return names


def divided(settings: DataSettings, folder: Path, classes: Sequence[str]) -> dict[str, Part]:
    """Paths and labels of `train` and `test`: as split by the user, or data.test of every class held out.

    With data.valid so many of `train` become `valid`, and the test pictures are left alone. Raises LandmarksError for a
    class that is not known, or has too few pictures.
    """
    parts = listed(folder, classes)
    if len(parts) > 1 and settings.test != HELD_OUT:
        raise UsageError(f"data.test={settings.test:g}: {folder} is divided already ({', '.join(parts)}); leave it out")
    if len(parts) == 1:
        y = parts["train"][1]
        tested = held_out(y, settings.test)
        if settings.test and not settings.valid:
            _check_tested(_train(folder), classes, y, y[tested], settings.test)
        parts = {"train": rows(parts["train"], ~tested), "test": rows(parts["train"], tested)}
    return {name: part for name, part in held(settings, parts).items() if len(part[1])}


def listed(folder: Path, classes: Sequence[str]) -> dict[str, Part]:
    """Paths and labels in the splits of the user, else all of them as `train`; class by class.

    Raises LandmarksError for a class that is not known.
    """
    return {name: _listed(part, classes) for name, part in _parts(folder).items()}


def to_test(folder: Path, classes: Sequence[str]) -> dict[str, Part]:
    """The same, where nothing is learned from them: else all of them as `test`."""
    parts = listed(folder, classes)
    return parts if len(parts) > 1 else {"test": parts["train"]}


def files(path: Path) -> list[Path]:
    """A picture's own path, or all pictures in a folder and below. Raises LandmarksError where there are none."""
    if not path.is_dir():
        return [path]
    found = [Path(top, name) for top, _, names in os.walk(path, onerror=_closed) for name in names]
    pictures = sorted(p for p in found if p.suffix.lower() in ENDINGS and not p.name.startswith("."))
    if not pictures:
        raise LandmarksError(f"{path}: no picture lies in this folder ({', '.join(ENDINGS)})")
    return pictures


def unreadable(path: Path, error: Exception) -> LandmarksError:
    """What is said of a picture that its decoder has refused."""
    if isinstance(error, FileNotFoundError):
        return LandmarksError(f"{path}: there is no such file; correct its name")
    what = getattr(error, "strerror", None) or "it is no whole picture of a kind that is known here"
    if type(error).__name__ == "DecompressionBombError":
        what = "it has more pixels than Pillow thinks are safe to decode"
    return LandmarksError(f"{path}: cannot be read as a picture ({what}); replace it or take it away")


def _listed(folder: Path, classes: Sequence[str]) -> Part:
    paths, labels = list[Path](), list[int]()
    for path in _folders(folder):
        if path.name not in classes:
            raise LandmarksError(f"{path}: {path.name} is none of the run's classes ({', '.join(classes)})")
        paths += files(path)
        labels += [classes.index(path.name)] * (len(paths) - len(labels))
    if not paths:
        raise LandmarksError(
            f"{folder}: has no sub-folders; a folder for each class is wanted, with its pictures in it"
        )
    return np.array(paths, object), np.array(labels)


def _check_tested(
    folder: Path, classes: Sequence[str], y: npt.NDArray[np.int64], tested: npt.NDArray[np.int64], share: float
) -> None:
    """Raise LandmarksError where a class has too few pictures for any of them to be among those held out to test."""
    for label, name in enumerate(classes):
        count = int((y == label).sum())
        if count and not (tested == label).any():
            least = max(2, math.ceil(0.5 / share))
            raise LandmarksError(
                f"{folder / name}: has {count} picture{'s' * (count != 1)}, and with data.test={share:g} at least"
                f" {least} are needed to learn from some and test on others; add some, or give data.test=0"
            )


def _closed(error: OSError) -> NoReturn:
    """What is said of a folder that cannot be opened: its pictures would be missed."""
    raise LandmarksError(f"{error.filename}: cannot be opened ({error.strerror}); check its permissions") from error


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
    except OSError as error:
        _closed(error)


def _parts(folder: Path) -> dict[str, Path]:
    """Split → folder, where the user has split the pictures himself; else all of them as `train`."""
    found = {path.name: path for path in _folders(folder)}
    apart, others = found.keys() & {"test", "valid", "val"}, found.keys() - {"train", "test", "valid", "val"}
    if "train" not in found or (others and not apart):
        return {"train": folder}
    if others:
        raise LandmarksError(f"{folder}: {min(others)} lies beside train and {min(apart)}; take it away")
    if found.keys() >= {"valid", "val"}:
        raise LandmarksError(f"{folder}: has both valid and val, which mean the same; take one away")
    return {{"val": "valid"}.get(name, name): path for name, path in found.items()}


def _train(folder: Path) -> Path:
    return _parts(folder)["train"]
