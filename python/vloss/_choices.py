# SPDX-License-Identifier: Apache-2.0
"""What the scoring functions share. The names of choices are in the order of the C enumerations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = Any


class SupportsDLPack(Protocol):
    def __dlpack__(self) -> Any: ...


class SupportsArray(Protocol):
    def __array__(self) -> Any: ...


Array: TypeAlias = 'Buffer | SupportsDLPack | SupportsArray'

BoxFormat = Literal['xyxy', 'xywh', 'cxcywh']
Similarity = Literal['iou', 'intersection', 'iof', 'giou', 'diou', 'ciou']
NmsMethod = Literal[
    'hard', 'diou', 'soft_linear', 'soft_gaussian', 'matrix_linear', 'matrix_gaussian'
]
ScoreLayout = Literal['boxes_by_classes', 'classes_by_boxes']
LowQuality = Literal['none', 'own', 'claim']
MaskOperation = Literal['union', 'intersection']
CocoKind = Literal['detection', 'keypoints', 'lvis']
CocoIntegral = Literal['all_points', 'eleven_points']


def choice(function: str, argument: str, choices: Any, value: object) -> int:
    """The index of a name among the arguments of a Literal."""
    names = get_args(choices)
    if value in names:
        return names.index(value)
    error = ValueError if isinstance(value, str) else TypeError
    raise error(f'{function}: {argument}: must be one of {"|".join(names)}, not {value!r}')
