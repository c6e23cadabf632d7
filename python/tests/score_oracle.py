# SPDX-License-Identifier: Apache-2.0
"""Scoring as loops over boxes, in the arithmetic of the arrays' type: slow and plain.

Thresholds are compared exactly: a float32 with a double, not with the threshold as float32.
"""

import math

import numpy as np


def corners(box, format='xyxy'):
    a, b, c, d = box
    half = box.dtype.type(0.5)
    if format == 'xywh':
        a, b, c, d = a, b, a + c, b + d
    elif format == 'cxcywh':
        a, b, c, d = a - half * c, b - half * d, a + half * c, b + half * d
    return a, b, c, d


def similarity(one, two, kind='iou', format='xyxy', crowd=False):
    ax1, ay1, ax2, ay2 = corners(one, format)
    bx1, by1, bx2, by2 = corners(two, format)
    width = min(ax2, bx2) - max(ax1, bx1)
    height = min(ay2, by2) - max(ay1, by1)
    area1, area2 = (ax2 - ax1) * (ay2 - ay1), (bx2 - bx1) * (by2 - by1)
    both = width * height if width > 0 and height > 0 else area1 * 0
    union = area1 if crowd else area1 + area2 - both
    iou = both / union if both > 0 else both
    if kind in ('intersection', 'iof', 'iou'):
        return {'intersection': both, 'iof': both / area1 if both > 0 else both, 'iou': iou}[kind]
    cw, ch = max(ax2, bx2) - min(ax1, bx1), max(ay2, by2) - min(ay1, by1)
    if kind == 'giou':
        return iou - (cw * ch - union) / (cw * ch) if cw * ch > 0 else iou
    dx, dy = ((ax1 - bx1) + (ax2 - bx2)) / 2, ((ay1 - by1) + (ay2 - by2)) / 2
    diagonal = cw * cw + ch * ch
    diou = iou - (dx * dx + dy * dy) / diagonal if diagonal > 0 else iou
    if kind == 'diou':
        return diou
    angles = math.atan2(bx2 - bx1, by2 - by1) - math.atan2(ax2 - ax1, ay2 - ay1)
    v = 4 / math.pi**2 * angles**2
    return diou - (v / (1 - float(iou) + v) * v if v > 0 else 0)


def matrix(a, b, kind='iou', format='xyxy', crowd=None):
    flags = [False] * len(b) if crowd is None else crowd
    rows = [[similarity(p, q, kind, format, f) for q, f in zip(b, flags, strict=True)] for p in a]
    return np.array(rows, a.dtype).reshape(len(a), len(b))


def in_order(scores):
    """Indices by descending score, among equals ascending; without NaN."""
    return [i for i in np.argsort(-scores, kind='stable') if not np.isnan(scores[i])]


def nms(boxes, scores, threshold, classes=None, kind='iou'):
    kept = []
    for i in in_order(scores):
        rivals = [k for k in kept if classes is None or classes[k] == classes[i]]
        if all(float(similarity(boxes[k], boxes[i], kind)) <= threshold for k in rivals):
            kept.append(i)
    return kept


def soft_nms(boxes, scores, classes, factor, least=-math.inf):
    left, scores, taken = list(range(len(boxes))), scores.copy(), []
    while left:
        best = max(left, key=lambda i: (scores[i], -i))
        if not float(scores[best]) > least:
            break
        left.remove(best)
        taken.append(best)
        for i in left:
            if classes[i] == classes[best]:
                scores[i] *= factor(similarity(boxes[best], boxes[i]))
    return taken, scores[taken]


def matrix_nms(boxes, scores, classes, decay):
    order, result = in_order(scores), {}
    highest = {}
    for place, i in enumerate(order):
        before = [k for k in order[:place] if classes[k] == classes[i]]
        ious = {k: similarity(boxes[k], boxes[i]) for k in before}
        highest[i] = max(ious.values(), default=0.0)
        factors = [decay(ious[k]) / decay(highest[k]) for k in before if decay(highest[k]) > 0]
        result[i] = scores[i] * min([1.0, *factors])
    order.sort(key=lambda i: -result[i])
    return order, np.array([result[i] for i in order])


def select(scores, threshold, multi_label):
    found = []
    for i, row in enumerate(scores):
        classes = range(len(row)) if multi_label else [int(np.argmax(row))] if len(row) else []
        found += [(i, c, row[c]) for c in classes if float(row[c]) > threshold]
    return found
