"""Where the patterns come from: one table of sources (`sources`), one `load`.

Local first, then the official download, always checked against a checksum, never silently something else.
Importing this module imports neither torch nor a source.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from landmarks.data.sources import MNIST
from landmarks.data.sources import SOURCES as SOURCES
from landmarks.data.sources import VARIATIONS as VARIATIONS
from landmarks.data.sources import Source as Source
from landmarks.errors import LandmarksError, UsageError, nearest
from landmarks.settings import DigitSettings, PictureSettings

if TYPE_CHECKING:
    from landmarks.milestone import Data
    from landmarks.settings import DataSettings, Settings


class Draws(NamedTuple):
    """Whose patterns are drawn, where a set is drawn anew for every seed and replica."""

    seed: int = 0
    replicas: int = 1
    first: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Draws:
        """Those of a run."""
        return cls(settings.seed, settings.replicas, settings.first_replica)


FIRST = Draws()
HELD_OUT = 0.2
"""data.test of configs/config.yaml, which any other set than files of one's own must leave so."""


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
    found: Data = _module(settings, _source(settings)).load(settings, draws)
    if not isinstance(settings, DigitSettings):
        return found
    from landmarks.data import versions

    return versions.prepared(found, settings)


def needed(settings: DataSettings) -> str:
    """The set that must be here for this one: that of the digits, where they are varied."""
    return getattr(settings, "digits", None) or settings.name


def obtain(settings: DataSettings) -> None:
    """Download what is missing of a set, and load nothing that is here.

    Raises the error with which a run would end that does not find its data.
    """
    source = SOURCES.get(needed(settings))
    if source is None or settings.root is not None or _present(source) != "yes":
        load(settings)


def discover(settings: DataSettings) -> dict[str, Any]:
    """What a network must know of files of your own to be built: `inputs` and `classes`, where they are not given.

    {} for any other set. Raises LandmarksError for files that cannot be read, UsageError where a key has no effect.
    """
    source = _source(settings)
    asked = [key for key in ("inputs", "classes") if getattr(settings, key) is None]
    _module(settings, source)
    _check_files(settings, source)
    if source is not None and source.own:
        return {k: v for k, v in _module(settings, source).discover(settings).items() if k in asked} if asked else {}
    if len(asked) < 2:
        raise UsageError(f"data.inputs and data.classes are found in files of your own, and null for {settings.name}")
    if settings.test != HELD_OUT:
        raise UsageError(
            f"data.test={settings.test:g}: divides files of your own, and not {settings.name}; leave it out"
        )
    if settings.valid and source is not None and source.generated and not source.colour:
        raise UsageError(
            f"data.valid={settings.valid}: {settings.name} is generated, and nothing of it is held out; leave it out"
        )
    return {}


def _source(settings: DataSettings) -> Source | None:
    """The line of the table; None for files of MNIST's form. Raises UsageError for a name that is not known."""
    source = SOURCES.get(settings.name)
    if source is None and (settings.verify or settings.root is None):
        raise UsageError(
            f"data.name: there is no data set {settings.name}{nearest(settings.name, SOURCES)}"
            "; a set of MNIST's form under its own name wants data.verify=false data.root=FOLDER"
        )
    return source


def _module(settings: DataSettings, source: Source | None) -> Any:
    """What loads a set for a milestone with these settings. Raises UsageError where it has no such pictures."""
    if isinstance(settings, PictureSettings):
        if source is None or not source.colour:
            fit = ", ".join(name for name, source in SOURCES.items() if source.colour)
            raise UsageError(f"data.name={settings.name}: has no colour pictures, as this milestone learns; use {fit}")
        return import_module(source.colour)
    if source is not None and not source.module:
        raise UsageError(
            f"data.name={settings.name}: this milestone does not learn colour pictures; alexnet and resnet do"
        )
    return import_module(source.module if source else MNIST)


def _check_files(settings: DataSettings, source: Source | None) -> None:
    """Raise UsageError where data.root is given to a set that reads no files there, or data.invert to no pictures."""
    if settings.invert and settings.name != "images":
        raise UsageError(
            f"data.invert=true: turns pictures of your own (data.name=images), and not {settings.name}; leave it out"
        )
    if settings.root is not None and source is not None and not (source.own or source.filed):
        raise UsageError(
            f"data.root={settings.root}: {settings.name} {'is ' * source.generated}{source.origin} and needs no files;"
            " data.name=csv takes a table of your own, images a folder of pictures, mnist the files of MNIST"
        )


def check_needs(settings: DataSettings, needs: Mapping[str, bool]) -> None:
    """Raise UsageError for a key that the set needs (true) and lacks, or has no use for (false) and was given."""
    for key, needed in needs.items():
        value = getattr(settings, key)
        if needed and value is None:
            raise UsageError(f"data.{key} must be given for {settings.name}, got null")
        if not needed and value is not None:
            raise UsageError(f"data.{key} is without effect on {settings.name} and must be null there, got {value}")


def load_as(settings: DataSettings, classes: Sequence[str], form: Mapping[str, Any], draws: Draws = FIRST) -> Data:
    """The splits that `settings` name in the form of a run's own data, labels counted as in `classes`.

    Files of your own are a `test` split as a whole. Raises LandmarksError where a class is not known, or the form is
    not the run's.
    """
    source = SOURCES.get(settings.name)
    make: Any = _module(settings, source) if source is not None and source.own else None
    _check_files(settings, source)
    if isinstance(settings, DigitSettings):
        settings = replace(settings, labels=None, distorted=0)  # which are for learning alone
    found = load(settings, draws) if make is None else None
    if (found.form.get("kind") if found else make.KIND) != form.get("kind"):
        raise UsageError(f"data.name={settings.name}: not of the kind that this run has learned from; name another set")
    return _counted_as(found or make.load_as(settings, classes, form), tuple(classes))


def _counted_as(found: Data, classes: tuple[str, ...]) -> Data:
    """The labels of a set by their names' places in `classes`. Raises LandmarksError for a name that is not there."""
    if found.classes == classes:
        return found
    if unknown := [name for name in found.classes if name not in classes]:
        raise LandmarksError(f"{found.name}: {unknown[0]} is none of the run's classes ({', '.join(classes)})")
    import torch

    place = torch.tensor([classes.index(name) for name in found.classes])
    return replace(found, splits={n: split._replace(y=place[split.y]) for n, split in found.splits.items()})


def table() -> list[tuple[str, ...]]:
    """Lines of `landmarks data list`: name, whether it is here, origin, what it is and how large."""
    return [
        (source.name, _present(source), source.origin, f"{source.what}; {source.size}") for source in SOURCES.values()
    ]


def fetch(name: str, folder: str | None) -> Path:
    """Download a set into `folder` (see `root`) unless it is there; return where it lies.

    Raises LandmarksError where that fails or a file is damaged, UsageError for a set that is not downloaded.
    """
    from landmarks.data import cifar, mnist

    if name in ("mnist", mnist.THREE_WAY):
        return mnist.fetch(root(folder))
    if name == "cifar10":
        return cifar.fetch(folder)
    source = SOURCES[_known(name)]
    origin = "is generated" if source.generated else "is your own" if source.own else source.origin
    raise UsageError(f"data fetch: {name} {origin}, so there is nothing to fetch")


def verify(name: str, folder: str | None) -> str:
    """Check a set in `folder` (see `root`); one sentence that says what was checked. Raises LandmarksError."""
    from landmarks.data import cifar, digits5k, mnist

    if name in SOURCES and (SOURCES[name].generated or SOURCES[name].own):
        origin = "generated from its settings" if SOURCES[name].generated else "your own"
        raise UsageError(f"data verify: {name} is {origin}, so there is nothing to verify")
    match name:
        case "mnist5k":
            return digits5k.verify()
        case "cifar10":
            return cifar.verify(folder)
        case cifar.JPEG:
            return cifar.verify_jpeg(folder)
    name = name if folder else _known(name)
    return mnist.verify("mnist" if name == mnist.THREE_WAY else name, root(folder))


def _known(name: str) -> str:
    if name not in SOURCES:
        raise UsageError(f"data: there is no data set {name}{nearest(name, SOURCES)}; landmarks data list shows all")
    return name


def _present(source: Source) -> str:
    """yes or no; "yours" for files of your own."""
    if source.own:
        return "yours"
    from landmarks.data import cifar, digits5k, mnist

    here = {
        "mnist": lambda: mnist.complete("mnist", root(None)),
        "mnist50k": lambda: mnist.complete("mnist", root(None)),
        "mnist5k": lambda: digits5k.bundled() is not None,
        "cifar10": lambda: cifar.found(None) is not None,
        cifar.JPEG: lambda: cifar.unpacked(None) is not None,
    }
    return "yes" if here.get(source.name, lambda: True)() else "no"
