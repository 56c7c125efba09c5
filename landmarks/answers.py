"""What a trained model answers: measured on other data (`evaluate`), and file by file (`predict`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from landmarks import assemble, data, loop
from landmarks import device as devices
from landmarks.data import colour, folders, photos, pictures, tables
from landmarks.errors import LandmarksError, UsageError
from landmarks.milestone import Answer, Data
from landmarks.settings import Settings

FIXED = {"inputs", "classes", "valid", "test", "digits", "sizes", "side", "labels", "scales"}
FIXED |= {"version", "distorted", "distortion"}
"""Of a run's data: what the network was built for, and which patterns it has learned from."""
ELSEWHERE = {"data.name", "data.root", "data.invert"}
"""What names other patterns; a generated set is another one by any of its keys."""
TOP = 5
"""So many of the most probable classes are told."""
CHUNK = 500
"""Patterns that are answered at once."""


@dataclass(frozen=True)
class Prediction:
    """The class that a run's model gives to a picture, or to the row of a table that stands in this line.

    `score` is a probability, an activity or a weighted sum, which are surer when larger, or a distance, which is surer
    when smaller; `kind` says which. `best` has the five most probable classes, where the model gives probabilities.
    """

    file: str
    row: int | None
    label: str
    score: float
    kind: str
    best: tuple[tuple[str, float], ...] = ()

    @property
    def place(self) -> str:
        """FILE, or FILE:LINE for the row of a table."""
        return self.file if self.row is None else f"{self.file}:{self.row}"


def evaluate(folder: Path, overrides: Sequence[str] = ()) -> dict[str, float]:
    """Measure a finished run's model on its own data, or on what `data.…` overrides name; names as in the log.

    Other files of your own are made into patterns as the run's own were, and are a `test` split as a whole. What was
    calibrated on the run's own data stays as it is where others are measured. Raises
    LandmarksError where the run is not finished, its own data have changed or others do not fit, UsageError for another
    override.
    """
    milestone = assemble.load_model(folder)
    keys = [f"data.{key}" for key in vars(milestone.config.data) if key not in FIXED]
    why = "evaluate measures the model as it was trained, on what was held out from it"
    given = {override.partition("=")[0] for override in overrides}
    elsewhere = ["data.root=null", "data.invert=false"] if "data.name" in given and "data.root" not in given else []
    learned = milestone.config.data.name
    composed = assemble.stored(folder, [*overrides, *elsewhere], [*keys, "device", "threads"], why)
    milestone.config = settings = assemble.settings_of(composed)
    if (source := data.SOURCES.get(settings.data.name)) and learned in source.within:
        raise UsageError(
            f"data.name={source.name}: has patterns of {learned}, which this run has learned from; name another set"
        )
    device = devices.resolve(settings.device)
    own = not _elsewhere(settings, given)
    found = _data(folder, settings, own).to(device)
    milestone = milestone.to(device)
    with devices.prepared(settings), devices.autocast(device, settings.precision):
        return loop.measure(milestone, found, found.splits, device, calibrate=own).values


def _elsewhere(settings: Settings, given: set[str]) -> bool:
    """Whether overrides of these keys name other patterns than the run's own."""
    source = data.SOURCES.get(settings.data.name)
    generated = source is not None and source.generated
    return any(key in ELSEWHERE or (generated and key.startswith("data.")) for key in given)


def _data(folder: Path, settings: Settings, own: bool) -> Data:
    """The run's data as it was trained; or others, made into the same form. Raises LandmarksError, or UsageError."""
    draws = data.Draws.of(settings)
    if own:
        found = data.load(settings.data, draws)
        assemble.beginning(folder, found.checksum)
        return found
    known = described(folder)
    found = data.load_as(settings.data, tuple(known["classes"]), known["form"], draws)
    if found.shapes != known["shapes"]:
        now, then = (" → ".join(str(tuple(shape)) for shape in shapes) for shapes in (found.shapes, known["shapes"]))
        raise UsageError(
            f"data.name={found.name}: has patterns of another shape ({now}) than this run learned ({then})"
        )
    return found


def predict(folder: Path, words: Sequence[str]) -> list[Prediction]:
    """The class of every picture (in files or folders) or of every row (of tables, with or without labels), in order.

    Preprocessing is that of the run; among the files, data.invert=true says that these pictures are turned round.
    Raises LandmarksError where the run is not finished or a file cannot be read, UsageError where the model is no
    classifier.
    """
    overrides = [word for word in words if word.startswith("data.") and "=" in word]
    files = [word for word in words if word not in overrides]
    milestone = assemble.load_model(folder)
    known = described(folder)
    form, classes = known["form"], known["classes"]
    if not form:
        learned = milestone.config.data.name
        raise UsageError(
            f"{folder}: has learned from {learned}, which is generated; no file holds patterns of that kind"
        )
    if not files:
        raise UsageError("predict wants files: pictures or folders of them, or a table")
    settings = assemble.stored(folder, overrides, ["data.invert"], "predict makes patterns as the run did").tree["data"]
    if overrides and form["kind"] == colour.KIND:
        raise UsageError(f"override {overrides[0]}: turns grey pictures, and this run learns in colour; leave it out")
    found: list[Prediction] = []
    with torch.inference_mode():
        for x, places in _patterns(form | ({"invert": settings["invert"]} if overrides else {}), files):
            found += _predictions(milestone.answer(x), places, classes)
    return found


def _predictions(answer: Answer, places: Sequence[tuple[str, int | None]], classes: Sequence[str]) -> list[Prediction]:
    """What is said of the patterns that stand in these places, with names for classes."""
    best: list[tuple[tuple[str, float], ...]] = [()] * len(places)
    if answer.probabilities is not None:
        values, labels = answer.probabilities.topk(min(TOP, len(classes)))
        best = [
            tuple((classes[label], value) for label, value in zip(row, some, strict=True))
            for row, some in zip(labels.tolist(), values.tolist(), strict=True)
        ]
    rows = zip(places, answer.label.tolist(), answer.score.tolist(), best, strict=True)
    return [Prediction(*place, classes[label], score, answer.kind, top) for place, label, score, top in rows]


def _patterns(form: dict[str, Any], files: Sequence[str]) -> Iterator[tuple[Tensor, list[tuple[str, int | None]]]]:
    """The patterns in the files, some at a time, and the file and line of each."""
    if form["kind"] == tables.KIND:
        for file in files:
            rows, lines = tables.rows(Path(file).expanduser(), form)
            for start in range(0, len(rows), CHUNK):
                yield rows[start : start + CHUNK], [(file, line) for line in lines[start : start + CHUNK]]
        return
    paths = [path for file in files for path in folders.files(Path(file).expanduser())]
    negatives: list[Path] = []
    for start in range(0, len(paths), CHUNK):
        part = paths[start : start + CHUNK]
        if form["kind"] == colour.KIND:
            x = photos.rows(part, form)
        else:
            x, negative = pictures.rows(part, form)
            negatives += compress(part, negative)
        yield x, [(str(path), None) for path in part]
    if negatives:
        more = f" (and {len(negatives) - 1} more)" if len(negatives) > 1 else ""
        print(
            f"landmarks: {negatives[0]}{more}: brighter at the border than in the middle, unlike the pictures that this"
            f" run has learned; data.invert={str(not form['invert']).lower()} turns them round",
            file=sys.stderr,
        )


def described(folder: Path) -> dict[str, Any]:
    """How a run made patterns of files, what shapes they have, the names of its classes. Raises LandmarksError."""
    try:
        known: dict[str, Any] = json.loads((folder / "data.json").read_text())
        return known
    except (OSError, ValueError) as error:
        raise LandmarksError(
            f"{folder}: has no data.json that says how files became patterns, as runs of older versions; make it anew"
        ) from error
