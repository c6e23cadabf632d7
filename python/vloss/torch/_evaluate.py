# SPDX-License-Identifier: Apache-2.0
"""One loss of tensors, differentiable: by the shortest way that the moment allows."""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.autograd import Function, forward_ad

from ._operators import encode
from ._run import LOSSES, Options, run
from ._undefined import (
    SYMMETRIC,
    WEIGHTS,
    check_constants,
    check_needs,
    check_tangents,
    no_second_derivative,
)

EXACT = frozenset({torch.Tensor, torch.nn.Parameter})

Array: TypeAlias = torch.Tensor | None


class _Last(Function):
    """A gradient that cannot be differentiated again; `anchors` lead to what it depends on."""

    generate_vmap_rule = True

    @staticmethod
    def forward(name: str, grad: torch.Tensor, *anchors: torch.Tensor) -> torch.Tensor:
        return grad.view_as(grad)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        ctx.name = inputs[0]

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> Any:
        return no_second_derivative(ctx.name)(ctx)


def last(name: str, grads: list[Array], *anchors: torch.Tensor) -> list[Array]:
    if not torch.is_grad_enabled():
        return grads
    return [None if g is None else _apply_last(name, g, *anchors) for g in grads]


def _share(ctx: Any, name: str, grads: list[Array], *anchors: torch.Tensor) -> tuple[Array, ...]:
    """The gradients of (name, options, input, target, variance)."""
    to_input, to_target, to_variance = grads
    needs = ctx.needs_input_grad
    if to_target is None and needs[3] and to_input is not None:
        to_target = -to_input
    grads = [to_input if needs[2] else None, to_target if needs[3] else None, to_variance]
    return (None, None, *last(name, grads, *anchors))


class _Reduced(Function):
    """Loss and gradient in one pass; the gradient is all that is kept."""

    @staticmethod
    def forward(
        ctx: Any, name: str, options: Options, x: torch.Tensor, target: Array, variance: Array
    ) -> torch.Tensor:
        arrays = [a for a in (x, target, variance) if a is not None]
        loss, grad, *more = run(name, arrays, options)
        swapped = None
        if ctx.needs_input_grad[3] and name in SYMMETRIC:
            swapped = run(name, arrays[::-1], {**options, 'loss': False})[1]
        ctx.name = name
        ctx.save_for_backward(grad, swapped, more[0] if more else None, loss)
        return loss  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> tuple[Array, ...]:
        upstream, (*saved, loss) = upstreams[0], ctx.saved_tensors
        if type(upstream) is not torch.Tensor or upstream.item() != 1:
            saved = [None if g is None else g * upstream for g in saved]
        return _share(ctx, ctx.name, saved, loss, upstream)


class _Simple(Function):
    """_Reduced of what most calls are: one array is differentiated, with one gradient."""

    @staticmethod
    def forward(
        ctx: Any, name: str, options: Options, x: torch.Tensor, *target: torch.Tensor
    ) -> torch.Tensor:
        loss, grad = run(name, (x, *target), options)
        ctx.name = name
        ctx.save_for_backward(grad, loss)
        return loss  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> tuple[Array, ...]:
        upstream, (grad, loss) = upstreams[0], ctx.saved_tensors
        if type(upstream) is not torch.Tensor or upstream.item() != 1:
            grad = grad * upstream
        if torch.is_grad_enabled():
            grad = _apply_last(ctx.name, grad, loss, upstream)
        return None, None, grad, None


class _Each(Function):
    """The losses of the samples; the gradient is made when it is asked for, and nothing kept."""

    @staticmethod
    def forward(
        ctx: Any, name: str, options: Options, x: torch.Tensor, target: Array, variance: Array
    ) -> torch.Tensor:
        arrays = [a for a in (x, target, variance) if a is not None]
        outputs = {'grad': False}
        if variance is not None:
            outputs['grad_variance'] = False
        loss = run(name, arrays, {**options, **outputs})[0]
        ctx.name, ctx.count = name, len(arrays)
        ctx.weights = [key for key in WEIGHTS if options.get(key) is not None]
        ctx.options = {key: value for key, value in options.items() if key not in ctx.weights}
        ctx.save_for_backward(loss, *arrays, *(options[key] for key in ctx.weights))
        return loss  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> tuple[Array, ...]:
        name, (loss, *saved) = ctx.name, ctx.saved_tensors
        arrays, weights = saved[: ctx.count], saved[ctx.count :]
        upstream = upstreams[0].detach().resolve_neg().contiguous()
        options = {**ctx.options, 'loss': False, 'grad_output': upstream}
        options.update(zip(ctx.weights, weights, strict=True))
        with torch.no_grad():
            _, grad, *more = run(name, arrays, options)
            swapped = None
            if ctx.needs_input_grad[3] and name in SYMMETRIC:
                swapped = run(name, arrays[::-1], options)[1]
        grads = [grad, swapped, more[0] if more else None]
        return _share(ctx, name, grads, loss, upstreams[0])


def _operator(name: str, x: torch.Tensor, target: Array, variance: Array, o: Options) -> list[Any]:
    """The arguments of the operator."""
    reduction = o.get('reduction', 'mean')
    wanted = torch.is_grad_enabled() and any(
        a is not None and a.requires_grad for a in (x, target, variance)
    )
    class_weight = o.get('class_weight', o.get('positive_weight'))
    arrays = [x, target, variance, class_weight, o.get('weight')]
    numbers = [o.get('divisor', 0.0), o.get('scale', 1.0)]
    return [*arrays, encode(name, o), reduction, *numbers, wanted and reduction != 'none']


class _TransformedBackward(Function):
    """The gradient of the losses of the samples, for transforms: it has no derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(name: str, *arguments: Any) -> tuple[torch.Tensor, ...]:
        backward = getattr(torch.ops.vloss, f'{name}_backward')
        return backward(*arguments)  # type: ignore[no-any-return]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        ctx.name = inputs[0]

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> Any:
        return no_second_derivative(ctx.name)(ctx)


class _Transformed(Function):
    """For torch.func's transforms, which a Function with setup_context follows."""

    generate_vmap_rule = True

    @staticmethod
    def forward(name: str, *arguments: Any) -> tuple[torch.Tensor, ...]:
        return getattr(torch.ops.vloss, name)(*arguments)  # type: ignore[no-any-return]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        ctx.name, ctx.options, ctx.with_grad = inputs[0], inputs[6:10], inputs[10]
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(output[0], *(output[1:] if ctx.with_grad else inputs[1:6]))

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> tuple[Array, ...]:
        upstream, (loss, *saved) = upstreams[0], ctx.saved_tensors
        # vmap hides from evaluate() what is differentiated outside of it
        needs = ctx.needs_input_grad
        check_needs(ctx.name, needs[2], *needs[4:6])
        if ctx.with_grad:
            grad, grad_variance = (g * upstream if g.numel() else g for g in saved)
        else:
            arguments = (ctx.name, upstream, *saved, *ctx.options)
            grad, grad_variance = _apply_transformed_backward(*arguments)
        to_target = -grad if needs[2] else None
        to_variance = grad_variance if needs[3] else None
        grads = last(ctx.name, [grad, to_target, to_variance], loss, upstream)
        return (None, *grads, *(None,) * 7)


_apply_last: Callable[..., torch.Tensor] = _Last.apply
# Without what Function.apply does for transforms, which are not active there: 2 us of a call.
_apply_simple: Callable[..., torch.Tensor] = super(Function, _Simple).apply
_apply_reduced: Callable[..., torch.Tensor] = super(Function, _Reduced).apply
_apply_each: Callable[..., torch.Tensor] = super(Function, _Each).apply
_apply_transformed: Callable[..., tuple[torch.Tensor, ...]] = _Transformed.apply
_apply_transformed_backward: Callable[..., tuple[torch.Tensor, ...]] = _TransformedBackward.apply


def _resolved(options: Options) -> Options:
    """The same, with nothing pending in the weights."""
    for key in WEIGHTS:
        weight = options.get(key)
        if weight is not None and weight.is_neg():
            options = {**options, key: weight.resolve_neg()}
    return options


_is_compiling = torch.compiler.is_compiling
_transforms = torch._C._are_functorch_transforms_active
_modes = torch._C._len_torch_dispatch_stack
_grad_enabled = torch.is_grad_enabled


def evaluate(
    name: str, options: Options, x: torch.Tensor, target: Array = None, variance: Array = None
) -> torch.Tensor:
    """A loss by its name, with the options of vloss.numpy.

    The order matters: a compiler must see an operator whose derivative it knows; so must tensors
    that are not what they seem (fakes, subclasses) and modes that look at operations; transforms
    need a Function of their own, for which the operators have no gradient.
    """
    if forward_ad._current_level >= 0:
        weights = {key: options.get(key) for key in WEIGHTS}
        check_tangents(name, input=x, target=target, variance=variance, **weights)
    if (
        _is_compiling()
        or type(x) not in EXACT
        or (target is not None and type(target) not in EXACT)
        or _modes() > 0
    ):
        check_constants(name, target, options, frozenset())
        if not _is_compiling() and _transforms():
            return _transformed(name, x, target, variance, options)
        arguments = _operator(name, x, target, variance, options)
        return getattr(torch.ops.vloss, name)(*arguments)[0]  # type: ignore[no-any-return]
    if _transforms():
        check_constants(name, target, options, frozenset())
        return _transformed(name, x, target, variance, options)
    arrays: tuple[torch.Tensor, ...] = (x,) if target is None else (x, target)
    if variance is not None:
        arrays += (variance,)
    if options:
        check_constants(name, target, options, SYMMETRIC)
        options = _resolved(options)
    constant = target is None or not target.requires_grad
    wanted = x.requires_grad or not constant or (variance is not None and variance.requires_grad)
    if not wanted or not _grad_enabled():
        outputs = _LOSS_AND_VARIANCE if variance is not None else _LOSS
        settings = {**options, **outputs} if options else outputs
        return run(name, arrays, settings)[0]  # type: ignore[no-any-return]
    if not constant:
        check_constants(name, target, options, SYMMETRIC)
    if options.get('reduction') == 'none':
        return _apply_each(name, options, x, target, variance)
    if constant and variance is None:
        return _apply_simple(name, options, *arrays)
    return _apply_reduced(name, options, x, target, variance)


_LOSS = {'grad': False}
_LOSS_AND_VARIANCE = {'grad': False, 'grad_variance': False}


def _transformed(
    name: str, x: torch.Tensor, target: Array, variance: Array, options: Options
) -> torch.Tensor:
    arguments = _operator(name, x, target, variance, options)
    # a transform may differentiate what does not say that it requires a gradient
    arguments[-1] = arguments[6] != 'none'
    return _apply_transformed(name, *arguments)[0]


__all__ = ['LOSSES', 'evaluate']
