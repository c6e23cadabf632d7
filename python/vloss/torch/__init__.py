# SPDX-License-Identifier: Apache-2.0
"""vloss for PyTorch's tensors on the CPU, with gradients by autograd.

`functional` has torch.nn.functional's losses, `ops` torchvision's, `losses` all of vloss, `nn` the
modules; `patch()` lets existing code use them. Calls run on PyTorch's threads.
"""

import contextlib as _contextlib
import ctypes as _ctypes
import os as _os
import sys as _sys
from collections.abc import Iterator as _Iterator

import torch as _torch

from .. import _core


def _address_of_parallel_for() -> int:
    """PyTorch's threads, in the library that is loaded already."""
    name = 'libtorch_cpu.dylib' if _sys.platform == 'darwin' else 'libtorch_cpu.so'
    try:
        function = _ctypes.CDLL(name, mode=_os.RTLD_LAZY | _os.RTLD_NOLOAD).torch_parallel_for
    except (OSError, AttributeError) as error:
        raise ImportError('vloss.torch needs a PyTorch with torch_parallel_for') from error
    return _ctypes.cast(function, _ctypes.c_void_p).value or 0


_core.use_torch(_torch.Tensor, _address_of_parallel_for())

from . import functional, losses, nn, ops  # noqa: E402


@_contextlib.contextmanager
def patch() -> _Iterator[None]:
    """Let torch.nn.functional's losses, and the modules that use them, be vloss's meanwhile.

    For trying vloss on code that exists; not for several threads at once.

    >>> import torch, vloss.torch
    >>> with vloss.torch.patch():
    ...     torch.nn.functional.mse_loss is vloss.torch.functional.mse_loss
    True
    """
    before = {name: getattr(_torch.nn.functional, name) for name in functional.__all__}
    for name in functional.__all__:
        setattr(_torch.nn.functional, name, getattr(functional, name))
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(_torch.nn.functional, name, function)


__all__ = ['functional', 'losses', 'nn', 'ops', 'patch']
