# SPDX-License-Identifier: Apache-2.0
"""Every loss of vloss by its own name, with its own options and defaults, for tensors.

The arguments are those of vloss.numpy but for `grad_output`, `loss` and `grad`, which are
autograd's.
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch

from .. import numpy as _arrays
from ._evaluate import LOSSES, evaluate

__all__ = list(LOSSES)

_AUTOGRAD = ('grad_output', 'loss', 'grad', 'grad_variance')


def _make(name: str) -> Callable[..., torch.Tensor]:
    peer = getattr(_arrays, name)
    signature = inspect.signature(peer)
    kept = [p for p in signature.parameters.values() if p.name not in _AUTOGRAD]
    defaults = {p.name: p.default for p in kept if p.kind is p.KEYWORD_ONLY}
    positional = [p.name for p in kept if p.kind is not p.KEYWORD_ONLY]

    def function(*arrays: torch.Tensor, **options: Any) -> torch.Tensor:
        if len(arrays) != len(positional):
            bound = inspect.Signature(kept).bind(*arrays, **options)
            arrays = bound.args
            options = bound.kwargs
        if not options.keys() <= defaults.keys():
            inspect.Signature(kept).bind(*arrays, **options)
        return evaluate(name, {k: v for k, v in options.items() if v is not None}, *arrays)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    function.__doc__ = (
        f'vloss.{name} of tensors, differentiable by autograd.\n\n'
        f'Formula, shapes and ranges: help(vloss.{name}).'
    )
    return function


globals().update({name: _make(name) for name in LOSSES})
