# SPDX-License-Identifier: Apache-2.0
"""Batched losses and their gradients on the CPU, fused, with the same bits everywhere.

Every loss and scoring function stands here and in `vloss.numpy`; `losses()` lists the losses.
`vloss.torch` has them for PyTorch.
"""

from importlib.resources import files as _files
from typing import NamedTuple as _NamedTuple

from . import _core
from . import numpy as numpy
from ._core import (
    Result,
    VarianceResult,
    __version__,
    get_num_threads,
    isa,
    set_isa,
    set_num_threads,
)
from .numpy import *  # noqa: F403


class Parameter(_NamedTuple):
    """A parameter of a loss: a number in [low, high], or one of its choices."""

    name: str
    default: float | int | str | bool
    low: float
    high: float
    choices: tuple[str, ...]


class Loss(_NamedTuple):
    """A loss: its name, its family, what it reads beside the input, and its parameters."""

    name: str
    family: str
    arrays: frozenset[str]
    parameters: tuple[Parameter, ...]


_ARRAYS = ('target', 'labels', 'class_weight', 'positive_weight', 'probability', 'variance')


def losses() -> tuple[Loss, ...]:
    """All losses.

    >>> import vloss
    >>> [loss.name for loss in vloss.losses() if 'labels' in loss.arrays]
    ['cross_entropy', 'focal_softmax', 'nll']
    """
    return tuple(
        Loss(
            name,
            family,
            frozenset(array for bit, array in enumerate(_ARRAYS) if arrays & 1 << bit),
            tuple(Parameter(*parameter[:4], tuple(parameter[4])) for parameter in parameters),
        )
        for name, family, arrays, parameters in _core.registry()
    )


def get_include() -> str:
    """The folder to include <vloss/vloss.h> from."""
    return str(_files(__name__).joinpath('include'))


__all__ = [
    'Loss',
    'Parameter',
    'Result',
    'VarianceResult',
    '__version__',
    'get_include',
    'get_num_threads',
    'isa',
    'losses',
    'numpy',
    'set_isa',
    'set_num_threads',
    *numpy.__all__,
]
