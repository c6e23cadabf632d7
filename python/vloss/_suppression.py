# SPDX-License-Identifier: Apache-2.0
"""Selection of candidates and suppression."""

from __future__ import annotations

from typing import Any, NamedTuple, SupportsFloat, SupportsIndex

from ._choices import Array, BoxFormat, NmsMethod, ScoreLayout, choice
from ._core import score

__all__ = ['Candidates', 'Kept', 'batched_nms', 'nms', 'select']


class Candidates(NamedTuple):
    """Indices of boxes and their classes, int64, and the scores."""

    box: Any
    label: Any
    score: Any


class Kept(NamedTuple):
    """Indices of boxes, int64, and their scores after suppression."""

    index: Any
    score: Any


def _suppress(
    function: str,
    boxes: Array,
    scores: Array | None,
    classes: Array | None,
    iou_threshold: SupportsFloat,
    method: NmsMethod,
    format: BoxFormat,
    any_corners: bool,
    *limits: Any,
) -> Any:
    how = choice(function, 'method', NmsMethod, method)
    order = choice(function, 'format', BoxFormat, format)
    changes_scores = method not in ('hard', 'diou')
    arrays = (boxes, scores, classes, iou_threshold, how, order)
    result = score('nms', function, False, *arrays, any_corners, *limits, changes_scores)
    return Kept(*result) if changes_scores else result[0]


def nms(
    boxes: Array,
    scores: Array | None,
    iou_threshold: SupportsFloat,
    *,
    classes: Array | None = None,
    method: NmsMethod = 'hard',
    format: BoxFormat = 'xyxy',
    any_corners: bool = False,
    sigma: SupportsFloat = 0.0,
    score_threshold: SupportsFloat = float('-inf'),
    top_k: SupportsIndex = 0,
    max_per_class: SupportsIndex = 0,
    max_output: SupportsIndex = 0,
) -> Any:
    """Non-maximum suppression: indices of the boxes that stay, int64, by descending score.

    Equal scores keep their order. Boxes of different classes do not suppress each other. What has a
    NaN score is left out; nothing overlaps a box with a NaN.

    Methods:
        'hard': Keep a box unless a kept one has IoU > threshold: torchvision's.
        'diou': The same with DIoU, threshold in [-1, 1] (Zheng et al., arXiv 1911.08287).
        'soft_linear': Soft-NMS (Bodla et al., arXiv 1704.04503): take the box with the highest
            score, multiply the scores of the rest by 1 - IoU where IoU > threshold.
        'soft_gaussian': The same with exp(-IoU^2 / sigma) everywhere, sigma 0.5.
        'matrix_linear': Matrix NMS (Wang et al., arXiv 2003.10152): all boxes, scores decayed.
        'matrix_gaussian': The same with a Gaussian decay, sigma 2.

    'soft_' and 'matrix_' return (index, score), with the scores that they changed.

    Arguments:
        boxes: (n, 4), float32 or float64.
        scores: (n,) of the same type, or None: all are equal.
        iou_threshold: In [0, 1]; not used, but checked to be a number, where there is none.
        classes: (n,) integers of any type. None (default): one class.
        method: One of the above. Default 'hard'.
        format: 'xyxy' (default), 'xywh' or 'cxcywh'.
        any_corners: xyxy boxes are two opposite corners in any order. Default False.
        sigma: Of the Gaussian methods, >= 0; 0 (default) is the method's own.
        score_threshold: Only boxes with a score > it take part; Soft-NMS ends below it. Default
            -inf.
        top_k: Only the first so many by score take part. 0 (default): all.
        max_per_class, max_output: Results of a class, and of all. 0 (default): no limit.

    Raises TypeError for types, ValueError for shapes, ranges and choices.

    >>> import numpy as np, vloss
    >>> boxes = np.array([[0, 0, 4, 4], [1, 0, 5, 4], [6, 6, 8, 8]], 'f4')
    >>> scores = np.array([0.8, 0.9, 0.7], 'f4')
    >>> vloss.nms(boxes, scores, 0.5).tolist()
    [1, 2]
    >>> vloss.nms(boxes, scores, 0.5, method='soft_linear').score.round(2).tolist()
    [0.8999999761581421, 0.699999988079071, 0.3199999928474426]
    """
    return _suppress(
        'nms', boxes, scores, classes, iou_threshold, method, format, any_corners,
        sigma, score_threshold, top_k, max_per_class, max_output,
    )  # fmt: skip


def batched_nms(
    boxes: Array,
    scores: Array | None,
    idxs: Array,
    iou_threshold: SupportsFloat,
    *,
    method: NmsMethod = 'hard',
    format: BoxFormat = 'xyxy',
    any_corners: bool = False,
    sigma: SupportsFloat = 0.0,
    score_threshold: SupportsFloat = float('-inf'),
    top_k: SupportsIndex = 0,
    max_per_class: SupportsIndex = 0,
    max_output: SupportsIndex = 0,
) -> Any:
    """`nms` with the classes `idxs` in torchvision's position. Boxes are not moved for it.

    >>> import numpy as np, vloss
    >>> boxes = np.array([[0, 0, 4, 4], [1, 0, 5, 4], [6, 6, 8, 8]], 'f4')
    >>> vloss.batched_nms(boxes, np.array([0.8, 0.9, 0.7], 'f4'), np.array([0, 1, 0]), 0.5).tolist()
    [1, 0, 2]
    """
    return _suppress(
        'batched_nms', boxes, scores, idxs, iou_threshold, method, format, any_corners,
        sigma, score_threshold, top_k, max_per_class, max_output,
    )  # fmt: skip


def select(
    scores: Array,
    threshold: SupportsFloat,
    *,
    layout: ScoreLayout = 'boxes_by_classes',
    multi_label: bool = False,
    top_k: SupportsIndex = 0,
) -> Candidates:
    """The candidates of a matrix of scores: (box, label, score) with score > threshold.

    By box, then by class. Each box has its best class, of equal ones the lowest, or, with
    `multi_label`, every class. NaN scores are left out.

    Arguments:
        scores: (n, classes), or (classes, n) with layout 'classes_by_boxes'; float32 or float64.
        threshold: Any number but NaN.
        layout: 'boxes_by_classes' (default) or 'classes_by_boxes', as convolutions leave them.
        multi_label: Default False.
        top_k: No more than so many, those of the highest scores. 0 (default): all.

    Raises TypeError for types, ValueError for shapes and ranges.

    >>> import numpy as np, vloss
    >>> found = vloss.select(np.array([[0.1, 0.9], [0.3, 0.2], [0.0, 0.1]]), 0.25)
    >>> found.box.tolist(), found.label.tolist(), found.score.tolist()
    ([0, 1], [1, 0], [0.9, 0.3])
    """
    order = choice('select', 'layout', ScoreLayout, layout)
    return Candidates(
        *score('select', 'select', False, scores, threshold, order, multi_label, top_k)
    )
