# SPDX-License-Identifier: Apache-2.0
"""Losses of rows whose classes are on several processes."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.distributed as dist
from torch.autograd import Function

from .._core import score
from ._evaluate import last
from ._exchange import Group, Part, all_reduce, checksum, exchange, uncompiled
from ._run import LOSSES, plain

Array: TypeAlias = torch.Tensor | None

REDUCTIONS = ('mean', 'sum', 'none')
_REAL = (torch.float32, torch.float64)


class Rows(NamedTuple):
    """A shard of rows, as the extension takes it."""

    function: str
    loss: str
    values: tuple[Any, ...]
    sizes: tuple[int, int, int]
    first_class: int
    all_classes: int
    reduction: int


def real(name: str, argument: str, x: Any) -> torch.Tensor:
    """A tensor that vloss computes with."""
    if not isinstance(x, torch.Tensor) or x.dtype not in _REAL or not x.is_cpu:
        raise TypeError(f'{name}: {argument}: must be a tensor of float32 or float64 on the CPU')
    return x


def constant(name: str, **tensors: Any) -> None:
    """Refuses a gradient that there is none of."""
    for argument, x in tensors.items():
        if isinstance(x, torch.Tensor) and x.requires_grad and torch.is_grad_enabled():
            raise NotImplementedError(
                f'{name}: {argument}: vloss has no gradient of it; detach() it'
            )


def reduction_index(name: str, reduction: str) -> int:
    if reduction not in REDUCTIONS:
        raise ValueError(f'{name}: reduction: must be one of {REDUCTIONS}, not {reduction!r}')
    return REDUCTIONS.index(reduction)


def values_of(loss: str, options: dict[str, Any]) -> tuple[Any, ...]:
    """The parameters of a loss in their order, choices by their index."""
    values = []
    for p in LOSSES[loss].parameters:
        value = options.get(p.name, p.default)
        if isinstance(value, str):
            if value not in p.choices:
                choices = '|'.join(p.choices)
                raise ValueError(f'{loss}: {p.name}: must be one of {choices}, not {value!r}')
            value = p.choices.index(value)
        values.append(value)
    return tuple(values)


def _call(
    rows: Rows, logits: torch.Tensor, labels: Array, weight: Array, states: torch.Tensor
) -> Any:
    place = (rows.first_class, rows.all_classes)
    return (rows.loss, rows.values, logits, rows.sizes, labels, *place, weight, states)


class _Shards(Function):
    """The loss from complete states; the gradient of the shard is made when it is asked for."""

    @staticmethod
    def forward(
        ctx: Any, rows: Rows, logits: torch.Tensor, labels: Array, weight: Array,
        states: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        call = _call(rows, logits, labels, weight, states)
        loss = score('softmax_finish', rows.function, True, call, rows.reduction, None, False)
        ctx.rows = rows
        ctx.save_for_backward(logits, labels, weight, states, loss)
        return loss  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> tuple[Array, ...]:
        logits, labels, weight, states, loss = ctx.saved_tensors
        rows = ctx.rows
        upstream = plain(upstreams[0].detach())
        call = _call(rows, logits, labels, weight, states)
        arguments = (call, rows.reduction, upstream, True)
        grad = score('softmax_finish', rows.function, True, *arguments).reshape(logits.shape)
        return None, *last(rows.function, [grad], loss), None, None, None


_apply: Callable[..., torch.Tensor] = _Shards.apply


def classes_axis(x: torch.Tensor) -> int:
    """Of (N, C), (N, C, d1, ...) or (C,)."""
    return int(x.dim() > 1)


def _sizes(x: torch.Tensor) -> tuple[int, int, int]:
    axis = classes_axis(x)
    return math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :])


def _words(rows: Rows, dtype: torch.dtype) -> tuple[int, int]:
    """How many doubles and how many integers of a state count."""
    smoothing = rows.loss == 'cross_entropy' and rows.values[0] > 0
    if smoothing:
        return 2, 10
    if rows.loss == 'entropy_with_logits':
        return 1, 6
    return 1, 4 if dtype is torch.float64 else 3


def _complete(
    rows: Rows, logits: torch.Tensor, labels: Array, weight: Array, group: Group
) -> torch.Tensor:
    """The states of the whole rows, the same on every process."""
    name = rows.function
    states = score('softmax_init', name, True, rows.sizes[0] * rows.sizes[2])
    doubles, integers = _words(rows, logits.dtype)
    call = _call(rows, logits, labels, weight, states)
    score('softmax_maximum', name, True, *call)
    maxima = states.view(torch.float64)[:, :doubles]
    both = maxima.contiguous()
    all_reduce(name, both, dist.ReduceOp.MAX, group)
    maxima.copy_(both)
    score('softmax_update', name, True, *call)
    sums = states[:, 2 : 2 + integers]
    both = sums.contiguous()
    all_reduce(name, both, dist.ReduceOp.SUM, group)
    sums.copy_(both)
    return states  # type: ignore[no-any-return]


@uncompiled
def evaluate_shards(
    name: str, loss: str, logits: torch.Tensor, labels: Array, weight: Array, reduction: str,
    group: Group, options: dict[str, Any],
) -> torch.Tensor:  # fmt: skip
    """A loss of rows that begin on rank 0 and go on from rank to rank."""

    def work() -> Part:
        x = real(name, 'logits', logits)
        if x.dim() == 0:
            raise ValueError(f'{name}: logits: must have an axis of classes')
        constant(name, labels=labels, class_weight=weight)
        samples = x.shape[:1] + x.shape[2:] if x.dim() > 1 else x.shape[1:]
        for argument, tensor in (('labels', labels), ('class_weight', weight)):
            if not isinstance(tensor, (torch.Tensor, type(None))):
                raise TypeError(f'{name}: {argument}: must be a tensor, not {type(tensor)}')
        if labels is not None and labels.shape != samples:
            shape = f'{tuple(samples)}, not {tuple(labels.shape)}'
            raise ValueError(f'{name}: labels: must have the shape {shape}')
        if labels is not None and (labels.is_floating_point() or labels.dtype is torch.bool):
            raise TypeError(f'{name}: labels: must be integers, not {labels.dtype}')
        if weight is not None and weight.dtype is not x.dtype:
            raise TypeError(f'{name}: class_weight: must be {x.dtype}, not {weight.dtype}')
        n, classes, inner = _sizes(x)
        values = values_of(loss, options)
        agreed = {
            'the dtype': checksum(x.dtype),
            'the number of rows': checksum((n, inner, samples)),
            'the labels': 0 if labels is None else checksum(labels.long()),
            'the class weights': 0 if weight is None else checksum(weight),
            'the options': checksum((values, reduction_index(name, reduction))),
        }
        part = (plain(x), values, (n, classes, inner), samples)
        return Part(agreed, torch.tensor([classes]), part)

    everyone = exchange(name, group, work)
    x, values, sizes, samples = everyone.result
    counts = everyone.words[:, 0].tolist()
    first, total = sum(counts[: everyone.rank]), sum(counts)
    if weight is not None and weight.shape != (total,):
        raise ValueError(f'{name}: class_weight: must be {total}, one for each class')
    index = REDUCTIONS.index(reduction)
    rows = Rows(name, loss, values, sizes, first, total, index)
    flat = None if labels is None else plain(labels).reshape(-1)
    weights = None if weight is None else plain(weight)
    with torch.no_grad():
        states = _complete(rows, x.detach(), flat, weights, group)
    result = _apply(rows, x, flat, weights, states)
    return result.reshape(samples if reduction == 'none' else ())
