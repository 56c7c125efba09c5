"""`images` in colour, and `cifar10-jpeg`: pictures in a folder for each class, of any size.

A set of less than 2 GB decoded is read once into memory; a larger one from its files while the network learns
(`landmarks.data.files`). The order is a fixed shuffle, so that the first of a split are of all classes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landmarks.data import FIRST, Draws, cifar, colour, folders, splits
from landmarks.data.colour import KIND as KIND
from landmarks.data.files import Files
from landmarks.data.splits import Part
from landmarks.errors import LandmarksError, UsageError
from landmarks.milestone import Data, Split
from landmarks.settings import PictureSettings

MOST = 2_000_000_000
"""Bytes of pictures up to which a set is decoded into memory, unless data.in_memory says otherwise."""
CHUNK = 200
"""Files that a thread decodes at once."""


def discover(settings: PictureSettings) -> dict[str, Any]:
    """The number of bytes of a picture, and the names of the class folders. Raises LandmarksError or UsageError.

    {} where no folder is named yet: then a network can be looked at, and `load` asks for the folder.
    """
    _check(settings)
    if settings.root is None:
        return {}
    return {"inputs": 3 * settings.side**2, "classes": folders.classes_in(folders.root(settings))}


def load(settings: PictureSettings, draws: Draws = FIRST) -> Data:
    """`train` and `test`: as split by the user, or with the share of every class that data.test says held out.

    x (N, 3, side, side) uint8, or what stands for it (`Files`); y (N,) int64, the place in `classes`. With data.valid
    so many of `train` become `valid` and the test pictures are left alone. Raises LandmarksError for a folder or
    picture that cannot be read, UsageError for keys that do not go together.
    """
    _check(settings)
    jpeg = settings.name == cifar.JPEG
    folder = cifar.jpeg(settings.root, settings.verify) if jpeg else folders.root(settings)
    classes = cifar.NAMES if jpeg else settings.classes or folders.classes_in(folder)
    parts = colour.labelled(settings, folders.divided(settings, folder, classes))
    return _data(settings, folder, parts, classes)


def load_as(settings: PictureSettings, classes: Sequence[str], form: Mapping[str, Any]) -> Data:
    """All pictures as `test` (or in the splits of the user), with the classes of another run."""
    folder = folders.root(settings)
    return _data(settings, folder, folders.to_test(folder, classes), tuple(classes))


def rows(paths: Sequence[Path], form: Mapping[str, Any]) -> Tensor:
    """Pictures (N, 3, side, side) of files, in the form of a run. Raises LandmarksError where one cannot be read."""
    return torch.from_numpy(decoded(paths, form["side"])[0])


def decoded(
    paths: Sequence[Path] | npt.NDArray[Any], side: int, skip: bool = False
) -> tuple[colour.Bytes, npt.NDArray[np.bool_]]:
    """Pictures (n, 3, side, side) of N files and which of them could be read, (N,); without `skip` all must be.

    Raises LandmarksError for the first that cannot be read.
    """
    x, good = np.empty((len(paths), 3, side, side), np.uint8), np.ones(len(paths), bool)

    def fill(start: int) -> None:
        for i in range(start, min(start + CHUNK, len(paths))):
            try:
                x[i] = colour.read(paths[i], side)
            except LandmarksError:
                good[i] = False
                if not skip:
                    raise

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        for _ in pool.map(fill, range(0, len(paths), CHUNK)):
            pass
    return (x, good) if good.all() else (x[good], good)


def _check(settings: PictureSettings) -> None:
    """Raise UsageError for keys that have no effect on colour pictures, or not together."""
    if settings.invert:
        raise UsageError("data.invert=true: turns grey pictures, and these are learned in colour; leave it out")
    if settings.scales is None:
        return
    if settings.in_memory:
        raise UsageError("data.in_memory=true: with data.scales pictures are read from their files each time")
    low, high, crop = settings.scales.low, settings.scales.high, settings.scales.crop
    if not crop <= low <= high:
        raise UsageError(f"data.scales wants crop <= low <= high, got crop {crop}, low {low}, high {high}")


def _data(settings: PictureSettings, folder: Path, parts: Mapping[str, Part], classes: tuple[str, ...]) -> Data:
    """Pictures in memory, or their files, each split in the order of a fixed shuffle."""
    parts = {name: splits.rows(part, splits.permutation(len(part[1]), 6)) for name, part in parts.items()}
    size = sum(len(y) for _, y in parts.values()) * 3 * settings.side**2
    in_memory = size <= MOST if settings.in_memory is None else settings.in_memory
    unreadable = set[str]()
    if in_memory and settings.scales is None:
        made, left_out = _in_memory(settings, parts)
        unreadable.update(str(path.relative_to(folder)) for path in left_out)
    else:
        made = {name: _streamed(settings, folder, part, name == "train", unreadable) for name, part in parts.items()}
    form = colour.form(settings.side)
    return Data(settings.name, made, splits.checksum(made), classes=classes, form=form, unreadable=unreadable)


def _in_memory(settings: PictureSettings, parts: Mapping[str, Part]) -> tuple[dict[str, Split], list[Path]]:
    """Splits in memory, and the pictures that were left out because they cannot be read, which is said once.

    Raises LandmarksError where nothing is left of a class to learn, or of another split.
    """
    made, left_out = dict[str, Split](), list[Path]()
    for name, (paths, y) in parts.items():
        x, good = decoded(paths, settings.side, settings.skip_unreadable)
        gone = ~np.isin(y, y[good])
        if gone.any() and (name == "train" or gone.all()):
            raise LandmarksError(f"{paths[gone][0].parent}: no picture of this class can be read")
        made[name] = Split(torch.from_numpy(x), torch.from_numpy(y[good]))  # a copy would take as much memory again
        left_out += [*paths[~good]]
    if left_out:
        more = f" and {len(left_out) - 1:,} more: cannot be read as pictures, and are" * (len(left_out) > 1)
        print(f"landmarks: {min(left_out)}{more or ': cannot be read as a picture, and is'} left out", file=sys.stderr)
    return made, left_out


def _streamed(settings: PictureSettings, folder: Path, part: Part, learned: bool, unreadable: set[str]) -> Split:
    """A split whose pictures stay in their files."""
    paths, y = part
    names = np.array([os.fsencode(path.relative_to(folder)) for path in paths], np.bytes_)
    scales = settings.scales if learned else None
    how = settings.side, scales, settings.workers, settings.skip_unreadable
    files = Files(folder, names, y, *how, unreadable=unreadable)
    return Split(cast("Tensor", files), torch.from_numpy(y))
