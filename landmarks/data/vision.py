"""The one place that imports torchvision, which takes over a second."""

from __future__ import annotations

import importlib
from types import ModuleType

NMS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def torchvision() -> ModuleType:
    """Import torchvision, also where its compiled extension does not belong to this build of torch.

    Such a pair (a wheel made for CUDA beside a torch for the CPU) fails while it registers the shapes of two compiled
    operators that nothing here calls; declared beforehand, they let the import pass. Raises what the import raises.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    import torch

    for operator in ("torchvision::nms", "torchvision::qnms"):
        torch.library.define(operator, NMS)
    return importlib.import_module("torchvision")
