# SPDX-License-Identifier: Apache-2.0
"""Means and sums of losses over all processes, however many each has."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import torch
from torch.autograd import Function

from .._core import score
from ._evaluate import evaluate
from ._exchange import EXACT_WORDS, Group, Part, checksum, exchange, place, uncompiled
from ._run import LOSSES, Options, plain
from ._shards import classes_axis, constant, real, values_of

Array: TypeAlias = torch.Tensor | None


class _Scale(Function):
    """A number that came from elsewhere, whose derivative by each of the losses is `factor`."""

    @staticmethod
    def forward(ctx: Any, losses: torch.Tensor, value: float, factor: float) -> torch.Tensor:
        ctx.shape, ctx.factor = losses.shape, factor
        return torch.tensor(value, dtype=losses.dtype)

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> Any:
        upstream = upstreams[0]
        each = (upstream.double() * ctx.factor).to(upstream.dtype)
        return each.expand(ctx.shape), None, None


_apply: Callable[..., torch.Tensor] = _Scale.apply


def exact_sum(name: str, values: torch.Tensor) -> torch.Tensor:
    """The words of a sum without rounding."""
    return score('exact_sum', name, True, plain(values.detach()))  # type: ignore[no-any-return]


class Own(NamedTuple):
    """What a process brings to a mean."""

    losses: torch.Tensor
    denominator: torch.Tensor  # words of its exact sum
    options: Any  # that must be everybody's
    classes: int = 0  # the same, where labels say which


@uncompiled
def reduce_losses(
    name: str, work: Callable[[], Own], reduction: str, group: Group, averaged: bool
) -> torch.Tensor:
    """Their mean or sum over all processes."""

    def bring() -> Part:
        if reduction not in ('mean', 'sum'):
            raise ValueError(f"{name}: reduction: must be 'mean' or 'sum', not {reduction!r}")
        losses, denominator, options, classes = work()
        agreed = {
            'the dtype': checksum(losses.dtype),
            'the options': checksum((options, reduction, bool(averaged))),
            'the number of classes': classes,
        }
        return Part(agreed, torch.cat([exact_sum(name, losses), denominator]), losses)

    everyone = exchange(name, group, bring)
    words = everyone.words.sum(0).reshape(2, EXACT_WORDS)
    total, denominator = score('exact_value', name, True, words).tolist()
    if reduction == 'sum':
        denominator = 1.0
    counted = denominator > 0
    factor = (place(name, group)[1] if averaged else 1) / denominator if counted else 0.0
    value = total / denominator if counted else 0.0
    return _apply(everyone.result, value, factor)


def denominator_words(name: str, value: Any) -> torch.Tensor:
    """Of a number, or of a tensor of one, that the mean divides by."""
    constant(name, denominator=value)
    if isinstance(value, torch.Tensor) and value.numel() != 1:
        raise ValueError(f'{name}: denominator: must be one number, not {value.numel()}')
    number = float(value)
    if not 0 <= number < float('inf'):
        raise ValueError(f'{name}: denominator: must be finite and not negative, not {number}')
    return exact_sum(name, torch.tensor([number], dtype=torch.float64))


def _own_denominator(
    name: str, loss: str, losses: torch.Tensor, x: torch.Tensor, target: Array, options: Options
) -> torch.Tensor:
    """What the loss's own mean divides by."""
    if 'labels' not in LOSSES[loss].arrays:
        return denominator_words(name, losses.numel())
    assert target is not None
    weight = options.get('class_weight')
    arguments = (
        loss, plain(target), x.shape[classes_axis(x)], None if weight is None else plain(weight),
        values_of(loss, options),
    )  # fmt: skip
    return score('denominator', name, True, *arguments)  # type: ignore[no-any-return]


def _settings(options: Options) -> list[Any]:
    """The options that must be everybody's; weights of samples are one's own."""
    constants = {k: v for k, v in options.items() if not isinstance(v, torch.Tensor)}
    weights = sorted({'class_weight', 'positive_weight'} & options.keys() - constants.keys())
    return [*sorted(constants.items()), *((key, checksum(options[key])) for key in weights)]


def evaluate_everywhere(
    name: str, loss: str, arrays: tuple[torch.Tensor, ...], options: Options, reduction: str,
    denominator: Any, group: Group, averaged: bool,
) -> torch.Tensor:  # fmt: skip
    """A loss of vloss.torch.losses."""

    def work() -> Own:
        if loss not in LOSSES:
            raise ValueError(f'{name}: loss: vloss has no {loss!r}')
        if 'divisor' in options or options.get('normalize'):
            raise ValueError(f'{name}: divisor, normalize: give a denominator instead')
        for x in arrays:
            if x.is_floating_point():
                real(name, 'input', x)
        losses = evaluate(loss, {**options, 'reduction': 'none'}, *arrays)
        x, target, *_ = *arrays, None
        if denominator is not None:
            words = denominator_words(name, denominator)
        else:
            words = _own_denominator(name, loss, losses, x, target, options)
        classes = x.shape[classes_axis(x)] if 'class_weight' in LOSSES[loss].arrays else 0
        return Own(losses, words, (loss, _settings(options)), classes)

    return reduce_losses(name, work, reduction, group, averaged)
