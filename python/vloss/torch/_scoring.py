# SPDX-License-Identifier: Apache-2.0
"""Scoring of boxes in tensors: operators `vloss::box_similarity` and `vloss::nms`, and short ways
around them."""

from collections.abc import Callable
from typing import Any, TypeAlias, get_args

import torch
from torch.autograd import Function, forward_ad

from .._choices import BoxFormat, Similarity, choice
from .._core import score
from ._run import plain
from ._undefined import check_tangents, check_tangents_below

Array: TypeAlias = torch.Tensor | None

_library = torch.library.Library('vloss', 'FRAGMENT')
_TAGS = (torch.Tag.pt2_compliant_tag,)
_EXACT = frozenset({torch.Tensor, torch.nn.Parameter})
_KINDS = get_args(Similarity)
# torchvision's names, for messages
_NAMES = {
    'iou': 'box_iou',
    'giou': 'generalized_box_iou',
    'diou': 'distance_box_iou',
    'ciou': 'complete_box_iou',
}


def _similarity(boxes1: torch.Tensor, boxes2: torch.Tensor, kind: str, fmt: str) -> torch.Tensor:
    if forward_ad._current_level >= 0:
        check_tangents_below(_NAMES[kind], boxes1=boxes1, boxes2=boxes2)
    first, second = plain(boxes1), plain(boxes2)
    order = choice(_NAMES[kind], 'fmt', BoxFormat, fmt)
    arguments = (first, second, _KINDS.index(kind), order, False, None)
    return score('similarity_matrix', _NAMES[kind], True, *arguments)  # type: ignore[no-any-return]


def _similarity_fake(
    boxes1: torch.Tensor, boxes2: torch.Tensor, kind: str, fmt: str
) -> torch.Tensor:
    return boxes1.new_empty((boxes1.shape[0], boxes2.shape[0]))


def _setup(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    ctx.name = _NAMES[inputs[2]]


def _no_derivative(ctx: Any, upstream: torch.Tensor) -> Any:
    raise NotImplementedError(
        f'vloss.torch.ops.{ctx.name} has no derivative; the losses of paired boxes have one'
    )


def _nms(boxes: torch.Tensor, scores: torch.Tensor, idxs: Array, threshold: float) -> torch.Tensor:
    name = 'nms' if idxs is None else 'batched_nms'
    classes = None if idxs is None else plain(idxs)
    arguments = (plain(boxes), plain(scores), classes, threshold, 0, 0, False, 0.0)
    kept = score('nms', name, True, *arguments, float('-inf'), 0, 0, 0, False)[0]
    return kept  # type: ignore[no-any-return]


def _nms_fake(
    boxes: torch.Tensor, scores: torch.Tensor, idxs: Array, threshold: float
) -> torch.Tensor:
    size = torch.library.get_ctx().new_dynamic_size()
    return boxes.new_empty(size, dtype=torch.int64)


_library.define(
    'box_similarity(Tensor boxes1, Tensor boxes2, str kind, str fmt) -> Tensor', tags=_TAGS
)
_library.define(
    'nms(Tensor boxes, Tensor scores, Tensor? idxs, float iou_threshold) -> Tensor', tags=_TAGS
)
_library.impl('box_similarity', _similarity, 'CPU')
_library.impl('nms', _nms, 'CPU')
torch.library.register_fake('vloss::box_similarity', _similarity_fake, lib=_library)
torch.library.register_fake('vloss::nms', _nms_fake, lib=_library)
torch.library.register_autograd(
    'vloss::box_similarity', _no_derivative, setup_context=_setup, lib=_library
)

_is_compiling = torch.compiler.is_compiling
_transforms = torch._C._are_functorch_transforms_active
_modes = torch._C._len_torch_dispatch_stack


class _Transformed(Function):
    """For torch.func's transforms: a Function with setup_context and without derivatives."""

    generate_vmap_rule = True

    @staticmethod
    def forward(boxes1: torch.Tensor, boxes2: torch.Tensor, kind: str, fmt: str) -> torch.Tensor:
        operator = torch.ops.vloss.box_similarity
        return operator(boxes1, boxes2, kind, fmt)  # type: ignore[no-any-return]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        _setup(ctx, inputs, output)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> Any:
        return _no_derivative(ctx, upstream[0])


_apply_transformed: Callable[..., torch.Tensor] = _Transformed.apply


def _is_simple(*tensors: Array) -> bool:
    """Whether tensors are what they seem and nobody looks on."""
    if _is_compiling() or _modes() > 0 or _transforms():
        return False
    return all(x is None or type(x) in _EXACT for x in tensors)


def similarity(
    boxes1: torch.Tensor, boxes2: torch.Tensor, kind: str, fmt: str = 'xyxy'
) -> torch.Tensor:
    """All similarities. Whole numbers and half types are computed as torchvision widens them."""
    if not boxes1.is_floating_point():
        wide = similarity(boxes1.double(), boxes2.double(), kind, fmt)
        return wide.to(torch.get_default_dtype())
    if boxes1.dtype in (torch.float16, torch.bfloat16):
        return similarity(boxes1.float(), boxes2.float(), kind, fmt)
    if forward_ad._current_level >= 0:
        check_tangents(_NAMES[kind], boxes1=boxes1, boxes2=boxes2)
    if not _is_compiling() and _transforms():
        return _apply_transformed(boxes1, boxes2, kind, fmt)
    with_grad = torch.is_grad_enabled() and (boxes1.requires_grad or boxes2.requires_grad)
    if with_grad or not _is_simple(boxes1, boxes2):
        operator = torch.ops.vloss.box_similarity
        return operator(boxes1, boxes2, kind, fmt)  # type: ignore[no-any-return]
    return _similarity(boxes1, boxes2, kind, fmt)


def suppress(
    boxes: torch.Tensor, scores: torch.Tensor, idxs: Array, threshold: float
) -> torch.Tensor:
    """Indices of the boxes that stay."""
    if idxs is not None and idxs.is_floating_point():
        idxs = torch.unique(idxs, return_inverse=True)[1]
    if _is_simple(boxes, scores, idxs):
        return _nms(boxes, scores, idxs, threshold)
    return torch.ops.vloss.nms(boxes, scores, idxs, threshold)  # type: ignore[no-any-return]
