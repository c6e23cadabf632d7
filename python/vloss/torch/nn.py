# SPDX-License-Identifier: Apache-2.0
"""Modules: torch.nn's, which they inherit from, and one for every other loss of vloss.

>>> import torch, vloss.torch.nn as nn
>>> nn.CrossEntropyLoss(label_smoothing=0.1)(torch.zeros(2, 4), torch.tensor([0, 3]))
tensor(1.3863)
>>> nn.DiceLoss(activation='sigmoid')
DiceLoss(activation='sigmoid')
"""

import inspect
from typing import Any

import torch
from torch import Tensor

from . import functional
from . import losses as _losses
from ._evaluate import LOSSES


class MSELoss(torch.nn.MSELoss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(input, target, reduction=self.reduction)


class L1Loss(torch.nn.L1Loss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(torch.nn.SmoothL1Loss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(torch.nn.HuberLoss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class CrossEntropyLoss(torch.nn.CrossEntropyLoss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(torch.nn.NLLLoss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.nll_loss(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class KLDivLoss(torch.nn.KLDivLoss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.kl_div(
            input, target, reduction=self.reduction, log_target=self.log_target
        )


class BCELoss(torch.nn.BCELoss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy(
            input, target, weight=self.weight, reduction=self.reduction
        )


class BCEWithLogitsLoss(torch.nn.BCEWithLogitsLoss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(
            input,
            target,
            self.weight,
            pos_weight=self.pos_weight,
            reduction=self.reduction,
        )


class PoissonNLLLoss(torch.nn.PoissonNLLLoss):
    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return functional.poisson_nll_loss(
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(torch.nn.GaussianNLLLoss):
    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return functional.gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )


# The losses that have a module above.
_PEERS = frozenset({
    'binary_cross_entropy', 'binary_cross_entropy_with_logits', 'cross_entropy', 'gaussian_nll',
    'huber', 'kl_div', 'l1', 'mse', 'nll', 'poisson_nll', 'smooth_l1',
})  # fmt: skip


class Loss(torch.nn.Module):
    """A loss of vloss.torch.losses with its options; tensors among them are buffers."""

    vloss_name: str

    def __init__(self, **options: Any) -> None:
        super().__init__()
        known = inspect.signature(getattr(_losses, self.vloss_name)).parameters
        for key in options:
            if key not in known or known[key].kind is not inspect.Parameter.KEYWORD_ONLY:
                name = type(self).__name__
                raise TypeError(f'{name}() got an unexpected keyword argument {key!r}')
        self.options = {k: v for k, v in options.items() if not isinstance(v, Tensor)}
        self._tensors = [k for k in options if k not in self.options]
        for key in self._tensors:
            self.register_buffer(key, options[key])

    def forward(self, *arrays: Tensor) -> Tensor:
        tensors = {key: getattr(self, key) for key in self._tensors}
        function = getattr(_losses, self.vloss_name)
        return function(*arrays, **self.options, **tensors)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return ', '.join(f'{key}={value!r}' for key, value in self.options.items())


def _class_name(name: str) -> str:
    """'focal_eiou' is FocalEIoULoss, 'kl_div_with_logits' KLDivWithLogitsLoss."""
    words = []
    for word in name.split('_'):
        if word.endswith('iou'):
            words.append(word[:-3].upper() + 'IoU')
        else:
            words.append(word.upper() if word in ('kl', 'js', 'nll') else word.capitalize())
    return ''.join(words) + 'Loss'


for _name in LOSSES.keys() - _PEERS:
    _class = type(
        _class_name(_name),
        (Loss,),
        {
            'vloss_name': _name,
            '__module__': __name__,
            '__doc__': f'vloss.torch.losses.{_name} as a module; options by keyword.',
        },
    )
    globals()[_class.__name__] = _class

__all__ = sorted(name for name in globals() if name.endswith('Loss') and name != 'Loss')
