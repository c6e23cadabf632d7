# SPDX-License-Identifier: Apache-2.0
"""What box losses of other libraries give for one pair of boxes, in doubles: their formulas, with
eps where they have it. Read in torchvision 0.29.1, Ultralytics 8.4.190, mmdetection 3.3.0 and
MONAI 1.6.1."""

import math


class Pair:
    """Extents, areas and squared distance of the centres of two boxes x1, y1, x2, y2."""

    def __init__(self, p, t, taller=0.0):
        self.w, self.h, self.W, self.H = p[2] - p[0], p[3] - p[1], t[2] - t[0], t[3] - t[1]
        self.h += taller
        self.H += taller
        inner = [max(0.0, min(p[k + 2], t[k + 2]) - max(p[k], t[k])) for k in (0, 1)]
        self.cw, self.ch = (max(p[k + 2], t[k + 2]) - min(p[k], t[k]) for k in (0, 1))
        self.dx, self.dy = ((t[k] + t[k + 2] - p[k] - p[k + 2]) / 2 for k in (0, 1))
        self.shared = inner[0] * inner[1]
        self.union = self.w * self.h + self.W * self.H - self.shared
        self.hull = self.cw * self.ch
        self.diagonal = self.cw ** 2 + self.ch ** 2
        self.distance = self.dx ** 2 + self.dy ** 2
        self.aspect = 4 / math.pi ** 2 * (math.atan(self.W / self.H) -
                                          math.atan(self.w / self.h)) ** 2


def iou_plus(p, t, eps):
    b = Pair(p, t)
    return 1 - b.shared / (b.union + eps)


def giou_plus(p, t, eps):
    b = Pair(p, t)
    return iou_plus(p, t, eps) + (b.hull - b.union) / (b.hull + eps)


def diou_plus(p, t, eps):
    b = Pair(p, t)
    return iou_plus(p, t, eps) + b.distance / (b.diagonal + eps)


def torchvision_ciou(p, t, eps):
    v = Pair(p, t).aspect
    return diou_plus(p, t, eps) + v * v / (iou_plus(p, t, eps) + v + eps)


def ultralytics(p, t, eps, ciou):
    b = Pair(p, t, eps)  # for corners; not for centres and extents
    loss = 1 - b.shared / (b.union + eps)
    rest = b.aspect * b.aspect / (loss + b.aspect + eps) if ciou else 0
    return loss + b.distance / (b.diagonal + eps) + rest


def mmdetection_iou(p, t, eps):
    b = Pair(p, t)
    return 1 - max(b.shared / max(b.union, 1e-6), eps)


def mmdetection_giou(p, t, eps):
    b = Pair(p, t)
    union, hull = max(b.union, eps), max(b.hull, eps)
    return 1 - b.shared / union + (hull - union) / hull


def mmdetection_ciou(p, t, eps):
    loss, v = iou_plus(p, t, eps), Pair(p, t, eps).aspect
    alpha = v / (loss + v) if loss < 0.5 else 0
    return min(2, diou_plus(p, t, eps) + alpha * v)


def mmdetection_siou(p, t, eps, neg_gamma):
    b, taller = Pair(p, t), Pair(p, t, eps)
    dx, dy, cw, ch = b.dx + eps, b.dy + eps, max(b.cw, eps), max(b.ch, eps)
    g = 2 - 2 * abs(dx * dy) / (dx * dx + dy * dy)
    sign = -1 if neg_gamma else 1
    distance = 2 - math.exp(sign * g * (dx / cw) ** 2) - math.exp(sign * g * (dy / ch) ** 2)
    extents = ((b.w, b.W), (taller.h, taller.H))
    shape = sum((1 - math.exp(-abs(a - c) / max(a, c))) ** 4 for a, c in extents)
    return min(2, max(0, iou_plus(p, t, eps) + (distance + shape) / 2))


APART = (0, 0, .5, .5), (.25, 0, .75, .5)
TURNED = (0, 0, .5, .25), (.1, .1, .5, .5)
CLOSE = (0, 0, .5, .25), (.1, 0, .5, .27)

# In docs/losses.md: function, its default eps, the loss here with its options, boxes.
ROWS = {
    "torchvision `generalized_box_iou_loss`": (giou_plus, 1e-7, "giou", APART),
    "torchvision `distance_box_iou_loss`": (diou_plus, 1e-7, "diou", APART),
    "torchvision `complete_box_iou_loss`": (torchvision_ciou, 1e-7, "ciou", TURNED),
    "Ultralytics `bbox_iou(DIoU=True, xywh=False)`":
        (lambda *a: ultralytics(*a, ciou=False), 1e-7, "diou", TURNED),
    "Ultralytics `bbox_iou(CIoU=True, xywh=False)`":
        (lambda *a: ultralytics(*a, ciou=True), 1e-7, "ciou", TURNED),
    "mmdetection `IoULoss(mode='linear')`": (mmdetection_iou, 1e-6, "iou", APART),
    "mmdetection `GIoULoss`": (mmdetection_giou, 1e-6, "giou", APART),
    "mmdetection `DIoULoss`": (diou_plus, 1e-6, "diou", APART),
    "mmdetection `CIoULoss`": (mmdetection_ciou, 1e-6, "ciou --alpha-gate", CLOSE),
    "mmdetection `SIoULoss(neg_gamma=True)`":
        (lambda *a: mmdetection_siou(*a, neg_gamma=True), 1e-6, "siou", TURNED),
    "mmdetection `SIoULoss`":
        (lambda *a: mmdetection_siou(*a, neg_gamma=False), 1e-6, "siou", TURNED),
    "MONAI `BoxGIoULoss`": (giou_plus, 2 ** -23, "giou", APART),
}
