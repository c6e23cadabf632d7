# SPDX-License-Identifier: Apache-2.0
"""Derivatives that vloss has no formulas of: errors, never zeros."""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.autograd import forward_ad

from ._run import LOSSES

# Losses of the difference between input and target: the target's gradient is the opposite.
OPPOSITE = frozenset({'l1', 'mse', 'smooth_l1', 'huber', 'log_cosh', 'charbonnier', 'quantile'})
# Losses of two boxes that may be exchanged.
SYMMETRIC = frozenset({'iou', 'giou', 'diou', 'ciou', 'eiou', 'cdiou', 'siou', 'alpha_iou'})

WEIGHTS = frozenset({'class_weight', 'positive_weight', 'weight'})

Array: TypeAlias = torch.Tensor | None


def no_second_derivative(name: str) -> Callable[..., Any]:
    def fail(ctx: Any, *upstream: Any) -> Any:
        raise NotImplementedError(
            f'vloss.{name} has no second derivative; formulas of PyTorch operations have one'
        )

    return fail


def _refuse(name: str, argument: str) -> None:
    raise NotImplementedError(f'{name}: {argument}: vloss has no gradient of it; detach() it')


def check_needs(name: str, target: bool, class_weight: bool, weight: bool) -> None:
    """Raises for the first argument of an operator whose gradient is wanted and not there."""
    if target and name not in OPPOSITE:
        _refuse(name, 'target')
    if class_weight:
        has_positives = 'positive_weight' in LOSSES[name].arrays
        _refuse(name, 'positive_weight' if has_positives else 'class_weight')
    if weight:
        _refuse(name, 'weight')


def check_constants(
    name: str, target: Array, options: dict[str, Any], exchangeable: frozenset[str]
) -> None:
    """Raises for a target or a weight that requires a gradient which is not there."""
    if not torch.is_grad_enabled():
        return
    if target is not None and target.requires_grad and name not in OPPOSITE | exchangeable:
        _refuse(name, 'target')
    for key in WEIGHTS:
        weight = options.get(key)
        if weight is not None and weight.requires_grad:
            _refuse(name, key)


def _has_tangent(tensor: torch.Tensor) -> bool:
    functorch = torch._C._functorch
    if not torch.compiler.is_compiling():
        while functorch.is_batchedtensor(tensor):
            tensor = functorch.get_unwrapped(tensor)
    return forward_ad.unpack_dual(tensor).tangent is not None


def check_tangents(name: str, **tensors: Array) -> None:
    """Raises for the first that carries a tangent of forward mode, which would be lost."""
    for argument, tensor in tensors.items():
        if tensor is not None and tensor.is_floating_point() and _has_tangent(tensor):
            raise NotImplementedError(f'{name}: {argument}: vloss has no forward-mode derivatives')


_EXCLUDED = (torch._C.DispatchKey.AutogradCPU, torch._C.DispatchKey.ADInplaceOrView)


def check_tangents_below(name: str, **tensors: Array) -> None:
    """check_tangents() in an operator, where autograd, which knows of them, is left already."""
    excluded = torch._C._dispatch_tls_local_exclude_set()
    for key in _EXCLUDED:
        excluded = excluded.remove(key)
    included = torch._C._dispatch_tls_local_include_set()
    with torch._C._ForceDispatchKeyGuard(included, excluded):
        check_tangents(name, **tensors)
