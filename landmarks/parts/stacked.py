"""R networks of one form as one module: replicas of a network that was written for one alone."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from landmarks.milestone import Scalars

M = TypeVar("M", bound=nn.Module)
FEW = 32
"""Ten LeNets cost less than ten times one in batches of so many patterns at most: beyond that, one after the other."""


def stack(networks: Sequence[M]) -> M:
    """A copy of the first one, each of whose parameters (R, …) holds those of all, under its own name."""
    found = copy.deepcopy(networks[0])
    for name, parameter in found.named_parameters():
        parameter.data = torch.stack([network.get_parameter(name).data for network in networks])
    return found


def unstacked(network: nn.Module, replica: int) -> dict[str, Tensor]:
    """The parameters of one of them, by name."""
    return {name: parameter[replica] for name, parameter in network.named_parameters()}


def answers(network: nn.Module, x: Tensor) -> Tensor:
    """What each network of a stack makes of its own batch: (R, B, …) → (R, B, …)."""
    parameters = dict(network.named_parameters())

    def one(own: Mapping[str, Tensor], batch: Tensor) -> Tensor:
        found: Tensor = functional_call(network, dict(own), (batch,))
        return found

    if x.shape[1] <= FEW or x.is_cuda:
        together: Tensor = vmap(one)(parameters, x)
        return together
    each = zip(*(parameter.unbind() for parameter in parameters.values()), strict=True)
    return torch.stack([one(dict(zip(parameters, own, strict=True)), part) for own, part in zip(each, x, strict=True)])


def over(found: Sequence[Scalars]) -> Scalars:
    """Measures of all replicas from those of each: the means, `error_deviation` (n − 1), `error/3` of replica 3."""
    together = {name: torch.stack([each[name].float() for each in found]) for name in found[0]}
    means = {name: values.mean() for name, values in together.items()}
    errors = {name: values for name, values in together.items() if name.endswith("error")}
    spread = {f"{name}_deviation": values.std() for name, values in errors.items()}
    return means | spread | {f"{name}/{r}": value for name, values in errors.items() for r, value in enumerate(values)}
