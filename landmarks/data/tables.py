"""`csv`: a table of your own, the last column the label, all others numbers.

Columns are separated by commas, semicolons or tabs; a first line of names is noticed. Classes are the different labels,
in the order of numbers where all are numbers, else of words. Every column is standardised: its mean over the training
rows is taken away and the rest divided by its deviation there, in whatever rows the run meets later.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np
import numpy.typing as npt

from landmarks.data import FIRST, Draws
from landmarks.errors import LandmarksError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from landmarks.milestone import Data
    from landmarks.settings import DataSettings

KIND = "table"
Floats = npt.NDArray[np.float64]
SEPARATORS = "\t;,"
"""In the order in which they are believed, where a line has as many cells by one as by another."""


class Table(NamedTuple):
    """Numbers (N, n), the labels of the rows (() where there are none), their lines in the file; the columns' names."""

    cells: Floats
    labels: tuple[str, ...]
    lines: tuple[int, ...]
    names: tuple[str, ...]


def discover(settings: DataSettings) -> dict[str, Any]:
    """The number of inputs and the classes of the file that data.root names. Raises LandmarksError or UsageError."""
    path = _path(settings)
    table = read(path)
    return {"inputs": table.cells.shape[1], "classes": _classes(path, table)}


def load(settings: DataSettings, draws: Draws = FIRST) -> Data:
    """`train`, and `test` with data.test of every class (or `valid` where the settings hold some out).

    x (N, n) float32, standardised; y (N,) int64, the place in `classes`; for settings with `targets`, y (N, m) float32
    (see `patterns.coded`). Raises LandmarksError for a file that is no such table, UsageError where none is named.
    """
    import torch

    from landmarks.data import splits
    from landmarks.milestone import Split

    path = _path(settings)
    table = _labelled(path, read(path, settings.inputs))
    classes = settings.classes or _classes(path, table)
    y = _places(path, table, classes)
    held = splits.held_out(y, settings.test)
    train, test = (Split(torch.from_numpy(table.cells[rows]), torch.from_numpy(y[rows])) for rows in (~held, held))
    parts = splits.divide(settings, train, lambda: test)
    learned = parts["train"].x.numpy()
    constant = learned.max(0) == learned.min(0)
    form = {
        "kind": KIND,
        "columns": [*table.names],
        "mean": learned.mean(0).tolist(),
        "deviation": np.where(constant, 1, learned.std(0)).tolist(),
    }
    return _data(settings, {name: part for name, part in parts.items() if len(part.x)}, classes, form)


def load_as(settings: DataSettings, classes: Sequence[str], form: Mapping[str, Any]) -> Data:
    """All rows as `test`, in the form and with the classes of another run. Raises LandmarksError or UsageError."""
    import torch

    from landmarks.milestone import Split

    path = _path(settings)
    table = _labelled(path, read(path, len(form["mean"])))
    _compare_names(path, table, form)
    y = torch.from_numpy(_places(path, table, tuple(classes)))
    return _data(settings, {"test": Split(torch.from_numpy(table.cells), y)}, tuple(classes), form)


def rows(path: Path, form: Mapping[str, Any]) -> tuple[Tensor, tuple[int, ...]]:
    """x (N, n) of a file with or without labels, in the form of a run; the line of each row. Raises LandmarksError."""
    import torch

    table = read(path, len(form["mean"]))
    _compare_names(path, table, form)
    return _standardised(torch.from_numpy(table.cells), form), table.lines


def read(path: Path, inputs: int | None = None) -> Table:
    """The table in a file; where `inputs` is as many as its columns, no column is the label.

    Raises LandmarksError in one sentence that names the file, the line and the column.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise LandmarksError(f"{path}: cannot be read ({error.strerror}); correct the name of the file") from error
    if path.is_dir():
        raise LandmarksError(f"{path}: is a folder, and a table is a file; name the file in it")
    return _read(path, inputs, (found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=1)
def _read(path: Path, inputs: int | None, stamp: tuple[int, int]) -> Table:
    """`read`, remembered as long as the file is the same: a run looks for its classes first, then for its rows."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _parse(path, file, inputs)
    except UnicodeDecodeError as error:
        raise LandmarksError(f"{path}: is no text in UTF-8; save the table as CSV in UTF-8") from error
    except csv.Error as error:
        raise LandmarksError(f"{path}: is no table of text ({error}); save it as CSV") from error


def _parse(path: Path, file: TextIO, inputs: int | None) -> Table:
    lines = _lines(file)
    start, first = next(lines, (0, []))
    width = len(first)
    labelled = inputs is None or width != inputs
    if width < 1 + labelled or inputs not in (None, width, width - 1):
        wanted = "at least two columns" if inputs is None else f"{inputs}, or {inputs + 1} with the label,"
        raise LandmarksError(
            f"{path}: has {width} column{'s' * (width != 1)}, and {wanted} are needed, separated by commas, semicolons"
            " or tabs"
        )
    names = () if any(map(_is_number, first[: width - labelled])) else tuple(first)
    cells, labels, places = array("d"), list[str](), list[int]()
    for number, row in lines if names else _again(start, first, lines):
        if len(row) != width:
            raise LandmarksError(f"{path}: line {number} has {len(row)} cells and the first line {width}; correct it")
        try:
            cells.extend(map(float, row[: width - labelled]))
        except ValueError:
            raise _wrong(path, number, row[: width - labelled], names) from None
        if not all(map(math.isfinite, cells[len(cells) - width + labelled :])):
            raise _wrong(path, number, row[: width - labelled], names)
        labels += row[width - 1 :] if labelled else []
        places.append(number)
        if labelled and not row[-1]:
            raise LandmarksError(f"{path}: line {number}, column {width}: the label is missing; fill it in")
    table = np.array(cells).reshape(len(places), width - labelled)
    if (
        labelled
        and not _is_number(labels[0] if labels else "0")
        and len(labels) > 1
        and all(map(_is_number, labels[1:]))
    ):
        names, table, labels, places = tuple(first), table[1:], labels[1:], places[1:]  # names that are numbers
    if not len(table):
        raise LandmarksError(f"{path}: holds no rows; a table has a row for each pattern")
    return Table(table, tuple(labels), tuple(places), names[: width - labelled])


def _lines(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with their lines, split by the separator that makes most of the first one."""
    start = next((line for line in file if line.strip()), "")
    file.seek(0)
    counts = {sign: len(next(csv.reader([start], delimiter=sign), [])) for sign in SEPARATORS}
    reader = csv.reader(file, delimiter=max(counts, key=lambda sign: counts[sign]))
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, [cell.strip() for cell in row]


def _again(number: int, first: list[str], rest: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    yield number, first
    yield from rest


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _wrong(path: Path, line: int, cells: Sequence[str], names: Sequence[str]) -> LandmarksError:
    """What to say of the first cell that is no number."""
    column = next(i for i, cell in enumerate(cells) if not _is_number(cell))
    place = f"{path}: line {line}, column {column + 1}" + (f" ({names[column]})" if names else "")
    if cells[column] == "":
        return LandmarksError(f"{place}: a value is missing; fill it in or leave the row out")
    comma = ", with a point for the decimals" if _is_number(cells[column].replace(",", ".", 1)) else ""
    return LandmarksError(
        f"{place}: {cells[column]} must be a number{comma}; only the last column, the label, may be a text"
    )


def _path(settings: DataSettings) -> Path:
    if settings.root is None:
        raise UsageError("data.root must name the file of the table: data.name=csv data.root=flowers.csv")
    return Path(settings.root).expanduser()


def _labelled(path: Path, table: Table) -> Table:
    """The table itself. Raises LandmarksError where it has no labels."""
    if table.labels:
        return table
    inputs = table.cells.shape[1]
    raise LandmarksError(
        f"{path}: has {inputs} columns, and the network takes so many and a label after them; `landmarks predict` takes"
        " rows without labels"
    )


def _classes(path: Path, table: Table) -> tuple[str, ...]:
    """The different labels in order. Raises LandmarksError where there are too few, or they look like measurements."""
    from landmarks.data import splits

    classes = splits.ordered(table.labels)
    if len(classes) < 2:
        raise LandmarksError(f"{path}: every row has the label {classes[0]}; at least two classes are needed")
    fractions = all(map(_is_number, classes)) and any(float(name) % 1 for name in classes)
    if fractions and 2 * len(classes) > len(table.labels):
        raise LandmarksError(
            f"{path}: the last column has {len(classes)} different numbers in {len(table.labels)} rows; it must be the"
            " label, the same for all rows of a class"
        )
    return classes


def _places(path: Path, table: Table, classes: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The place of each row's label in `classes`. Raises LandmarksError for a label that is none of them."""
    place = {name: i for i, name in enumerate(classes)}
    for line, label in zip(table.lines, table.labels, strict=True):
        if label not in place:
            raise LandmarksError(f"{path}: line {line}: {label} is none of the run's classes ({', '.join(classes)})")
    return np.array([place[label] for label in table.labels], dtype=np.int64)


def _compare_names(path: Path, table: Table, form: Mapping[str, Any]) -> None:
    for column, (now, then) in enumerate(zip(table.names, form["columns"], strict=False), 1):
        if now != then:
            raise LandmarksError(
                f"{path}: column {column} is called {now}, and {then} where the run was trained; order the columns so"
            )


def _standardised(x: Tensor, form: Mapping[str, Any]) -> Tensor:
    return ((x - x.new_tensor(form["mean"])) / x.new_tensor(form["deviation"])).float()


def _data(settings: DataSettings, parts: Mapping[str, Any], classes: tuple[str, ...], form: Mapping[str, Any]) -> Data:
    """The splits as a milestone takes them."""
    from landmarks.data import patterns, splits
    from landmarks.milestone import Data, Split

    parts = {name: Split(_standardised(x, form), y) for name, (x, y) in parts.items()}
    if isinstance(settings, patterns.PatternSettings):
        parts = {name: Split(x, patterns.coded(y, len(classes), settings.targets)) for name, (x, y) in parts.items()}
    return Data("csv", parts, splits.checksum(parts), classes=classes, form=form)
