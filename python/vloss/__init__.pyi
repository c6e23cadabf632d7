# SPDX-License-Identifier: Apache-2.0
from typing import NamedTuple

from . import numpy as numpy
from ._assignment import *
from ._boxes import *
from ._coco import *
from ._core import Result as Result
from ._core import VarianceResult as VarianceResult
from ._core import __version__ as __version__
from ._core import get_num_threads as get_num_threads
from ._core import isa as isa
from ._core import set_isa as set_isa
from ._core import set_num_threads as set_num_threads
from ._losses import *
from ._masks import *
from ._suppression import *

class Parameter(NamedTuple):
    name: str
    default: float | int | str | bool
    low: float
    high: float
    choices: tuple[str, ...]

class Loss(NamedTuple):
    name: str
    family: str
    arrays: frozenset[str]
    parameters: tuple[Parameter, ...]

def losses() -> tuple[Loss, ...]: ...
def get_include() -> str: ...

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
]
__all__ += numpy.__all__
