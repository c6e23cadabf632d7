# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from typing import Any, Final, final

from _typeshed import structseq

from .numpy import *

__version__: Final[str]

@final
class Result(structseq[Any], tuple[Any, Any]):
    __match_args__: Final = ('loss', 'grad')
    @property
    def loss(self) -> Any: ...
    @property
    def grad(self) -> Any: ...

@final
class VarianceResult(structseq[Any], tuple[Any, Any, Any]):
    __match_args__: Final = ('loss', 'grad', 'grad_variance')
    @property
    def loss(self) -> Any: ...
    @property
    def grad(self) -> Any: ...
    @property
    def grad_variance(self) -> Any: ...

def isa() -> str: ...
def set_isa(name: str | None, /) -> None: ...
def set_num_threads(number: int, /) -> None: ...
def get_num_threads() -> int: ...
def use_torch(tensor_type: type, parallel_for: int, /) -> None: ...
def tensor_function(name: str, /) -> Callable[..., tuple[Any, ...]]: ...
def registry() -> list[
    tuple[
        str,
        str,
        int,
        list[tuple[str, float | int | str | bool, float, float, list[str]]],
    ]
]: ...
