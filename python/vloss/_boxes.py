# SPDX-License-Identifier: Apache-2.0
"""Similarities of boxes."""

from __future__ import annotations

from typing import Any, NamedTuple, SupportsFloat, SupportsIndex

from ._choices import Array, BoxFormat, Similarity, choice
from ._core import score

__all__ = [
    'Best',
    'Pairs',
    'box_iou',
    'similarity',
    'similarity_best',
    'similarity_paired',
    'similarity_pairs',
    'similarity_top_k',
]


class Best(NamedTuple):
    """The highest similarities, and which boxes have them; -inf and -1 where there is none."""

    value: Any
    index: Any


class Pairs(NamedTuple):
    """Indices of first and second boxes, int64, and their similarities."""

    first: Any
    second: Any
    value: Any


def _compare(
    operation: str,
    function: str,
    boxes1: Array,
    boxes2: Array,
    kind: Similarity,
    format: BoxFormat,
    any_corners: bool,
    crowd: Array | None,
    *own: Any,
) -> Any:
    what = choice(function, 'kind', Similarity, kind)
    order = choice(function, 'format', BoxFormat, format)
    return score(operation, function, False, boxes1, boxes2, what, order, any_corners, crowd, *own)


def box_iou(
    boxes1: Array,
    boxes2: Array,
    *,
    format: BoxFormat = 'xyxy',
    any_corners: bool = False,
    crowd: Array | None = None,
) -> Any:
    """The intersection over union of each of n boxes with each of m: `similarity` of kind 'iou'.

    For well-formed xyxy boxes it has torchvision's bits; boxes without area have 0, not NaN.

    >>> import numpy as np, vloss
    >>> a = np.array([[0, 0, 2, 2], [4, 4, 5, 5]], 'f4')
    >>> vloss.box_iou(a, a[:1] + 1).tolist()
    [[0.1428571492433548], [0.0]]
    """
    return _compare(
        'similarity_matrix', 'box_iou', boxes1, boxes2, 'iou', format, any_corners, crowd
    )


def similarity(
    boxes1: Array,
    boxes2: Array,
    kind: Similarity = 'iou',
    *,
    format: BoxFormat = 'xyxy',
    any_corners: bool = False,
    crowd: Array | None = None,
) -> Any:
    """The similarity of each of n first boxes (n, 4) with each of m second boxes (m, 4): (n, m).

    With A and B the areas, I that of the intersection, U = A + B - I, C that of the enclosing box,
    which is cw x ch, and D the distance of the centres:

        iou I/U   intersection I   iof I/A   giou IoU - (C - U)/C
        diou IoU - D^2/(cw^2 + ch^2)   ciou DIoU - alpha v, as in `ciou`

    x/0 is 0: points and lines have IoU 0. A box with a NaN has NaN in all its similarities. An axis
    of negative extent is its centre with extent 0.

    Arguments:
        boxes1, boxes2: float32, float64 or int32, both of one type; int32 gives float64.
        kind: What is computed.
        format: Of all boxes: 'xyxy' (default), 'xywh' or 'cxcywh'.
        any_corners: xyxy boxes are two opposite corners in any order. Default False.
        crowd: One flag per second box, bool or uint8: where it is set, the union is the first box
            (COCO's crowds). For 'iou' only.

    Raises TypeError for types, ValueError for shapes and choices.

    >>> import numpy as np, vloss
    >>> a = np.array([[0.0, 0, 2, 2]])
    >>> vloss.similarity(a, a + 1, 'giou').round(3).tolist()
    [[-0.079]]
    """
    return _compare(
        'similarity_matrix', 'similarity', boxes1, boxes2, kind, format, any_corners, crowd
    )


def similarity_paired(
    boxes1: Array,
    boxes2: Array,
    kind: Similarity = 'iou',
    *,
    format: BoxFormat = 'xyxy',
    any_corners: bool = False,
    crowd: Array | None = None,
) -> Any:
    """The similarity of box i of the first (n, 4) with box i of the second (n, 4): n numbers.

    Arguments and errors are those of `similarity`.

    >>> import numpy as np, vloss
    >>> a = np.array([[0.0, 0, 2, 2], [0, 0, 4, 2]])
    >>> vloss.similarity_paired(a, a[::-1]).tolist()
    [0.5, 0.5]
    """
    return _compare(
        'similarity_paired', 'similarity_paired', boxes1, boxes2, kind, format, any_corners, crowd
    )


def similarity_best(
    boxes1: Array,
    boxes2: Array,
    kind: Similarity = 'iou',
    *,
    format: BoxFormat = 'xyxy',
    any_corners: bool = False,
    crowd: Array | None = None,
) -> Best:
    """For each of n first boxes the highest similarity with a second box, without the matrix.

    Among equals the lowest index; without one -inf and -1. Arguments and errors are those of
    `similarity`.

    >>> import numpy as np, vloss
    >>> a = np.array([[0.0, 0, 2, 2], [0, 0, 4, 2]])
    >>> vloss.similarity_best(a, a).index.tolist()
    [0, 1]
    """
    return Best(
        *_compare(
            'similarity_best', 'similarity_best', boxes1, boxes2, kind, format, any_corners, crowd
        )
    )


def similarity_top_k(
    boxes1: Array,
    boxes2: Array,
    k: SupportsIndex,
    kind: Similarity = 'iou',
    *,
    format: BoxFormat = 'xyxy',
    any_corners: bool = False,
    crowd: Array | None = None,
) -> Best:
    """For each of m second boxes the k highest similarities with a first box: (m, k) each.

    Descending, among equals by ascending index; behind the last one -inf and -1. Time grows with
    k m. Arguments and errors are those of `similarity`.

    >>> import numpy as np, vloss
    >>> a = np.array([[0.0, 0, 2, 2], [0, 0, 4, 2], [8, 8, 9, 9]])
    >>> vloss.similarity_top_k(a, a[:1], 2).index.tolist()
    [[0, 1]]
    """
    return Best(
        *_compare(
            'similarity_top_k',
            'similarity_top_k',
            boxes1,
            boxes2,
            kind,
            format,
            any_corners,
            crowd,
            k,
        )
    )


def similarity_pairs(
    boxes1: Array,
    boxes2: Array,
    threshold: SupportsFloat,
    kind: Similarity = 'iou',
    *,
    format: BoxFormat = 'xyxy',
    any_corners: bool = False,
    crowd: Array | None = None,
) -> Pairs:
    """The pairs whose similarity is > threshold, by first, then by second box.

    Arguments and errors are those of `similarity`; a NaN threshold is a ValueError.

    >>> import numpy as np, vloss
    >>> a = np.array([[0.0, 0, 2, 2], [0, 0, 4, 2], [8, 8, 9, 9]])
    >>> first, second, iou = vloss.similarity_pairs(a, a, 0.4)
    >>> list(zip(first.tolist(), second.tolist()))
    [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]
    """
    return Pairs(
        *_compare(
            'similarity_pairs',
            'similarity_pairs',
            boxes1,
            boxes2,
            kind,
            format,
            any_corners,
            crowd,
            threshold,
        )
    )
