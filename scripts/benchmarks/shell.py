"""What commands take from the shell, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from benchmarks.measure import Work

FIRST_STEP = """
import os
from landmarks import cli, loop
add = loop.Sums.add
def first(self, scalars):
    add(self, scalars)
    os._exit(0)
loop.Sums.add = first
cli.main(["run", "mlp_xor", "-q"])
os._exit(1)  # there was no step
"""


def command(*words: str) -> Work:
    """`python` with these words, in an empty folder. What it prints goes nowhere."""

    def work() -> float:
        with tempfile.TemporaryDirectory() as place:
            start = time.perf_counter()
            subprocess.run([sys.executable, *words], cwd=place, check=True, stdout=subprocess.DEVNULL, env=os.environ)
            return time.perf_counter() - start

    return work


def lists() -> tuple[Work, Work]:
    return command("-m", "landmarks", "list"), command("-c", "pass")


def helps() -> tuple[Work, Work]:
    return command("-m", "landmarks", "--help"), command("-c", "pass")


def first_step() -> tuple[Work, Work]:
    """`landmarks run mlp_xor`, to the end of its first step."""
    return command("-c", FIRST_STEP), command("-c", "import torch")
