# SPDX-License-Identifier: Apache-2.0
"""Masks of images as runs, COCO's, and the similarity of keypoints."""

from __future__ import annotations

import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, SupportsIndex

from ._choices import Array, MaskOperation, choice
from ._core import score

__all__ = [
    'Mask',
    'mask_area',
    'mask_box',
    'mask_decode',
    'mask_encode',
    'mask_from_polygons',
    'mask_from_text',
    'mask_iou',
    'mask_merge',
    'mask_to_text',
    'oks',
]


class Mask(NamedTuple):
    """Lengths of runs down the columns, background first, uint32; and the image's size.

    pycocotools has it as {'size': [height, width], 'counts': mask_to_text(mask)}.
    """

    counts: Any
    height: int
    width: int


def mask_encode(pixels: Array) -> Mask:
    """The runs of an image (height, width), bool or uint8: foreground where not 0.

    >>> import numpy as np, vloss
    >>> vloss.mask_encode(np.array([[0, 1], [1, 1]], bool)).counts.tolist()
    [1, 3]
    """
    return Mask(*score('mask_encode', 'mask_encode', False, pixels))


def mask_decode(mask: Mask) -> Any:
    """The image of a mask: (height, width) of uint8, 1 in the foreground.

    >>> import numpy as np, vloss
    >>> vloss.mask_decode(vloss.mask_encode(np.array([[0, 1], [1, 1]], bool))).tolist()
    [[0, 1], [1, 1]]
    """
    return score('mask_decode', 'mask_decode', False, mask)


def mask_area(masks: Iterable[Mask]) -> Any:
    """Pixels in the foreground of each mask, int64. Sizes may differ.

    >>> import numpy as np, vloss
    >>> vloss.mask_area([vloss.mask_encode(np.eye(3, dtype='u1'))]).tolist()
    [3]
    """
    return score('mask_area', 'mask_area', False, masks)


def mask_box(masks: Iterable[Mask]) -> Any:
    """x, y, w, h around the foreground of each mask: (n, 4) of float64, zeros where it is empty.

    >>> import numpy as np, vloss
    >>> vloss.mask_box([vloss.mask_encode(np.eye(3, dtype='u1'))]).tolist()
    [[0.0, 0.0, 3.0, 3.0]]
    """
    return score('mask_box', 'mask_box', False, masks)


def mask_iou(masks1: Iterable[Mask], masks2: Iterable[Mask], *, crowd: Array | None = None) -> Any:
    """The IoU (n, m) of n first masks with m second ones, all of one size, float64.

    Where a flag of `crowd`, (m,) of bool or uint8, is set, pixels in both / pixels of the first.
    0 where no pixel is in both.

    >>> import numpy as np, vloss
    >>> masks = [vloss.mask_encode(np.eye(2, dtype='u1')), vloss.mask_encode(np.ones((2, 2), 'u1'))]
    >>> vloss.mask_iou(masks, masks).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    return score('mask_iou', 'mask_iou', False, masks1, masks2, crowd)


def mask_merge(masks: Sequence[Mask], operation: MaskOperation = 'union') -> Mask:
    """The 'union' or 'intersection' of masks of one size, at least one.

    >>> import numpy as np, vloss
    >>> eye = np.eye(2, dtype='u1')
    >>> both = vloss.mask_merge([vloss.mask_encode(eye), vloss.mask_encode(1 - eye)])
    >>> vloss.mask_area([both]).tolist()
    [4]
    """
    how = choice('mask_merge', 'operation', MaskOperation, operation)
    if len(masks) == 0:
        raise ValueError('mask_merge: masks: there are none')
    counts = score('mask_merge', 'mask_merge', False, masks, how)
    return Mask(counts, masks[0].height, masks[0].width)


def mask_to_text(mask: Mask) -> bytes:
    """COCO's text of a mask.

    >>> import numpy as np, vloss
    >>> vloss.mask_to_text(vloss.mask_encode(np.array([[0, 1], [1, 1]], bool)))
    b'13'
    """
    return bytes(score('mask_to_text', 'mask_to_text', False, mask))


def mask_from_text(text: bytes | str, height: SupportsIndex, width: SupportsIndex) -> Mask:
    """The mask of COCO's text.

    ValueError if it does not give height x width pixels.

    >>> import vloss
    >>> vloss.mask_from_text(b'13', 2, 2).counts.tolist()
    [1, 3]
    """
    counts = score('mask_from_text', 'mask_from_text', False, text, height, width)
    return Mask(counts, int(height), int(width))


def mask_from_polygons(
    polygons: Iterable[Sequence[float] | Array], height: SupportsIndex, width: SupportsIndex
) -> Mask:
    """The union of polygons, pixel for pixel as COCO's rasteriser draws it.

    Each is x1, y1, x2, y2, ... in pixels, flat or as pairs, of any number of corners. ValueError
    for a coordinate that is not finite or beyond +-2^26.

    >>> import vloss
    >>> vloss.mask_area([vloss.mask_from_polygons([[1, 1, 4, 1, 4, 3, 1, 3]], 5, 5)]).tolist()
    [6]
    """
    flat = tuple(
        array.array('d', corners) if isinstance(corners, (list, tuple)) else corners
        for corners in polygons
    )
    counts = score('mask_from_polygons', 'mask_from_polygons', False, flat, height, width)
    return Mask(counts, int(height), int(width))


def oks(
    detections: Array,
    targets: Array,
    areas: Array,
    *,
    boxes: Array | None = None,
    sigmas: Sequence[float] | Array | None = None,
) -> Any:
    """COCO's object keypoint similarity of n detections with m targets: (n, m) of float64.

    The mean over the visible points of the target of exp(-d^2 / (2 sigma)^2 / area / 2).

    Arguments:
        detections: (n, points, 3): x, y and a number that is not read.
        targets: (m, points, 3): x, y, and v > 0 where the point is visible.
        areas: (m,), of the targets.
        boxes: (m, 4) as x, y, w, h: for targets without a visible point. None: there is none.
        sigmas: One > 0 for each point. Default: COCO's, of 17 points.

    Floats or integers, computed in float64. Raises TypeError for types, ValueError for shapes and
    ranges.

    >>> import numpy as np, vloss
    >>> points = np.ones((1, 2, 3))
    >>> vloss.oks(points, points, np.array([9.0]), sigmas=[0.1, 0.2]).tolist()
    [[1.0]]
    """
    if isinstance(sigmas, (list, tuple)):
        sigmas = array.array('d', sigmas)
    return score('oks', 'oks', False, detections, targets, areas, boxes, sigmas)
