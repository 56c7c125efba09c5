#!/usr/bin/env bash
# What only a CUDA device can show, in ten minutes at most: the tests marked `gpu` – the first fifty losses of every
# milestone on the CPU and on CUDA in fp32, no wait for the device inside a step, resume. More words go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
python3 - <<'PYTHON'
import datetime
import sys

import torch

if not torch.cuda.is_available():
    sys.exit(f"gpu_check: torch {torch.__version__} sees no CUDA device here")
print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {datetime.date.today()}", flush=True)
PYTHON
git log -1 --format='commit %H' 2>/dev/null || true
exec timeout 600 python3 -m pytest -m gpu tests/test_gpu.py --durations=10 "$@"
