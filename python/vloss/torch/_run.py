# SPDX-License-Identifier: Apache-2.0
"""Calls of the extension on tensors of the CPU, whatever their strides."""

from collections.abc import Sequence
from typing import Any

import torch

from .. import _core, losses

LOSSES = {loss.name: loss for loss in losses()}
FUNCTIONS = {name: _core.tensor_function(name) for name in LOSSES}

Options = dict[str, Any]
Arrays = Sequence[torch.Tensor]

HALF = (torch.bfloat16, torch.float16)


def plain(x: torch.Tensor) -> torch.Tensor:
    """The same numbers in C order and nothing pending: what the extension reads."""
    if x.is_neg() or x.is_conj():
        x = x.resolve_neg().resolve_conj()
    return x.contiguous()


def autocast(*tensors: Any) -> tuple[Any, ...]:
    """As PyTorch's autocast to float32 casts the arguments of a loss."""
    if not torch.is_autocast_enabled('cpu'):
        return tensors
    return tuple(
        t.float() if isinstance(t, torch.Tensor) and t.is_cpu and t.dtype in HALF else t
        for t in tensors
    )


def run(name: str, arrays: Arrays, options: Options) -> tuple[Any, ...]:
    """(loss, grad) or (loss, grad, grad_variance); `options` are those of vloss.numpy."""
    for x in arrays:
        if x.is_neg():
            break
    else:
        results = FUNCTIONS[name](*arrays, **options)
        if results is not NotImplemented:
            return results
    if LOSSES[name].family == 'rows' and _has_classes_last(arrays):
        return _run_with_classes_last(name, arrays, options)
    if LOSSES[name].family == 'elements' and options.get('positive_weight') is None:
        order = _order(arrays)
        if order:
            return _run_in_order(name, arrays, options, order)
    tensors = {k: plain(v) for k, v in options.items() if isinstance(v, torch.Tensor)}
    return FUNCTIONS[name](*map(plain, arrays), **{**options, **tensors})


def _order(arrays: Arrays) -> list[int] | None:
    """The axes as they lie in memory, if the arrays are dense and alike in that; or None."""
    x = arrays[0]
    order = sorted(range(x.dim()), key=x.stride, reverse=True)
    alike = all(
        a.shape == x.shape and not a.is_neg() and a.permute(order).is_contiguous() for a in arrays
    )
    return order if alike else None


def _run_in_order(name: str, arrays: Arrays, options: Options, order: list[int]) -> tuple[Any, ...]:
    """Elements may be read in any order, if all results are written in the same."""

    def turned(value: Any, axes: list[int]) -> Any:
        is_turned = isinstance(value, torch.Tensor) and value.dim() == len(axes)
        return value.permute(axes) if is_turned else value

    options = {k: turned(v, order) for k, v in options.items()}
    options = {k: plain(v) if isinstance(v, torch.Tensor) else v for k, v in options.items()}
    results = FUNCTIONS[name](*(a.permute(order) for a in arrays), **options)
    back = [order.index(axis) for axis in range(len(order))]
    return tuple(turned(result, back) for result in results)


def _has_classes_last(arrays: Arrays) -> bool:
    """Whether the first is N,C,H,W with the classes last in memory, and the second fits to it."""
    x = arrays[0]
    if x.dim() < 3 or x.is_neg() or not x.movedim(1, -1).is_contiguous():
        return False
    return len(arrays) == 1 or arrays[1].shape in (x.shape, x.shape[:1] + x.shape[2:])


def _run_with_classes_last(name: str, arrays: Arrays, options: Options) -> tuple[Any, ...]:
    """N,C,H,W with the classes last in memory are N x H x W rows, and so is the gradient."""
    x = arrays[0]
    rows = x.movedim(1, -1)

    def flat(a: torch.Tensor) -> torch.Tensor:
        if a.dim() == x.dim():
            return a.movedim(1, -1).reshape(-1, x.shape[1])
        return a.reshape(-1)

    options = {k: plain(v) if isinstance(v, torch.Tensor) else v for k, v in options.items()}
    for key in ('weight', 'grad_output'):
        if isinstance(options.get(key), torch.Tensor) and options[key].dim() > 0:
            options[key] = options[key].reshape(-1)
    loss, grad = FUNCTIONS[name](*(plain(flat(a)) for a in arrays), **options)
    if loss is not None and loss.dim() > 0:
        loss = loss.reshape(rows.shape[:-1])
    if grad is not None:
        grad = grad.reshape(rows.shape).movedim(-1, 1)
    return loss, grad
