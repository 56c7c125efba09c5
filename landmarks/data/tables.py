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
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np
import numpy.typing as npt

from landmarks.data import FIRST, Draws
from landmarks.errors import LandmarksError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from landmarks.milestone import Data, Split
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

    x (N, n) float32, standardised; y (N,) int64, the place in `classes`. Raises LandmarksError for a file that is no
    such table, UsageError where none is named.
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
    return _data({name: part for name, part in parts.items() if len(part.x)}, classes, form)


def load_as(settings: DataSettings, classes: Sequence[str], form: Mapping[str, Any]) -> Data:
    """All rows as `test`, in the form and with the classes of another run. Raises LandmarksError or UsageError."""
    import torch

    from landmarks.milestone import Split

    path = _path(settings)
    table = _labelled(path, read(path, len(form["mean"])))
    _compare_names(path, table, form)
    y = torch.from_numpy(_places(path, table, tuple(classes)))
    return _data({"test": Split(torch.from_numpy(table.cells), y)}, tuple(classes), form)


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
    columns = _columns(path, len(first), inputs)
    names = () if any(map(_is_number, first[:columns])) else tuple(first)
    cells, labels, places = array("d"), list[str](), list[int]()
    for number, row in lines if names else chain([(start, first)], lines):
        if len(row) != len(first):
            raise LandmarksError(
                f"{path}: line {number} has {len(row)} cells and the first line {len(first)}; correct it"
            )
        cells.extend(_numbers(path, number, row[:columns], names))
        if not all(row[columns:]):
            raise LandmarksError(f"{path}: line {number}, column {len(row)}: the label is missing; fill it in")
        labels += row[columns:]
        places.append(number)
    table = np.array(cells).reshape(len(places), columns)
    if not names and _names_are_numbers(labels):
        names, table, labels, places = tuple(first), table[1:], labels[1:], places[1:]
    if not places:
        raise LandmarksError(f"{path}: holds no rows; a table has a row for each pattern")
    return Table(table, tuple(labels), tuple(places), names[:columns])


def _columns(path: Path, width: int, inputs: int | None) -> int:
    """How many of the cells of a line are numbers: all but the label. Raises LandmarksError where they do not fit."""
    columns = width - (inputs is None or width != inputs)
    if columns < 1 or inputs not in (None, columns):
        wanted = "at least two columns" if inputs is None else f"{inputs}, or {inputs + 1} with the label,"
        raise LandmarksError(
            f"{path}: has {width} column{'s' * (width != 1)}, and {wanted} are needed, separated by commas, semicolons"
            " or tabs"
        )
    return columns


def _names_are_numbers(labels: Sequence[str]) -> bool:
    """Whether a first line that could be a row holds the columns' names: its label alone is no number (0, 1, kind)."""
    return len(labels) > 1 and not _is_number(labels[0]) and all(map(_is_number, labels[1:]))


def _lines(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with their lines, split by the separator that makes most of the first one."""
    start = next((line for line in file if line.strip()), "")
    file.seek(0)
    counts = {sign: len(next(csv.reader([start], delimiter=sign), [])) for sign in SEPARATORS}
    reader = csv.reader(file, delimiter=max(counts, key=lambda sign: counts[sign]))
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, [cell.strip() for cell in row]


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _numbers(path: Path, line: int, cells: Sequence[str], names: Sequence[str]) -> list[float]:
    """The cells as numbers. Raises LandmarksError for the first one that is none."""
    try:
        found = [*map(float, cells)]
    except ValueError:
        raise _wrong(path, line, cells, names) from None
    if not all(map(math.isfinite, found)):
        raise _wrong(path, line, cells, names)
    return found


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


def _data(parts: Mapping[str, Split], classes: tuple[str, ...], form: Mapping[str, Any]) -> Data:
    """The splits as a milestone takes them; the checksum is of the numbers in the file, which another unit changes."""
    from landmarks.data import splits
    from landmarks.milestone import Data, Split

    standard = {name: Split(_standardised(x, form), y) for name, (x, y) in parts.items()}
    return Data("csv", standard, splits.checksum(parts), classes=classes, form=form)
