# SPDX-License-Identifier: Apache-2.0
"""Every loss, as the extension makes it from the registry."""

from . import _core

__all__ = [row[0] for row in _core.registry()]

globals().update({name: getattr(_core, name) for name in __all__})
