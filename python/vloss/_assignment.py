# SPDX-License-Identifier: Apache-2.0
"""Assignment of predicted boxes to targets, and fusion of the boxes of several models."""

from __future__ import annotations

from typing import Any, NamedTuple, SupportsFloat

from ._choices import Array, BoxFormat, LowQuality, choice
from ._core import score

__all__ = ['Assignment', 'Fusion', 'assign', 'weighted_boxes_fusion']


class Assignment(NamedTuple):
    """The target of each prediction, -1 for background and -2 for undecided; its best IoU."""

    index: Any
    iou: Any


class Fusion(NamedTuple):
    """Fused boxes, their scores and classes, and the cluster of each box that went in, or -1."""

    boxes: Any
    scores: Any
    classes: Any
    cluster: Any


def assign(
    predictions: Array,
    targets: Array,
    *,
    positive: SupportsFloat = 0.5,
    negative: SupportsFloat = 0.5,
    low_quality: LowQuality = 'none',
    min_iou: SupportsFloat = 0.0,
    format: BoxFormat = 'xyxy',
    any_corners: bool = False,
) -> Assignment:
    """Assigns predictions (n, 4) to targets (m, 4) by their IoU.

    The best target, of equal ones the first, if that IoU >= positive; else -1, background, if it is
    < negative; else -2, undecided. `iou` is that best IoU.

    Arguments:
        predictions, targets: float32 or float64, both of one type.
        positive, negative: Any numbers but NaN. Default 0.5.
        low_quality: What a target gets that no prediction reaches with `positive`. 'none'
            (default): nothing. 'own': the predictions that overlap it most take the target that
            they overlap most (torchvision's Matcher). 'claim': they take this target
            (mmdetection's).
        min_iou: Low quality only from this IoU on, and > 0. Default 0.
        format: Of all boxes: 'xyxy' (default), 'xywh' or 'cxcywh'.
        any_corners: xyxy boxes are two opposite corners in any order. Default False.

    Raises TypeError for types, ValueError for shapes, ranges and choices.

    >>> import numpy as np, vloss
    >>> targets = np.array([[0.0, 0, 4, 4]])
    >>> vloss.assign(np.array([[0.0, 0, 4, 3], [0, 0, 2, 2], [9, 9, 10, 10]]), targets,
    ...     negative=0.2).index.tolist()
    [0, -2, -1]
    """
    how = choice('assign', 'low_quality', LowQuality, low_quality)
    order = choice('assign', 'format', BoxFormat, format)
    numbers = (positive, negative, how, min_iou, order, any_corners)
    return Assignment(*score('assign', 'assign', False, predictions, targets, *numbers))


def weighted_boxes_fusion(
    boxes: Array,
    scores: Array,
    iou_threshold: SupportsFloat = 0.55,
    *,
    classes: Array | None = None,
    models: Array | None = None,
    weights: Array | None = None,
    score_threshold: SupportsFloat = float('-inf'),
    overflow: bool = False,
    format: BoxFormat = 'xyxy',
    any_corners: bool = False,
) -> Fusion:
    """Weighted boxes fusion (Solovyev, Wang and Gabruseva, arXiv 1910.13302).

    By descending score x model weight s, a box joins the cluster of its class whose fused box it
    overlaps most, if that IoU is > threshold, else it opens one. The fused box is sum(s box) /
    sum(s), the fused score mean(s) min(members, models) / sum(weights). Clusters come out by
    descending score.

    Arguments:
        boxes: (n, 4), float32 or float64.
        scores: (n,) of the same type. A box with a NaN score takes no part.
        iou_threshold: In [0, 1]. Default 0.55, the paper's.
        classes: (n,) integers of any type. None (default): one class.
        models: (n,) integers in [0, len(weights)): whose box it is. None (default): all of model 0.
        weights: One number >= 0 per model, not all 0. None (default): one model.
        score_threshold: Boxes with a score > it take part. Default -inf.
        overflow: A cluster may count for more members than there are models. Default False.
        format: Of boxes in and out: 'xyxy' (default), 'xywh' or 'cxcywh'.
        any_corners: xyxy boxes are two opposite corners in any order. Default False.

    Raises TypeError for types, ValueError for shapes and ranges, IndexError for models.

    >>> import numpy as np, vloss
    >>> boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 5], [8, 8, 9, 9]], float)
    >>> fused = vloss.weighted_boxes_fusion(boxes, np.array([0.5, 0.5, 0.4]),
    ...     models=np.array([0, 1, 0]), weights=np.ones(2))
    >>> fused.boxes.tolist(), fused.scores.tolist()
    ([[0.0, 0.0, 4.0, 4.5], [8.0, 8.0, 9.0, 9.0]], [0.5, 0.2])
    """
    order = choice('weighted_boxes_fusion', 'format', BoxFormat, format)
    arrays = (boxes, scores, classes, iou_threshold, models, weights)
    options = (score_threshold, overflow, order, any_corners)
    return Fusion(*score('fusion', 'weighted_boxes_fusion', False, *arrays, *options))
