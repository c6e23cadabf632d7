# SPDX-License-Identifier: Apache-2.0
"""torchvision.ops' losses: the same names, arguments and defaults.

torchvision is not needed. docs/python.md lists what differs.
"""

from torch import Tensor

from ._evaluate import evaluate

__all__ = [
    'complete_box_iou_loss',
    'distance_box_iou_loss',
    'generalized_box_iou_loss',
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
