"""MNIST as its four IDX files, plain or gzipped, and any other set of 28 × 28 pictures in the same form.

LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition. An IDX file is a
magic number (0, 0, type, dimensions), the sizes as big-endian 32-bit numbers, then the data.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from landmarks.data import FIRST, Draws, root
from landmarks.errors import LandmarksError, UsageError

if TYPE_CHECKING:
    from landmarks.milestone import Data
    from landmarks.settings import DataSettings

MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""Of the official files, decompressed."""
SIZE = (28, 28)
THREE_WAY, VALID = "mnist50k", 10_000
Bytes = npt.NDArray[np.uint8]


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """`train` and `test` (MNIST: 60,000 and 10,000), or `train` and `valid` where the settings hold some out.

    mnist50k is MNIST as papers after 2007 divide it: the last 10,000 of the training file are `valid`, beside `test`.
    x (N, 28, 28) uint8, y (N,) int64. MNIST is downloaded where it is missing, unless data.root is given. Raises
    LandmarksError for a file that is missing, damaged, or (with data.verify) not the official one.
    """
    from landmarks.data import pictures, splits
    from landmarks.milestone import Data, Split

    name = "mnist" if settings.name == THREE_WAY else settings.name
    files = files_of(settings, name)
    official = name == "mnist" and settings.verify
    train = splits.split(*read_pair(files, "train", official))
    if settings.name == THREE_WAY:
        if settings.valid:
            raise UsageError(f"data.valid={settings.valid}: {THREE_WAY} has held out its own; leave it out")
        first, last = (Split(train.x[part], train.y[part]) for part in (slice(-VALID), slice(-VALID, None)))
        parts = {"train": first, "valid": last, "test": splits.split(*read_pair(files, "t10k", official))}
    else:
        parts = splits.divide(settings, train, lambda: splits.split(*read_pair(files, "t10k", official)))
    form = pictures.form(parts["train"].x)
    return Data(settings.name, parts, splits.checksum(parts), classes=pictures.DIGITS, form=form)


def files_of(settings: DataSettings, name: str = "mnist") -> Mapping[str, Path]:
    """The four files, downloaded where they are missing, unless data.root is given. Raises LandmarksError."""
    folder = root(settings.root)
    if settings.root is None and not complete(name, folder):
        download(folder)
    return locate(name, folder)


def locate(name: str, folder: Path) -> Mapping[str, Path]:
    """The four files by their plain names, in FOLDER/MNIST/raw (or FOLDER/NAME/raw) or in FOLDER itself.

    Raises LandmarksError where not all four lie in one of the two.
    """
    raw = folder / ("MNIST" if name == "mnist" else name) / "raw"
    found = max((_files(raw), _files(folder)), key=len)
    missing = [plain for plain in MD5 if plain not in found]
    remedy = f"`landmarks data fetch mnist --root {folder}` downloads them" if name == "mnist" else "put them there"
    if not folder.is_dir():
        raise LandmarksError(f"{folder}: there is no such folder to hold {name}; correct data.root, or {remedy}")
    if missing:
        raise LandmarksError(f"{folder}: no {', '.join(missing)} (or .gz) in {raw} or in {folder} itself; {remedy}")
    return found


def complete(name: str, folder: Path) -> bool:
    """Whether all four files lie where `locate` looks; says nothing of what is in them."""
    try:
        return bool(locate(name, folder))
    except LandmarksError:
        return False


def read_pair(files: Mapping[str, Path], part: str, official: bool) -> tuple[Bytes, Bytes]:
    """Pictures (N, 28, 28) and labels (N,) of `part` ("train" or "t10k"), compared with the MD5 where `official`.

    Raises LandmarksError in one sentence that names the file.
    """
    images, labels = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    x = read(files[images], 3, MD5[images] if official else None)
    y = read(files[labels], 1, MD5[labels] if official else None)
    if x.shape[1:] != SIZE:
        raise LandmarksError(f"{files[images]}: the pictures are {x.shape[1]} × {x.shape[2]}, and must be 28 × 28")
    if len(x) != len(y):
        raise LandmarksError(
            f"{files[images]} holds {len(x)} pictures and {files[labels]} {len(y)} labels; replace the wrong file"
        )
    if len(y) and y.max() > 9:
        raise LandmarksError(f"{files[labels]}: has labels up to {y.max()}; ten classes, 0 to 9, are what is read here")
    if not len(x):
        raise LandmarksError(f"{files[images]}: holds no pictures; replace it by a whole copy")
    return x, y


def read(path: Path, dimensions: int, md5: str | None = None) -> Bytes:
    """The array in an IDX file of bytes with so many dimensions. Raises LandmarksError in one sentence."""
    content = _content(path)
    magic = bytes((0, 0, 8, dimensions))
    start = 4 + 4 * dimensions
    if content[:4] != magic:
        raise LandmarksError(
            f"{path}: begins with {content[:4].hex(' ') or 'nothing'} where an IDX file of bytes with {dimensions}"
            f" dimension{'s' * (dimensions > 1)} begins with {magic.hex(' ')}; replace it by a whole copy"
        )
    if len(content) < start:
        raise LandmarksError(f"{path}: cut short within its header; delete it and fetch it again")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    announced, held = math.prod(shape), len(content) - start
    if held != announced:
        what = "cut short" if held < announced else "too long"
        raise LandmarksError(
            f"{path}: {what}, its header announces {announced} bytes and {held} follow; delete it and fetch it again"
        )
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 not in (None, found):
        raise LandmarksError(
            f"{path}: not the official file, whose MD5 (decompressed) is {md5}, found {found}; delete it and run"
            " `landmarks data fetch mnist`, or say data.verify=false where it is another set on purpose"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def fetch(folder: Path) -> Path:
    """Download MNIST into `folder` unless it is there; return the folder of the four files, checked."""
    if not complete("mnist", folder):
        download(folder)
    verify("mnist", folder)
    return next(iter(locate("mnist", folder).values())).parent


def verify(name: str, folder: Path) -> str:
    """Read all four files; one sentence that says what was checked. Raises LandmarksError."""
    files = locate(name, folder)
    train, test = (len(read_pair(files, part, official=name == "mnist")[0]) for part in ("train", "t10k"))
    place = next(iter(files.values())).parent
    known = "equal to the official files (MD5)" if name == "mnist" else "whole (no checksum of this set is known)"
    return f"{name}: {train:,} training and {test:,} test images in {place}, {known}"


def download(folder: Path) -> None:
    """Bring the official files to FOLDER/MNIST/raw through torchvision's mirrors; files already there stay.

    They arrive in a folder of their own first, so that a kill leaves no half file and two runs do not meet.
    Raises LandmarksError.
    """
    from landmarks.data import vision

    raw = folder / "MNIST" / "raw"
    try:
        raw.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".mnist-", dir=folder) as arriving:
            vision.torchvision().datasets.MNIST(arriving, download=True)
            for path in locate("mnist", Path(arriving)).values():
                if not (raw / path.name).exists():
                    path.replace(raw / path.name)
    except Exception as error:  # a mirror, a proxy or a disk can fail in any way; the answer is the same
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise LandmarksError(
            f"MNIST could not be downloaded ({lines[-1].strip()}); put {', '.join(MD5)} (plain or .gz) into {raw},"
            " or use data.name=mnist5k, which needs no download"
        ) from error


def _files(folder: Path) -> dict[str, Path]:
    """Those of the four files that lie in a folder; a plain one before a gzipped one."""
    paths = ((plain, folder / (plain + ending)) for plain in MD5 for ending in (".gz", ""))
    return {plain: path for plain, path in paths if path.is_file()}


def _content(path: Path) -> bytes:
    """The bytes of a file, decompressed. Raises LandmarksError."""
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LandmarksError(
            f"{path}: damaged, not a whole gzip file ({error}); delete it and fetch it again"
        ) from error
    except OSError as error:
        raise LandmarksError(
            f"{path}: cannot be read ({error.strerror}); check its permissions and the disk"
        ) from error
