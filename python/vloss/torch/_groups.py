# SPDX-License-Identifier: Apache-2.0
"""Overlap losses of groups that several processes have a share in."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.distributed as dist
from torch.autograd import Function

from .._core import score
from ._evaluate import last
from ._exchange import Group, Part, all_reduce, checksum, exchange, place, uncompiled
from ._means import evaluate_everywhere
from ._run import LOSSES, plain
from ._shards import REDUCTIONS, constant, real, reduction_index, values_of

Array: TypeAlias = torch.Tensor | None


class Groups(NamedTuple):
    """A part of groups, as the extension takes it."""

    function: str
    loss: str
    values: tuple[Any, ...]
    sizes: tuple[int, int, int]
    reduction: int
    factor: int


def _call(g: Groups, x: torch.Tensor, target: torch.Tensor) -> Any:
    return (g.loss, g.values, x, target, *g.sizes)


class _Groups(Function):
    """The loss from merged sums; the gradient of the part is made when it is asked for."""

    @staticmethod
    def forward(
        ctx: Any, g: Groups, x: torch.Tensor, target: torch.Tensor, sums: torch.Tensor
    ) -> torch.Tensor:
        arguments = (_call(g, x, target), sums, g.reduction, None, False)
        loss = score('group_finish', g.function, True, *arguments)
        ctx.groups = g
        ctx.save_for_backward(x, target, sums, loss)
        return loss  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> tuple[Array, ...]:
        x, target, sums, loss = ctx.saved_tensors
        g = ctx.groups
        upstream = plain(upstreams[0].detach() * g.factor)
        arguments = (_call(g, x, target), sums, g.reduction, upstream, True)
        grad = score('group_finish', g.function, True, *arguments).reshape(x.shape)
        return None, *last(g.function, [grad], loss), None, None


_apply: Callable[..., torch.Tensor] = _Groups.apply


def _sizes(name: str, x: torch.Tensor, grouping: str, softmax: bool) -> tuple[int, int, int]:
    """Images, their size, channels."""
    per_channel = grouping in ('image_channel', 'channel')
    if x.dim() < 2 and (per_channel or softmax):
        raise ValueError(f'{name}: input: must have an axis of images and one of channels')
    images = x.shape[0] if x.dim() > 1 else 1
    size = math.prod(x.shape[int(x.dim() > 1) :])
    return images, size, x.shape[1] if per_channel else 0


def _shape(x: torch.Tensor, grouping: str) -> tuple[int, ...]:
    """Of the losses of the groups."""
    per_image = grouping in ('image', 'image_channel') and x.dim() > 1
    per_channel = grouping in ('image_channel', 'channel')
    return tuple(x.shape[:1]) * per_image + tuple(x.shape[1:2]) * per_channel


@uncompiled
def evaluate_groups(
    name: str, loss: str, x: torch.Tensor, target: torch.Tensor, options: dict[str, Any],
    reduction: str, split: str, group: Group, averaged: bool,
) -> torch.Tensor:  # fmt: skip
    """A loss of groups that go through all processes, or of images that are on one each."""
    grouping = options.get('grouping', 'image')
    softmax = options.get('activation') == 'softmax'
    if split == 'images' and grouping in ('image', 'image_channel'):
        arrays = (x, target)
        return evaluate_everywhere(name, loss, arrays, options, reduction, None, group, averaged)
    options = {**options, 'activation': 'identity'} if softmax else options

    def work() -> Part:
        if split not in ('images', 'pixels'):
            raise ValueError(f"{name}: split: must be 'images' or 'pixels', not {split!r}")
        real(name, 'input', x)
        real(name, 'target', target)
        constant(name, target=target)
        if target.shape != x.shape or target.dtype is not x.dtype:
            raise ValueError(f'{name}: target: must have the shape and dtype of the input')
        unknown = options.keys() - {p.name for p in LOSSES[loss].parameters}
        if unknown:
            raise TypeError(f'{name}: has no option {sorted(unknown)} for groups of all processes')
        values = values_of(loss, options)
        sizes = _sizes(name, x, grouping, softmax)
        p = torch.softmax(x, 1) if softmax else x
        agreed = {
            'the dtype': checksum(x.dtype),
            'the number of groups': checksum(_shape(x, grouping)),
            'the options': checksum(
                (values, softmax, reduction_index(name, reduction), split, bool(averaged))
            ),
        }
        call = (loss, values, plain(p.detach()), plain(target), *sizes)
        sums = score('group_sums', name, True, *call)
        return Part(agreed, torch.empty(0, dtype=torch.int64), (p, values, sizes, sums))

    p, values, sizes, sums = exchange(name, group, work).result
    all_reduce(name, sums, dist.ReduceOp.SUM, group)
    factor = place(name, group)[1] if averaged else 1
    index = REDUCTIONS.index(reduction)
    g = Groups(name, loss, values, sizes, index, factor)
    result = _apply(g, plain(p), plain(target), sums)
    return result.reshape(_shape(x, grouping) if reduction == 'none' else ())
