# SPDX-License-Identifier: Apache-2.0
"""Every loss on arrays: anything with the buffer protocol, DLPack or `__array__`.

Inputs are read where they lie, and copied only where they are not in C order. Results are NumPy's
arrays, or memoryviews where NumPy is not installed.
"""

from . import _core

__all__ = [row[0] for row in _core.registry()]

globals().update({name: getattr(_core, name) for name in __all__})
