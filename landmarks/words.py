"""Words in, columns out: what the verbs of the command line share."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from landmarks.errors import UsageError, nearest

TAKING_A_VALUE = ("--cfg", "-c", "--package", "-p", "--info", "-i", "--config-dir", "-cd", "--experimental-rerun")
"""Hydra's flags that are followed by a value."""
LEAST = 10
"""Characters of a column that is cut: with fewer it is left out."""


class Arguments:
    """The words after a verb: plain words, our few options, and flags that belong to Hydra."""

    def __init__(
        self,
        words: Sequence[str],
        options: Sequence[str] = (),
        switches: Sequence[str] = (),
        passes_flags: bool = False,
    ) -> None:
        self.words: list[str] = []
        self.flags: list[str] = []
        self.options: dict[str, str] = {}
        rest = iter(words)
        for word in rest:
            name, _, value = word.partition("=")
            if name in options:
                self.options[name] = value or next(rest, "")
                if not self.options[name]:
                    raise UsageError(f"{name} wants a value")
            elif word in ("-q", "--quiet"):
                self.options["-q"] = "1"
            elif word in switches:
                self.options[word] = "1"
            elif word.startswith("-") and not passes_flags:
                raise UsageError(f"there is no option {word}{nearest(word, ['-q', '--debug', *options, *switches])}")
            elif word.startswith("-"):
                self.flags += [word, *([next(rest, "")] if word in TAKING_A_VALUE else [])]
            else:
                self.words.append(word)

    def refuse_words(self) -> None:
        if self.words:
            raise UsageError(
                f"there is nothing to do with {self.words[0]} here; `landmarks --help` shows how it is used"
            )

    @property
    def quiet(self) -> bool:
        return "-q" in self.options


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their content; in a terminal as many as fit, the last one cut at its edge."""
    for line in lined_up(head, rows, shutil.get_terminal_size().columns if sys.stdout.isatty() else 1000):
        print(line.encode(errors="backslashreplace").decode())  # a file's name may be no text


def lined_up(head: Sequence[str], rows: Sequence[Sequence[str]], edge: int = 1000) -> list[str]:
    """The lines of a table, no longer than `edge`: as many columns as fit, the last one cut."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    while len(widths) > 1 and sum(widths[:-1]) + 2 * len(widths[:-1]) + min(widths[-1], LEAST) > edge:
        widths.pop()
    cells = ([cell.ljust(width) for cell, width in zip(row, widths, strict=False)] for row in [head, *rows])
    return ["  ".join(row).rstrip()[:edge] for row in cells]
