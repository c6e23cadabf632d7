# SPDX-License-Identifier: Apache-2.0
"""torch.nn.functional's losses: the same names, arguments and results.

What vloss has no code for (other devices and types, broadcasting, derivatives of other arguments)
goes to PyTorch's function, or raises with `fallback=False`. docs/python.md lists what differs.
"""

from typing import Any

import torch
import torch.nn.functional as _F
from torch import Tensor
from torch._subclasses import FakeTensor
from torch._subclasses.functional_tensor import FunctionalTensor
from torch.nn._reduction import legacy_get_string

from ._evaluate import EXACT, evaluate
from ._run import HALF, Options, autocast

__all__ = [
    'binary_cross_entropy',
    'binary_cross_entropy_with_logits',
    'cross_entropy',
    'gaussian_nll_loss',
    'huber_loss',
    'kl_div',
    'l1_loss',
    'mse_loss',
    'nll_loss',
    'poisson_nll_loss',
    'smooth_l1_loss',
]

# PyTorch's own, whatever patch() makes of its module later.
ORIGINALS = {name: getattr(_F, name) for name in __all__}

_REAL = (torch.float32, torch.float64)


def _is_known(x: Tensor) -> bool:
    """Whether vloss's operators can take it: a subclass may have operators of its own."""
    return (
        type(x) in EXACT
        or type(x).__torch_dispatch__ is Tensor.__torch_dispatch__
        or isinstance(x, (FakeTensor, FunctionalTensor))
    )


def _is_real(x: Tensor) -> bool:
    return x.dtype in _REAL and x.is_cpu and x.layout is torch.strided and _is_known(x)


def _alike(x: Tensor, y: Any) -> bool:
    """Whether y is a tensor in the shape and type of x, and constant."""
    return (
        isinstance(y, Tensor)
        and y.dtype is x.dtype
        and y.shape == x.shape
        and y.is_cpu
        and y.layout is torch.strided
    )


def _constant(*tensors: Tensor | None) -> bool:
    return not any(t is not None and t.requires_grad for t in tensors)


def _weighted(weight: Tensor | None, x: Tensor, reduction: str, divides: bool) -> Options | None:
    """Options of a weight, whose sum may divide the mean; None if only PyTorch can do it."""
    if weight is None:
        return {}
    if not _alike(x, weight) or weight.requires_grad:
        return None
    if reduction != 'mean' or not divides:
        return {'weight': weight}
    if torch.compiler.is_compiling() or type(weight) is not Tensor:
        return None
    divisor = weight.sum().item()
    return {'weight': weight, 'divisor': divisor} if 0 < divisor < float('inf') else None


def _weighs(
    weights: tuple[Tensor | None, ...], fallback: bool, name: str, options: Options, *arrays: Tensor
) -> Tensor | None:
    """A loss; None if its weights are negative, NaN or infinite, and PyTorch may take them.

    PyTorch asks nothing of weights, and looking at them takes longer than many a loss: so they are
    looked at only when the library has refused them.
    """
    given = [weight for weight in weights if weight is not None]
    if not given or not fallback or torch.compiler.is_compiling():
        return evaluate(name, options, *arrays)
    try:
        return evaluate(name, options, *arrays)
    except ValueError:
        if all(bool(((w >= 0) & (w < float('inf'))).all()) for w in given):
            raise
        return None


def _elementwise(
    name: str, x: Tensor, target: Tensor, reduction: str, fallback: bool,
    weight: Tensor | None = None, **parameters: Any,
) -> Tensor | None:  # fmt: skip
    """A loss of the difference; None if it is for PyTorch."""
    if x.dtype in HALF:
        x, target, weight = autocast(x, target, weight)
    options = _weighted(weight, x, reduction, name != 'huber')
    if fallback and (options is None or not _is_real(x) or not _alike(x, target)):
        return None
    options = {'weight': weight} if options is None else options
    if reduction != 'mean':
        options['reduction'] = reduction
    options = options | parameters if parameters else options
    return _weighs((weight,), fallback, name, options, x, target)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = 'mean',
    weight: Tensor | None = None,
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.mse_loss: (input - target)^2.

    >>> import torch, vloss.torch.functional as F
    >>> F.mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_get_string(size_average, reduce)
    loss = _elementwise('mse', input, target, reduction, fallback, weight)
    if loss is None:
        loss = ORIGINALS['mse_loss'](input, target, reduction=reduction, weight=weight)
    return loss


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = 'mean',
    weight: Tensor | None = None,
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.l1_loss: |input - target|.

    >>> import torch, vloss.torch.functional as F
    >>> F.l1_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(1.)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_get_string(size_average, reduce)
    loss = _elementwise('l1', input, target, reduction, fallback, weight)
    if loss is None:
        loss = ORIGINALS['l1_loss'](input, target, reduction=reduction, weight=weight)
    return loss


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = 'mean',
    beta: float = 1.0,
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.smooth_l1_loss.

    >>> import torch, vloss.torch.functional as F
    >>> F.smooth_l1_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(0.7500)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_get_string(size_average, reduce)
    loss = _elementwise('smooth_l1', input, target, reduction, fallback, beta=beta)
    if loss is None:
        loss = ORIGINALS['smooth_l1_loss'](input, target, reduction=reduction, beta=beta)
    return loss


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = 'mean',
    delta: float = 1.0,
    weight: Tensor | None = None,
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.huber_loss.

    >>> import torch, vloss.torch.functional as F
    >>> F.huber_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(0.7500)
    """
    loss = _elementwise('huber', input, target, reduction, fallback, weight, delta=delta)
    if loss is None:
        loss = ORIGINALS['huber_loss'](input, target, reduction, delta, weight)
    return loss


def _weight_of(weight: Tensor | None, x: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether weights have that shape and the type of x, and are constant."""
    return weight is None or (
        weight.dtype is x.dtype
        and weight.shape == shape
        and weight.is_cpu
        and not weight.requires_grad
    )


def _labelled(
    name: str, x: Tensor, target: Tensor, weight: Tensor | None, fallback: bool, options: Options
) -> Tensor | None:
    if weight is None:
        if fallback and not (x.dtype in _REAL and x.is_cpu and target.is_cpu and _is_known(x)):
            return None
        return evaluate(name, options, x, target)
    fits = _is_real(x) and target.is_cpu and x.dim() > 0
    if fallback and not (fits and _weight_of(weight, x, (x.shape[x.dim() > 1],))):
        return None
    return _weighs((weight,), fallback, name, {**options, 'class_weight': weight}, x, target)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = 'mean',
    label_smoothing: float = 0.0,
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.cross_entropy, of labels or of distributions.

    >>> import torch, vloss.torch.functional as F
    >>> F.cross_entropy(torch.zeros(3, 4), torch.tensor([0, 1, 2]))
    tensor(1.3863)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_get_string(size_average, reduce)
    x, y, w = autocast(input, target, weight) if input.dtype in HALF else (input, target, weight)
    options: Options
    loss = None
    if y.is_floating_point():
        fits = _is_real(x) and _alike(x, y) and _constant(y) and len(x.shape) > 0
        if not fallback or (fits and _weight_of(w, x, (x.shape[len(x.shape) > 1],))):
            options = {'reduction': reduction, 'smoothing': label_smoothing}
            if w is not None:
                options['class_weight'] = w
            loss = _weighs((w,), fallback, 'cross_entropy_soft', options, x, y)
    else:
        options = {}
        if reduction != 'mean':
            options['reduction'] = reduction
        if ignore_index != -100:
            options['ignore_index'] = ignore_index
        if label_smoothing != 0.0:
            options['smoothing'] = label_smoothing
        loss = _labelled('cross_entropy', x, y, w, fallback, options)
    if loss is None:
        loss = ORIGINALS['cross_entropy'](
            input, target, weight,
            ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing,
        )  # fmt: skip
    return loss


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = 'mean',
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.nll_loss.

    >>> import torch, vloss.torch.functional as F
    >>> F.nll_loss(torch.tensor([[-1.0, -2.0]]), torch.tensor([1]))
    tensor(2.)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_get_string(size_average, reduce)
    x, y, w = autocast(input, target, weight) if input.dtype in HALF else (input, target, weight)
    loss = _labelled(
        'nll', x, y, w, fallback, {'reduction': reduction, 'ignore_index': ignore_index}
    )
    if loss is None:
        loss = ORIGINALS['nll_loss'](
            input, target, weight, ignore_index=ignore_index, reduction=reduction
        )
    return loss


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = 'mean',
    log_target: bool = False,
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.kl_div; `reduction` may be 'batchmean'.

    >>> import torch, vloss.torch.functional as F
    >>> F.kl_div(torch.log(torch.tensor([[0.5, 0.5]])), torch.tensor([[1.0, 0.0]]),
    ...          reduction='batchmean')
    tensor(0.6931)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_get_string(size_average, reduce)
    x, t = autocast(input, target) if input.dtype in HALF else (input, target)
    if fallback and not (_is_real(x) and _alike(x, t) and _constant(t)):
        return ORIGINALS['kl_div'](  # type: ignore[no-any-return]
            input, target, reduction=reduction, log_target=log_target
        )
    options: Options = {'reduction': reduction, 'log_target': log_target}
    if reduction == 'batchmean':
        options['reduction'] = 'sum'
        if x.dim() > 0:
            options.update(reduction='mean', divisor=float(x.shape[0]))
    return evaluate('kl_div', options, x, t)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = 'mean',
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.binary_cross_entropy, of probabilities.

    >>> import torch, vloss.torch.functional as F
    >>> F.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([1.0]))
    tensor(0.6931)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_get_string(size_average, reduce)
    fits = _is_real(input) and _alike(input, target) and _constant(target, weight)
    if fallback and not fits:
        return ORIGINALS['binary_cross_entropy'](  # type: ignore[no-any-return]
            input, target, weight, reduction=reduction
        )
    options: Options = {'reduction': reduction}
    if weight is not None:
        options['weight'] = weight.expand(input.shape).contiguous()
    loss = _weighs((weight,), fallback, 'binary_cross_entropy', options, input, target)
    if loss is None:
        loss = ORIGINALS['binary_cross_entropy'](input, target, weight, reduction=reduction)
    return loss


def _broadcasts_alone(weight: Tensor | None, x: Tensor) -> bool:
    """Whether the axes of a weight that are not 1 adjoin each other, and fit to those of x."""
    if weight is None:
        return True
    if weight.dim() > x.dim() or weight.dtype is not x.dtype or not weight.is_cpu:
        return False
    shift = x.dim() - weight.dim()
    axes = [i for i, size in enumerate(weight.shape) if size != 1]
    return all(weight.shape[i] == x.shape[i + shift] for i in axes) and (
        not axes or axes[-1] - axes[0] == len(axes) - 1
    )


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = 'mean',
    pos_weight: Tensor | None = None,
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.binary_cross_entropy_with_logits.

    >>> import torch, vloss.torch.functional as F
    >>> F.binary_cross_entropy_with_logits(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.6931)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_get_string(size_average, reduce)
    x, t, w, p = input, target, weight, pos_weight
    if x.dtype in HALF:
        x, t, w, p = autocast(x, t, w, p)
    fits = _is_real(x) and _alike(x, t) and _constant(t, w, p) and _broadcasts_alone(p, x)
    loss = None
    if fits or not fallback:
        options: Options = {'reduction': reduction}
        if w is not None:
            options['weight'] = w.expand(x.shape).contiguous()
        if p is not None:
            options['positive_weight'] = p.contiguous()
        loss = _weighs((w, p), fallback, 'binary_cross_entropy_with_logits', options, x, t)
    if loss is None:
        loss = ORIGINALS['binary_cross_entropy_with_logits'](
            input, target, weight, reduction=reduction, pos_weight=pos_weight
        )
    return loss


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = 'mean',
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.poisson_nll_loss.

    >>> import torch, vloss.torch.functional as F
    >>> F.poisson_nll_loss(torch.tensor([0.0]), torch.tensor([2.0]))
    tensor(1.)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_get_string(size_average, reduce)
    x, t = autocast(input, target) if input.dtype in HALF else (input, target)
    options = {'log_input': log_input, 'full': full, 'eps': eps, 'reduction': reduction}
    if fallback and not (_is_real(x) and _alike(x, t) and _constant(t)):
        original = ORIGINALS['poisson_nll_loss']
        return original(input, target, **options)  # type: ignore[no-any-return]
    return evaluate('poisson_nll', options, x, t)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = 'mean',
    *,
    fallback: bool = True,
) -> Tensor:
    """torch.nn.functional.gaussian_nll_loss.

    >>> import torch, vloss.torch.functional as F
    >>> F.gaussian_nll_loss(torch.tensor([0.0]), torch.tensor([2.0]), torch.tensor([1.0]))
    tensor(2.)
    """
    fits = _is_real(input) and _alike(input, target) and _alike(input, var) and _constant(target)
    if fallback and not fits:
        return ORIGINALS['gaussian_nll_loss'](  # type: ignore[no-any-return]
            input, target, var, full, eps, reduction
        )
    if not isinstance(var, Tensor):
        var = torch.full_like(input, var)
    if not torch.compiler.is_compiling() and type(var) is Tensor and bool((var < 0).any()):
        raise ValueError('var has negative entry/entries')
    options = {'full': full, 'eps': eps, 'reduction': reduction}
    return evaluate('gaussian_nll', options, input, target, var)
