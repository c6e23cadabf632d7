# SPDX-License-Identifier: Apache-2.0
"""torchvision.ops' losses and scoring of boxes: the same names, arguments and defaults.

torchvision is not needed. docs/python.md lists what differs.
"""

from torch import Tensor

from ._evaluate import evaluate
from ._scoring import similarity, suppress

__all__ = [
    'batched_nms',
    'box_iou',
    'complete_box_iou',
    'complete_box_iou_loss',
    'distance_box_iou',
    'distance_box_iou_loss',
    'generalized_box_iou',
    'generalized_box_iou_loss',
    'nms',
    'sigmoid_focal_loss',
]


def generalized_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = 'none', eps: float = 1e-7
) -> Tensor:
    """GIoU loss of boxes (..., 4) as x1, y1, x2, y2: vloss.giou.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    >>> ops.generalized_box_iou_loss(box, box + torch.tensor([1.0, 0.0, 1.0, 0.0]), 'sum', 0.0)
    tensor(1.)
    """
    return evaluate('giou', {'reduction': reduction, 'eps': eps}, boxes1, boxes2)


def distance_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = 'none', eps: float = 1e-7
) -> Tensor:
    """DIoU loss of boxes (..., 4) as x1, y1, x2, y2: vloss.diou.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    >>> ops.distance_box_iou_loss(box, box + torch.tensor([1.0, 0.0, 1.0, 0.0]), 'sum', 0.0)
    tensor(1.2000)
    """
    return evaluate('diou', {'reduction': reduction, 'eps': eps}, boxes1, boxes2)


def complete_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = 'none', eps: float = 1e-7
) -> Tensor:
    """CIoU loss of boxes (..., 4) as x1, y1, x2, y2: vloss.ciou.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    >>> ops.complete_box_iou_loss(box, box + torch.tensor([1.0, 0.0, 1.0, 0.0]), 'sum', 0.0)
    tensor(1.2000)
    """
    return evaluate('ciou', {'reduction': reduction, 'eps': eps}, boxes1, boxes2)


def sigmoid_focal_loss(
    inputs: Tensor,
    targets: Tensor,
    alpha: float = 0.25,
    gamma: float = 2,
    reduction: str = 'none',
) -> Tensor:
    """Sigmoid focal loss of logits and probabilities in the same shape: vloss.focal.

    >>> import torch, vloss.torch.ops as ops
    >>> ops.sigmoid_focal_loss(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor([0.0433])
    """
    if not (0 <= alpha <= 1) and alpha != -1:
        raise ValueError(f'Invalid alpha value: {alpha}. alpha must be in the range [0, 1] or -1')
    return evaluate(
        'focal', {'alpha': alpha, 'gamma': float(gamma), 'reduction': reduction}, inputs, targets
    )


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

    >>> import torch, vloss.torch.ops as ops
    >>> boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [6, 6, 8, 8]])
    >>> ops.batched_nms(boxes, torch.tensor([0.8, 0.9, 0.7]), torch.tensor([0, 1, 0]), 0.5)
    tensor([1, 0, 2])
    """
    return suppress(boxes, scores, idxs, iou_threshold)


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """IoU (n, m) of boxes (n, 4) with boxes (m, 4) as x1, y1, x2, y2: vloss.box_iou.

    It has no derivative.

    >>> import torch, vloss.torch.ops as ops
    >>> box = torch.tensor([[0.0, 0, 2, 2]])
    >>> ops.box_iou(box, box + 1)
    tensor([[0.1429]])
    """
    return similarity(boxes1, boxes2, 'iou')


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
