"""CIFAR-10: the official archives, for Python (pickles) or binary, packed or unpacked; and `cifar10-jpeg`, a folder.

A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images. 50,000 + 10,000 pictures of ten classes,
each 3,072 bytes: 32 × 32 of red, then green, then blue; five batches to train and one to test. A pickle is read without
running what stands in it.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from landmarks.data import FIRST, Draws, cache, pickled, root
from landmarks.errors import LandmarksError

if TYPE_CHECKING:
    from landmarks.data.splits import Part
    from landmarks.milestone import Data
    from landmarks.settings import PictureSettings

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE, PIXELS = 32, 3 * 32 * 32
EACH = {"train": 5_000, "test": 1_000}
"""Pictures of each class."""
JPEG = "cifar10-jpeg"
Bytes = npt.NDArray[np.uint8]


class Form(NamedTuple):
    """An archive and its MD5, the folder in it, its batches and their MD5 (none is known of the binary ones)."""

    archive: str
    md5: str
    folder: str
    batches: Mapping[str, str | None]
    read: Callable[[bytes], tuple[Bytes, Bytes]]


class Place(NamedTuple):
    """Where a form of the set lies: its archive, or the folder of its batches."""

    form: Form
    path: Path


def load(settings: PictureSettings, draws: Draws = FIRST) -> Data:
    """`train` (50,000) and `test` (10,000), or `train` and `valid` where the settings hold some out.

    x (N, 3, 32, 32) uint8, y (N,) int64. CIFAR-10 is downloaded where it is missing, unless data.root is given. Raises
    LandmarksError for a file that is missing, damaged, or (with data.verify) not the official one.
    """
    from landmarks.data import colour

    colour.check(settings, SIDE)
    if settings.root is None and not found(None):
        download(root(None))
    train, test = read(locate(settings.root), settings.verify)
    return colour.known(settings, train, lambda: test, NAMES)


def locate(given: str | None) -> Place:
    """The set in the given folder, $LANDMARKS_DATA or the cache folder. Raises LandmarksError where it is not whole."""
    if place := found(given):
        return place
    folder = root(given)
    wanted = ", ".join((PYTHON.archive, PYTHON.folder, BINARY.archive, BINARY.folder))
    raise LandmarksError(
        f"{folder}: CIFAR-10 is not here ({wanted}), or not all of its batches;"
        f" `landmarks data fetch cifar10 --root {folder}` downloads it"
    )


def found(given: str | None) -> Place | None:
    """The first form of the set that is there, unpacked before packed; says nothing of what is in its files."""
    bases = [base for folder in _bases(given) for base in (folder, folder / "cifar10")]
    for base in bases:
        for form in (PYTHON, BINARY):
            for folder in (base / form.folder, base):
                if all((folder / name).is_file() for name in form.batches):
                    return Place(form, folder)
            for path in (base / form.archive, base):
                if path.is_file() and path.name == form.archive:
                    return Place(form, path)
    return None


def read(place: Place, official: bool) -> tuple[Part, Part]:
    """Pictures (N, 3, 32, 32) and labels (N,), to train and to test; compared with the MD5 where `official`.

    Raises LandmarksError in one sentence that names the file.
    """
    form, path = place
    packed = path.is_file()
    files = _unpacked(path, form, official) if packed else {name: _content(path / name) for name in form.batches}
    batches = []
    for name, md5 in form.batches.items():
        if official and md5 and not packed:
            _compare(path / name, files[name], md5)
        batches.append(_batch(path / name, files[name], form))
    *learned, test = batches
    train = np.concatenate([x for x, _ in learned]), np.concatenate([y for _, y in learned])
    if official:
        for part, (_, y) in (("train", train), ("test", test)):
            if (np.bincount(y, minlength=10) != EACH[part]).any():
                raise LandmarksError(f"{path}: has not {EACH[part]:,} pictures of each class to {part}; fetch it anew")
    return train, test


def fetch(given: str | None) -> Path:
    """Download CIFAR-10 into the folder unless it is there; return where it lies, checked."""
    if not found(given):
        download(root(given))
    verify(given)
    return locate(given).path


def verify(given: str | None) -> str:
    """Read all batches; one sentence that says what was checked. Raises LandmarksError."""
    place = locate(given)
    train, test = (len(y) for _, y in read(place, official=True))
    known = place.path.is_file() or all(place.form.batches.values())
    checked = "equal to the official files (MD5)" if known else "by number and classes (no MD5 of these files is known)"
    return f"cifar10: {train:,} training and {test:,} test images in {place.path}, {checked}"


def download(folder: Path) -> None:
    """Bring the official archive for Python to FOLDER, unpacked, through torchvision.

    It arrives in a folder of its own first, so that a kill leaves no half set. Raises LandmarksError.
    """
    from landmarks.data import vision

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cifar10-", dir=folder) as arriving:
            vision.torchvision().datasets.CIFAR10(arriving, download=True)
            if not found(str(folder)):
                Path(arriving, PYTHON.folder).replace(folder / PYTHON.folder)
    except Exception as error:  # a mirror, a proxy or a disk can fail in any way; the answer is the same
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise LandmarksError(
            f"CIFAR-10 could not be downloaded ({lines[-1].strip()}); put {PYTHON.archive} into {folder}, or use"
            " data.name=textured, which needs no download"
        ) from error


def jpeg(given: str | None, official: bool = True) -> Path:
    """The folder with `train` and `test` of cifar10-jpeg: the given one or in it, $LANDMARKS_DATA, the cache folder.

    Raises LandmarksError where there is none, or (`official`) where not all pictures are there.
    """
    if folder := unpacked(given):
        if official:
            _check_whole(folder)
        return folder
    packed = [base / name for base in _bases(given) for name in (f"{JPEG}.tar.xz", f"cifar10/{JPEG}.tar.xz")]
    target = cache() / JPEG
    remedy = next(
        (f"unpack it: mkdir -p {target} && tar -xJf {path} -C {target}" for path in packed if path.is_file()),
        "data.root must name its folder",
    )
    raise LandmarksError(
        f"{_bases(given)[0]}: {JPEG} is not here (train/CLASS/NAME.jpg, test/CLASS/NAME.jpg); {remedy}"
    )


def unpacked(given: str | None) -> Path | None:
    """The first folder that has the form of cifar10-jpeg; says nothing of what is in it."""
    places = (place for base in _bases(given) for place in (base / JPEG, base))
    return next((place for place in places if all((place / part).is_dir() for part in EACH)), None)


def verify_jpeg(given: str | None) -> str:
    """Count the pictures of cifar10-jpeg; one sentence that says what was checked. Raises LandmarksError."""
    return f"{JPEG}: 50,000 training and 10,000 test images in {jpeg(given)}, by number and classes alone"


def _bases(given: str | None) -> list[Path]:
    """Where a set may lie: in the given folder alone, else in $LANDMARKS_DATA and the cache folder."""
    return [root(given)] if given else [*dict.fromkeys((root(None), cache()))]


def _check_whole(folder: Path) -> None:
    for part, count in EACH.items():
        there = {p.name: sum(1 for _ in p.iterdir()) for p in (folder / part).iterdir() if p.is_dir()}
        if there != dict.fromkeys(NAMES, count):
            wrong = next((name for name in NAMES if there.get(name) != count), "")
            what = f"{there.get(wrong, 0):,} pictures, and" if wrong else "other classes than"
            raise LandmarksError(
                f"{folder / part / wrong}: has {what} {JPEG}{f' has {count:,}' * bool(wrong)}; unpack it anew, or say"
                " data.verify=false where it is another set on purpose"
            )


def _unpacked(path: Path, form: Form, official: bool) -> dict[str, bytes]:
    """The batches in an archive. Raises LandmarksError where it is damaged or not the official one."""
    packed = _content(path)
    if official:
        _compare(path, packed, form.md5)
    try:
        files = {}
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            for member in archive:
                if (name := Path(member.name).name) in form.batches and (file := archive.extractfile(member)):
                    files[name] = file.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise LandmarksError(f"{path}: damaged, no whole archive ({error}); delete it and fetch it again") from error
    if missing := [name for name in form.batches if name not in files]:
        raise LandmarksError(f"{path}: has no {', '.join(missing)} in it; delete it and fetch it again")
    return files


def _batch(path: Path, content: bytes, form: Form) -> Part:
    """Pictures (n, 3, 32, 32) and labels (n,) of one batch. Raises LandmarksError where it is none."""
    try:
        x, y = form.read(content)
        if x.shape != (len(y), PIXELS) or x.dtype != np.uint8 or not len(y) or not 0 <= y.min() <= y.max() < 10:
            raise ValueError("not pictures of 3,072 bytes with labels from 0 to 9")
    except Exception as error:  # a damaged pickle fails in any way; the answer is the same
        reason = (str(error) or type(error).__name__).partition("\n")[0]
        raise LandmarksError(f"{path}: no batch of CIFAR-10 ({reason}); delete it and fetch it again") from error
    return x.reshape(-1, 3, SIDE, SIDE), y.astype(np.int64)


def _python(content: bytes) -> tuple[Bytes, Bytes]:
    batch = pickled.read(content)
    return batch[b"data"].value, np.asarray(batch[b"labels"])


def _binary(content: bytes) -> tuple[Bytes, Bytes]:
    table = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return table[:, 1:], table[:, 0]


def _compare(path: Path, content: bytes, md5: str) -> None:
    """Raise LandmarksError where a file is not the official one."""
    there = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if there != md5:
        raise LandmarksError(
            f"{path}: not the official file, whose MD5 is {md5}, found {there}; delete it and run"
            " `landmarks data fetch cifar10`, or say data.verify=false where it is another set on purpose"
        )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LandmarksError(
            f"{path}: cannot be read ({error.strerror}); check its permissions and the disk"
        ) from error


PYTHON = Form(
    "cifar-10-python.tar.gz",
    "c58f30108f718f92721af3b95e74349a",
    "cifar-10-batches-py",
    {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
    _python,
)
BINARY = Form(
    "cifar-10-binary.tar.gz",
    "c32a1d4ab5d03f1284b67883e8d87530",
    "cifar-10-batches-bin",
    dict.fromkeys([*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]),
    _binary,
)
