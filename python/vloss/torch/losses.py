# SPDX-License-Identifier: Apache-2.0
"""Every loss of vloss by its own name, with its own options and defaults, for tensors.

The arguments are those of vloss.numpy but for `grad_output`, `loss` and `grad`, which are
autograd's.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any

import torch

from .. import numpy as _arrays
from ._evaluate import LOSSES, evaluate
from ._run import autocast
from ._undefined import WEIGHTS

__all__ = list(LOSSES)

_AUTOGRAD = ('grad_output', 'loss', 'grad', 'grad_variance')


def _check_tensor(name: str, argument: str, value: object) -> None:
    if not isinstance(value, torch.Tensor):
        raise TypeError(f'{name}: {argument}: must be a tensor, not {type(value)}')


def _example(name: str, text: str) -> str:
    """The example of the function on arrays, with tensors of them."""
    lines = re.findall(r'>>> (\w+) = (.*)', text)
    call = re.search(rf'vloss\.{name}(\(.*\))', text)
    assert call
    return '\n'.join([
        'Example:',
        '    >>> import numpy, torch, vloss.torch',
        *(f'    >>> {array} = torch.from_numpy({value})' for array, value in lines),
        f'    >>> loss = vloss.torch.losses.{name}{call[1]}'.replace(
            'input', 'input.requires_grad_()', 1
        ),
        '    >>> loss.backward()',
        '    >>> input.grad.shape == input.shape',
        '    True',
    ])  # fmt: skip


def _make(name: str) -> Callable[..., torch.Tensor]:
    peer = getattr(_arrays, name)
    signature = inspect.signature(peer)
    kept = [p for p in signature.parameters.values() if p.name not in _AUTOGRAD]
    keywords = {p.name for p in kept if p.kind is p.KEYWORD_ONLY}
    positional = [p.name for p in kept if p.kind is not p.KEYWORD_ONLY]

    def function(*arrays: torch.Tensor, **options: Any) -> torch.Tensor:
        if len(arrays) != len(positional) or not options.keys() <= keywords:
            bound = inspect.Signature(kept).bind(*arrays, **options)
            arrays, options = bound.args, bound.kwargs
        for argument, value in zip(positional, arrays, strict=True):
            _check_tensor(name, argument, value)
        if options:
            options = {k: v for k, v in options.items() if v is not None or k not in WEIGHTS}
            for argument in options.keys() & WEIGHTS:
                _check_tensor(name, argument, options[argument])
        if torch.is_autocast_enabled('cpu'):
            arrays = autocast(*arrays)
            options = dict(zip(options, autocast(*options.values()), strict=True))
        return evaluate(name, options, *arrays)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    function.__doc__ = (
        f'vloss.{name} of tensors, differentiable by autograd.\n\n'
        f'Formula, shapes and ranges: help(vloss.{name}).\n\n{_example(name, peer.__doc__)}'
    )
    return function


globals().update({name: _make(name) for name in LOSSES})
