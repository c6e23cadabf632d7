# SPDX-License-Identifier: Apache-2.0
"""COCO's and LVIS's evaluation of detections, from arrays."""

from __future__ import annotations

import array
import operator
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, SupportsFloat, SupportsIndex

from ._choices import Array, BoxFormat, CocoIntegral, CocoKind, choice
from ._core import score

__all__ = ['CocoCurve', 'CocoEvaluator', 'CocoSummary', 'ConfusionMatrix']


@dataclass(frozen=True)
class CocoSummary:
    """COCO's numbers, -1 where nothing counts, and its tables.

    `ap` is the mean over thresholds and classes, `ap50` and `ap75` that at one threshold; `ar` the
    recalls at the first three of `max_detections`, `ar_all` that at the last. Tables have
    pycocotools' axes: `precision` and `scores` (thresholds, recalls, classes, areas, limits),
    `recall` (thresholds, classes, areas, limits); `classes` is their axis of classes.
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ap_rare: float
    ap_common: float
    ap_frequent: float
    ar: tuple[float, float, float]
    ar_all: float
    ar50: float
    ar75: float
    ar_small: float
    ar_medium: float
    ar_large: float
    detections: int
    targets: int
    precision: Any
    recall: Any
    scores: Any
    classes: Any

    def __str__(self) -> str:
        """The numbers that are there, a line each."""
        rows = []
        for field in fields(self)[:16]:
            value = getattr(self, field.name)
            numbers = value if isinstance(value, tuple) else (value,)
            if any(number > -1 for number in numbers):
                text = '  '.join(f'{number:.3f}' for number in numbers if number > -1)
                rows.append(f'{field.name:12} {text}')
        return '\n'.join(rows)


class CocoCurve(NamedTuple):
    """Points of a score curve by descending score, the one of the largest F1, and the area."""

    score: Any
    precision: Any
    recall: Any
    f1: Any
    best: tuple[float, float, float, float]
    average_precision: float


def _flat(values: Any) -> list[Any]:
    """The numbers of a list or an array, which may be one of pairs."""
    listed = values.tolist() if hasattr(values, 'tolist') else list(values)
    return [x for row in listed for x in (row if isinstance(row, (list, tuple)) else [row])]


def _numbers(function: str, argument: str, kind: str, values: Any) -> Any:
    """A list as an array; arrays stay."""
    if values is None or not isinstance(values, (list, tuple, range)):
        return values
    try:
        return array.array(kind, _flat(values))
    except (TypeError, OverflowError) as error:
        raised = TypeError if isinstance(error, TypeError) else ValueError
        raise raised(f'{function}: {argument}: {error}') from None


def _image(image_id: SupportsIndex) -> int:
    try:
        number = operator.index(image_id)
    except TypeError:
        raise TypeError(f'update: image_id: must be a whole number, not {image_id!r}') from None
    if not -(2**63) <= number < 2**63:
        raise ValueError(f'update: image_id: does not fit in 64 bits: {number}')
    return number


class CocoEvaluator:
    """Average precision and recall, equal to pycocotools 2.0.11's to the bit.

    Each image is matched when it comes; what is kept of it are records, which `merge` adds from
    other processes in any order. Evaluators can be pickled. Matching rules: docs/coco.md.

    Arguments:
        kind: 'detection' (default, boxes and masks), 'keypoints' or 'lvis'.
        format: Of all boxes: 'xyxy' (default), 'xywh' (as in COCO's files) or 'cxcywh'.
        thresholds: Of the similarity, in [0, 1]. Default .5, .55, ... .95.
        recalls: Default 0, .01, ... 1.
        areas: Pairs (low, high), the first being all. Default COCO's: all, small, medium, large.
        max_detections: Ascending. Default 1, 10, 100; keypoints 20; LVIS 300.
        classes: Strictly ascending. Default: those that occur.
        frequencies: LVIS: 0, 1 or 2 - rare, common, frequent - for each of `classes`.

    Raises TypeError for types, ValueError for shapes and ranges, when the images come.

    >>> import numpy as np, vloss
    >>> evaluator = vloss.CocoEvaluator()
    >>> boxes = np.array([[0, 0, 40, 40], [50, 50, 90, 95]], float)
    >>> classes = np.array([0, 1])
    >>> evaluator.update(1, boxes, np.array([0.9, 0.8]), classes, boxes + 2, classes)
    >>> summary = evaluator.summarize()
    >>> round(summary.ap, 3), round(summary.ap50, 3)
    (0.7, 1.0)
    """

    def __init__(
        self,
        kind: CocoKind = 'detection',
        *,
        format: BoxFormat = 'xyxy',
        thresholds: Sequence[float] | Array | None = None,
        recalls: Sequence[float] | Array | None = None,
        areas: Sequence[float] | Sequence[tuple[float, float]] | Array | None = None,
        max_detections: Sequence[int] | Array | None = None,
        classes: Sequence[int] | Array | None = None,
        frequencies: Sequence[int] | Array | None = None,
    ) -> None:
        self._options = (
            choice('CocoEvaluator', 'kind', CocoKind, kind),
            _numbers('CocoEvaluator', 'thresholds', 'd', thresholds),
            _numbers('CocoEvaluator', 'recalls', 'd', recalls),
            _numbers('CocoEvaluator', 'areas', 'd', areas),
            _numbers('CocoEvaluator', 'max_detections', 'q', max_detections),
            _numbers('CocoEvaluator', 'classes', 'q', classes),
            _numbers('CocoEvaluator', 'frequencies', 'B', frequencies),
        )
        self._format = choice('CocoEvaluator', 'format', BoxFormat, format)
        self._records = bytearray()
        score('coco_accumulate', 'CocoEvaluator', False, self._options, bytearray())

    def update(
        self,
        image_id: SupportsIndex,
        boxes: Array,
        scores: Array,
        classes: Array | None,
        target_boxes: Array,
        target_classes: Array | None,
        *,
        areas: Array | None = None,
        target_areas: Array | None = None,
        target_crowd: Array | None = None,
        target_ignored: Array | None = None,
        similarity: Array | None = None,
        negative_classes: Sequence[int] | Array | None = None,
        not_exhaustive_classes: Sequence[int] | Array | None = None,
    ) -> None:
        """Match an image's detections and targets.

        Arguments:
            image_id: Each image has its own.
            boxes, target_boxes: (n, 4) and (m, 4): floats or integers, computed in float64.
            scores: (n,). What has a NaN score is dropped.
            classes, target_classes: (n,) and (m,) integers of any type. None: all of class 0.
            areas, target_areas: (n,) and (m,), of masks for example. Default: those of the boxes.
            target_crowd, target_ignored: (m,) flags, bool or uint8. Default: none.
            similarity: (n, m), replaces the IoU of the boxes: of masks, or `oks`.
            negative_classes: LVIS: classes that the image does not show.
            not_exhaustive_classes: LVIS: classes of which not every object is a target.
        """
        negative = _numbers('update', 'negative_classes', 'q', negative_classes)
        partly = _numbers('update', 'not_exhaustive_classes', 'q', not_exhaustive_classes)
        image = (
            _image(image_id), boxes, scores, classes, areas, target_boxes, target_classes,
            target_areas, target_crowd, target_ignored, similarity, negative, partly, self._format,
        )  # fmt: skip
        self._records += score('coco_match', 'update', False, self._options, image)

    def merge(self, other: CocoEvaluator) -> None:
        """Add the images of another evaluator with the same options.

        Raises ValueError for one with others: its records are of other thresholds, for example.
        """
        if not isinstance(other, CocoEvaluator):
            raise TypeError(f'merge: other: must be a CocoEvaluator, not {type(other)}')
        if self._settings() != other._settings():
            raise ValueError('merge: other: has other options')
        self._records += other._records

    def _settings(self) -> Any:
        """The options, to be compared."""
        kind, *lists = self._options
        types = (float, float, float, int, int, int)
        numbers = [
            None if values is None else [number(x) for x in _flat(values)]
            for number, values in zip(types, lists, strict=True)
        ]
        return kind, self._format, numbers

    def __len__(self) -> int:
        """Records, of detections and targets."""
        return len(self._records) // 48

    def summarize(self) -> CocoSummary:
        """The numbers and tables of all images so far."""
        results = score('coco_accumulate', 'summarize', False, self._options, self._records)
        names = ('precision', 'recall', 'scores', 'classes')
        return CocoSummary(**results[0], **dict(zip(names, results[1:], strict=True)))

    def curve(
        self,
        class_id: int,
        *,
        threshold_index: SupportsIndex = 0,
        integral: CocoIntegral = 'all_points',
    ) -> CocoCurve:
        """Precision, recall and F1 of a class at each score, at one of the thresholds.

        `average_precision` is the integral of the monotone precision over recall ('all_points', VOC
        2010) or its mean at recall 0, .1, ... 1 ('eleven_points', VOC 2007).
        """
        how = choice('curve', 'integral', CocoIntegral, integral)
        arguments = (self._options, self._records, class_id, threshold_index, how)
        return CocoCurve(*score('coco_curve', 'curve', False, *arguments))

    def calibration_error(
        self, *, threshold_index: SupportsIndex = 0, bins: SupportsIndex = 10
    ) -> float:
        """Expected calibration error of the scores over equal bins of [0, 1] (arXiv 1706.04599)."""
        arguments = (self._options, self._records, threshold_index, bins)
        return float(score('coco_calibration', 'calibration_error', False, *arguments))


class ConfusionMatrix:
    """Counts of predicted (row) and true (column) classes; the last of each is background.

    Detections with score > `score_threshold` and targets are paired one to one wherever their
    similarity is > `threshold`, whatever their classes, by descending similarity. `matrix` is
    (classes + 1, classes + 1), int64.

    >>> import numpy as np, vloss
    >>> confusion = vloss.ConfusionMatrix([0, 1])
    >>> boxes = np.array([[0, 0, 40, 40], [50, 50, 90, 95]], float)
    >>> confusion.update(boxes, np.ones(2), np.array([0, 0]), boxes[1:], np.array([1]))
    >>> confusion.matrix.tolist()
    [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    """

    def __init__(
        self,
        classes: Sequence[int] | Array,
        *,
        score_threshold: SupportsFloat = 0.25,
        threshold: SupportsFloat = 0.5,
        format: BoxFormat = 'xyxy',
    ) -> None:
        self._options = (
            0, None, None, None, None, _numbers('ConfusionMatrix', 'classes', 'q', classes), None,
        )  # fmt: skip
        self._thresholds = (score_threshold, threshold)
        self._format = choice('ConfusionMatrix', 'format', BoxFormat, format)
        arguments = (self._options, bytearray())
        side = len(score('coco_accumulate', 'ConfusionMatrix', False, *arguments)[4]) + 1
        self.matrix = score('zeros', 'ConfusionMatrix', False, side)

    def update(
        self,
        boxes: Array,
        scores: Array,
        classes: Array | None,
        target_boxes: Array,
        target_classes: Array | None,
        *,
        target_crowd: Array | None = None,
        target_ignored: Array | None = None,
        similarity: Array | None = None,
    ) -> None:
        """Add an image; arguments as of `CocoEvaluator.update`."""
        image = (
            0, boxes, scores, classes, None, target_boxes, target_classes, None, target_crowd,
            target_ignored, similarity, None, None, self._format,
        )  # fmt: skip
        arguments = (self._options, image, *self._thresholds, self.matrix)
        score('coco_confusion', 'update', False, *arguments)
