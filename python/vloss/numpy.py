# SPDX-License-Identifier: Apache-2.0
"""Every loss and scoring function on arrays: the buffer protocol, DLPack or `__array__`.

Inputs are read where they lie, and copied only where they are not in C order. Results are NumPy's
arrays, or memoryviews where NumPy is not installed.
"""

from . import _assignment, _boxes, _coco, _losses, _masks, _suppression
from ._assignment import *  # noqa: F403
from ._boxes import *  # noqa: F403
from ._coco import *  # noqa: F403
from ._core import Result, VarianceResult
from ._losses import *  # noqa: F403
from ._masks import *  # noqa: F403
from ._suppression import *  # noqa: F403

__all__ = ['Result', 'VarianceResult']
__all__ += _losses.__all__
__all__ += _boxes.__all__
__all__ += _suppression.__all__
__all__ += _assignment.__all__
__all__ += _coco.__all__
__all__ += _masks.__all__
