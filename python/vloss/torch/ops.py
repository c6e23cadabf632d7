# SPDX-License-Identifier: Apache-2.0
"""torchvision.ops' losses and scoring of boxes: the same names, arguments and defaults.

torchvision is not needed. docs/python.md lists what differs.
"""

import contextlib

import torch
from torch import Tensor

from ._evaluate import evaluate
from ._run import autocast
from ._scoring import similarity, suppress

__all__ = [
    'batched_nms',
    'box_area',
    'box_convert',
    'box_iou',
    'clip_boxes_to_image',
    'complete_box_iou',
    'complete_box_iou_loss',
    'distance_box_iou',
    'distance_box_iou_loss',
    'generalized_box_iou',
    'generalized_box_iou_loss',
    'nms',
    'remove_small_boxes',
    'sigmoid_focal_loss',
]

_REAL = (torch.float32, torch.float64)
_FORMATS = ('xyxy', 'xywh', 'cxcywh')


def _pair(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    """Two arrays of boxes as torchvision widens their types and broadcasts their shapes."""
    boxes1 = boxes1 if boxes1.dtype in _REAL else boxes1.float()
    boxes2 = boxes2 if boxes2.dtype in _REAL else boxes2.float()
    if boxes1.shape != boxes2.shape and boxes1.shape[-1:] == boxes2.shape[-1:]:
        with contextlib.suppress(RuntimeError):  # the loss says which argument it is
            boxes1, boxes2 = torch.broadcast_tensors(boxes1, boxes2)
    return boxes1, boxes2


def _box_loss(name: str, boxes1: Tensor, boxes2: Tensor, reduction: str, eps: float) -> Tensor:
    options = {'reduction': reduction, 'eps': eps}
    return evaluate(name, options, *_pair(boxes1, boxes2))


def generalized_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = 'none', eps: float = 1e-7
) -> Tensor:
    """GIoU loss of boxes (..., 4) as x1, y1, x2, y2: vloss.giou.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    >>> ops.generalized_box_iou_loss(box, box + torch.tensor([1.0, 0.0, 1.0, 0.0]), 'sum', 0.0)
    tensor(1.)
    """
    return _box_loss('giou', boxes1, boxes2, reduction, eps)


def distance_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = 'none', eps: float = 1e-7
) -> Tensor:
    """DIoU loss of boxes (..., 4) as x1, y1, x2, y2: vloss.diou.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    >>> ops.distance_box_iou_loss(box, box + torch.tensor([1.0, 0.0, 1.0, 0.0]), 'sum', 0.0)
    tensor(1.2000)
    """
    return _box_loss('diou', boxes1, boxes2, reduction, eps)


def complete_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = 'none', eps: float = 1e-7
) -> Tensor:
    """CIoU loss of boxes (..., 4) as x1, y1, x2, y2: vloss.ciou.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    >>> ops.complete_box_iou_loss(box, box + torch.tensor([1.0, 0.0, 1.0, 0.0]), 'sum', 0.0)
    tensor(1.2000)
    """
    return _box_loss('ciou', boxes1, boxes2, reduction, eps)


def sigmoid_focal_loss(
    inputs: Tensor,
    targets: Tensor,
    alpha: float = 0.25,
    gamma: float = 2,
    reduction: str = 'none',
) -> Tensor:
    """Sigmoid focal loss of logits and probabilities in the same shape: vloss.focal.

    Of bfloat16 and float16 it is computed in float32, and rounded to their type; with autocast, it
    is float32.

    >>> import torch, vloss.torch.ops as ops
    >>> ops.sigmoid_focal_loss(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor([0.0433])
    """
    if not (0 <= alpha <= 1) and alpha != -1:
        raise ValueError(f'Invalid alpha value: {alpha}. alpha must be in the range [0, 1] or -1')
    options = {'alpha': alpha, 'gamma': float(gamma), 'reduction': reduction}
    inputs, targets = autocast(inputs, targets)
    if inputs.dtype in _REAL:
        return evaluate('focal', options, inputs, targets)
    return evaluate('focal', options, inputs.float(), targets.float()).to(inputs.dtype)


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Indices of the boxes (n, 4) as x1, y1, x2, y2 that stay, by descending score: vloss.nms.

    >>> import torch, vloss.torch.ops as ops
    >>> boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [6, 6, 8, 8]])
    >>> ops.nms(boxes, torch.tensor([0.8, 0.9, 0.7]), 0.5)
    tensor([1, 2])
    """
    return suppress(boxes, scores, None, iou_threshold)


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """`nms` where only boxes of equal `idxs` suppress each other: vloss.batched_nms.

    `idxs` may have a floating type, as a column of detections has.

    >>> import torch, vloss.torch.ops as ops
    >>> boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [6, 6, 8, 8]])
    >>> ops.batched_nms(boxes, torch.tensor([0.8, 0.9, 0.7]), torch.tensor([0, 1, 0]), 0.5)
    tensor([1, 0, 2])
    """
    return suppress(boxes, scores, idxs, iou_threshold)


def box_area(boxes: Tensor, fmt: str = 'xyxy') -> Tensor:
    """Areas of boxes (..., 4): the product of their extents, which are not mended.

    `fmt` is 'xyxy', 'xywh' or 'cxcywh'. Half types are computed in float32, integers in int32 or
    int64. It has derivatives, as all PyTorch's arithmetic.

    >>> import torch, vloss.torch.ops as ops
    >>> ops.box_area(torch.tensor([[0.0, 0, 4, 3]]))
    tensor([12.])
    """
    _check_formats('box_area', fmt=fmt)
    if boxes.dtype not in (*_REAL, torch.int32, torch.int64):
        boxes = boxes.to(torch.float32 if boxes.is_floating_point() else torch.int32)
    x, y, z, w = boxes.unbind(-1)
    return (z - x) * (w - y) if fmt == 'xyxy' else z * w


def _check_formats(function: str, **given: str) -> None:
    for argument, fmt in given.items():
        if fmt not in _FORMATS:
            raise ValueError(
                f'{function}: {argument}: must be one of {"|".join(_FORMATS)}, not {fmt!r}'
            )


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Boxes (..., 4) in another format: 'xyxy', 'xywh' or 'cxcywh', by torchvision's arithmetic.

    The result is always a copy. It has derivatives. Rotated boxes are not supported.

    >>> import torch, vloss.torch.ops as ops
    >>> ops.box_convert(torch.tensor([[0.0, 0, 4, 2]]), 'xyxy', 'cxcywh')
    tensor([[2., 1., 4., 2.]])
    """
    _check_formats('box_convert', in_fmt=in_fmt, out_fmt=out_fmt)
    if in_fmt == out_fmt:
        return boxes.clone()
    x, y, z, w = boxes.unbind(-1)
    if in_fmt == 'xywh':
        z, w = x + z, y + w
    elif in_fmt == 'cxcywh':
        x, y, z, w = x - 0.5 * z, y - 0.5 * w, x + 0.5 * z, y + 0.5 * w
    if out_fmt == 'xywh':
        z, w = z - x, w - y
    elif out_fmt == 'cxcywh':
        x, y, z, w = (x + z) / 2, (y + w) / 2, z - x, w - y
    return torch.stack((x, y, z, w), dim=-1)


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes (..., 4) as x1, y1, x2, y2, cut to an image of `size` (height, width).

    It has derivatives.

    >>> import torch, vloss.torch.ops as ops
    >>> ops.clip_boxes_to_image(torch.tensor([[-1.0, 2, 9, 9]]), (4, 8))
    tensor([[0., 2., 8., 4.]])
    """
    height, width = size
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return torch.stack((x, y), dim=-1).reshape(boxes.shape)


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """Indices of the boxes (n, 4) as x1, y1, x2, y2 with both extents >= `min_size`.

    >>> import torch, vloss.torch.ops as ops
    >>> ops.remove_small_boxes(torch.tensor([[0.0, 0, 4, 1], [0, 0, 4, 2]]), 2)
    tensor([1])
    """
    extents = boxes[..., 2:] - boxes[..., :2]
    return torch.where((extents >= min_size).all(-1))[0]


def box_iou(boxes1: Tensor, boxes2: Tensor, fmt: str = 'xyxy') -> Tensor:
    """IoU (n, m) of boxes (n, 4) with boxes (m, 4): vloss.box_iou. It has no derivative.

    `fmt` is 'xyxy', 'xywh' or 'cxcywh'.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0, 2, 2]])
    >>> ops.box_iou(box, box + 1)
    tensor([[0.1429]])
    """
    return similarity(boxes1, boxes2, 'iou', fmt)


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """GIoU (n, m) of boxes (n, 4) with boxes (m, 4): vloss.similarity. It has no derivative.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0, 2, 2]])
    >>> ops.generalized_box_iou(box, box + 1)
    tensor([[-0.0794]])
    """
    return similarity(boxes1, boxes2, 'giou')


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """DIoU (n, m) of boxes (n, 4) with boxes (m, 4): vloss.similarity. It has no derivative.

    `eps` is not used: nothing is divided by 0.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0, 2, 2]])
    >>> ops.distance_box_iou(box, box + 1)
    tensor([[0.0317]])
    """
    return similarity(boxes1, boxes2, 'diou')


def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """CIoU (n, m) of boxes (n, 4) with boxes (m, 4): vloss.similarity. It has no derivative.

    `eps` is not used: nothing is divided by 0.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0, 2, 2]])
    >>> ops.complete_box_iou(box, box + 1)
    tensor([[0.0317]])
    """
    return similarity(boxes1, boxes2, 'ciou')
