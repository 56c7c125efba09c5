"""Where and when figures were measured."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path
from typing import Any

import torch

from landmarks.device import processor

ROOT = Path(__file__).parent.parent.parent


def environment() -> dict[str, Any]:
    """Machine, device, versions, day and commit, for a JSON of figures."""
    cuda, threads = torch.cuda.is_available(), torch.get_num_threads()
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {
        "machine": f"{processor()}, {threads} thread{'s' * (threads > 1)}",
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "torch": torch.__version__,
        "date": datetime.date.today().isoformat(),
        "commit": done.stdout.strip() or None,
    }
