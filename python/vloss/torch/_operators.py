# SPDX-License-Identifier: Apache-2.0
"""Every loss as an operator `vloss::NAME`, for torch.compile, export and transforms.

An operator returns (loss, grad, grad_variance), where what was not asked for is empty;
`vloss::NAME_backward` returns (grad, grad_variance) for the losses of the samples.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch.autograd import forward_ad

from ._run import LOSSES, Options, plain, run
from ._undefined import check_needs, check_tangents_below, no_second_derivative

_library = torch.library.Library('vloss', 'DEF')

_ARRAYS = 'Tensor input, Tensor? target, Tensor? variance, Tensor? class_weight, Tensor? weight'
_OPTIONS = 'float[] values, str reduction, float divisor, float scale'
_TAGS = (torch.Tag.pt2_compliant_tag,)

Array: TypeAlias = torch.Tensor | None


def encode(name: str, options: Options) -> list[float]:
    """The parameters of a loss as numbers: choices by their index."""
    values = []
    for p in LOSSES[name].parameters:
        value = options.get('lambda_' if p.name == 'lambda' else p.name, p.default)
        values.append(float(p.choices.index(value) if isinstance(value, str) else value))
    return values


def _decode(name: str, values: Sequence[float]) -> Options:
    options: Options = {}
    for p, value in zip(LOSSES[name].parameters, values, strict=True):
        key = 'lambda_' if p.name == 'lambda' else p.name
        if isinstance(p.default, str):
            options[key] = p.choices[int(value)]
        else:
            options[key] = type(p.default)(value)
    return options


def _options(
    name: str, class_weight: Array, weight: Array, values: Sequence[float], rest: Options
) -> Options:
    options = _decode(name, values) | rest
    key = 'positive_weight' if 'positive_weight' in LOSSES[name].arrays else 'class_weight'
    if class_weight is not None:
        options[key] = plain(class_weight)
    if weight is not None:
        options['weight'] = plain(weight)
    return options


def _present(*arrays: Array) -> list[torch.Tensor]:
    return [a for a in arrays if a is not None]


def _samples(name: str, x: torch.Tensor, values: Sequence[float]) -> list[int]:
    """The shape of the losses of the samples."""
    family, shape = LOSSES[name].family, list(x.shape)
    if family == 'boxes':
        return shape[:-1]
    if family == 'rows':
        return shape[:1] + shape[2:] if len(shape) > 1 else []
    if family == 'overlap':
        grouping = _decode(name, values)['grouping']
        sizes = {'image': shape[:1], 'image_channel': shape[:2], 'channel': shape[1:2]}
        return sizes.get(grouping, []) if len(shape) > 1 else []
    return shape


def _define(name: str) -> None:
    has_variance = 'variance' in LOSSES[name].arrays

    def forward(
        x: torch.Tensor, target: Array, variance: Array, class_weight: Array, weight: Array,
        values: Sequence[float], reduction: str, divisor: float, scale: float, with_grad: bool,
    ) -> tuple[torch.Tensor, ...]:  # fmt: skip
        if forward_ad._current_level >= 0:  # of the caller of a compiled graph
            weights = {'class_weight': class_weight, 'weight': weight}
            check_tangents_below(name, input=x, target=target, variance=variance, **weights)
        rest = {'reduction': reduction, 'divisor': divisor, 'scale': scale, 'grad': with_grad}
        if has_variance:
            rest['grad_variance'] = with_grad
        arrays = [plain(a) for a in _present(x, target, variance)]
        results = run(name, arrays, _options(name, class_weight, weight, values, rest))
        results += (None,) * (3 - len(results))
        return tuple(x.new_empty(0) if result is None else result for result in results)

    def forward_fake(
        x: torch.Tensor, target: Array, variance: Array, class_weight: Array, weight: Array,
        values: Sequence[float], reduction: str, divisor: float, scale: float, with_grad: bool,
    ) -> tuple[torch.Tensor, ...]:  # fmt: skip
        loss = x.new_empty(_samples(name, x, values) if reduction == 'none' else [])
        grad = x.new_empty(x.shape if with_grad else 0)
        return loss, grad, x.new_empty(x.shape if with_grad and has_variance else 0)

    def backward(
        upstream: torch.Tensor, x: torch.Tensor, target: Array, variance: Array,
        class_weight: Array, weight: Array,
        values: Sequence[float], reduction: str, divisor: float, scale: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        rest = {'reduction': reduction, 'divisor': divisor, 'scale': scale, 'loss': False}
        rest['grad_output'] = plain(upstream)
        arrays = [plain(a) for a in _present(x, target, variance)]
        results = run(name, arrays, _options(name, class_weight, weight, values, rest))
        return results[1], results[2] if has_variance else x.new_empty(0)

    def backward_fake(
        upstream: torch.Tensor, x: torch.Tensor, *rest: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return x.new_empty(x.shape), x.new_empty(x.shape if has_variance else 0)

    _library.define(
        f'{name}({_ARRAYS}, {_OPTIONS}, bool with_grad) -> (Tensor, Tensor, Tensor)', tags=_TAGS
    )
    _library.define(
        f'{name}_backward(Tensor upstream, {_ARRAYS}, {_OPTIONS}) -> (Tensor, Tensor)', tags=_TAGS
    )
    _library.impl(name, forward, 'CPU')
    _library.impl(f'{name}_backward', backward, 'CPU')
    torch.library.register_fake(f'vloss::{name}', forward_fake, lib=_library)
    torch.library.register_fake(f'vloss::{name}_backward', backward_fake, lib=_library)
    setup, derive = derivatives(name)
    torch.library.register_autograd(f'vloss::{name}', derive, setup_context=setup, lib=_library)
    no_second = no_second_derivative(name)
    torch.library.register_autograd(f'vloss::{name}_backward', no_second, lib=_library)


def derivatives(name: str) -> tuple[Callable[..., None], Callable[..., Any]]:
    """setup_context and backward of an operator."""

    def setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        ctx.set_materialize_grads(False)
        ctx.options = inputs[5:9]
        ctx.with_grad = inputs[9]
        ctx.save_for_backward(*(output[1:] if ctx.with_grad else inputs[:5]))

    def backward(ctx: Any, *upstreams: Array) -> tuple[Array | None, ...]:
        upstream, needs = upstreams[0], ctx.needs_input_grad
        check_needs(name, needs[1], *needs[3:5])
        if any(u is not None and u.numel() > 0 for u in upstreams[1:]):
            no_second_derivative(name)(ctx)
        nothing = (None,) * 5
        if upstream is None:
            return nothing + nothing
        if ctx.with_grad:
            grad, grad_variance = (g * upstream for g in ctx.saved_tensors)
        else:
            function = getattr(torch.ops.vloss, f'{name}_backward')
            grad, grad_variance = function(upstream, *ctx.saved_tensors, *ctx.options)
        to_target = -grad if needs[1] else None
        to_variance = grad_variance if needs[2] else None
        return (grad, to_target, to_variance, None, None, *nothing)

    return setup, backward


for _name in LOSSES:
    _define(_name)
