"""Pickles that are read without running what stands in them: the batches of CIFAR-10 for Python.

The reader of Python calls whatever a pickle names. This one knows four names, and none of what they stand for can act.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt


def read(content: bytes) -> Any:
    """What a pickle holds: texts as bytes, and in place of arrays what has them as `value`, uint8.

    Raises pickle.UnpicklingError for anything that is no batch's, and whatever else a damaged pickle ends in.
    """
    return _Plain(io.BytesIO(content), encoding="bytes").load()


class _Kind:
    """Stands for NumPy's type of an array's numbers, of which only the name counts."""

    def __init__(self, name: str | bytes, *how: object) -> None:
        self.name = name if isinstance(name, str) else name.decode()

    def __setstate__(self, state: object) -> None: ...


class _Array:
    """Stands for NumPy's array, which in the hands of a pickle can be pointed at any memory."""

    value: npt.NDArray[np.uint8]

    def __init__(self, *how: object) -> None: ...

    def __setstate__(self, state: tuple[int, tuple[int, ...], _Kind, bool, bytes]) -> None:
        _, shape, kind, by_columns, content = state
        if kind.name not in ("u1", "uint8"):
            raise ValueError("not pictures of 3,072 bytes")
        self.value = np.frombuffer(content, np.uint8).reshape(shape, order="F" if by_columns else "C")


class _Plain(pickle.Unpickler):
    """Reads arrays of bytes, texts, lists and dictionaries: what a batch is made of, and nothing that could act."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            "_reconstruct": _Array,
            "ndarray": "ndarray",
            "dtype": _Kind,
            "encode": lambda text, coding: text.encode("latin1"),  # bytes as Python 3 writes them for Python 2
        }
        if module.split(".")[0] not in ("numpy", "_codecs") or name not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in it")
        return allowed[name]
