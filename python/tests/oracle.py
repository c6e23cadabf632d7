# SPDX-License-Identifier: Apache-2.0
"""The losses as formulas on float64 arrays of NumPy, one loss per sample: slow and plain.

Each takes the input, the target (labels, or None) and the parameters as an object `p` with all of
their defaults. What a loss calls constant in its gradient is taken at `p.at`, an input like the
first, so that differences of a formula are the gradient that the loss promises.
"""

import math

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softplus(z):
    return np.logaddexp(0, z)


def xlogy(x, y):
    return np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, y)))


def log_softmax(z):
    top = z.max(axis=1, keepdims=True)
    return z - top - np.log(np.exp(z - top).sum(axis=1, keepdims=True))


def smooth_l1(x, t, p):
    d = abs(x - t)
    return np.where(d < p.beta, d * d / 2 / max(p.beta, 1e-300), d - p.beta / 2)


def huber(x, t, p):
    d = abs(x - t)
    return np.where(d <= p.delta, d * d / 2, p.delta * (d - p.delta / 2))


def bce(x, t, p):
    return -t * np.maximum(np.log(x), -100) - (1 - t) * np.maximum(np.log1p(-x), -100)


def bce_with_logits(x, t, p):
    return (1 - t) * softplus(x) + p.positive_weight * t * softplus(-x)


def kl_div(x, t, p):
    return np.exp(t) * (t - x) if p.log_target else xlogy(t, t) - t * x


def poisson_nll(x, t, p):
    loss = np.exp(x) - t * x if p.log_input else x - t * np.log(x + p.eps)
    stirling = xlogy(t, t) - t + np.log(2 * math.pi * np.maximum(t, 1)) / 2
    return loss + p.full * np.where(t > 1, stirling, 0)


def gaussian_nll(x, t, p):
    v = np.maximum(p.variance, p.eps)
    return (np.log(v) + (x - t) ** 2 / v) / 2 + p.full * math.log(2 * math.pi) / 2


def focal(x, t, p):
    s = sigmoid(x)
    u = (1 - t) * s + t * (1 - s)
    w = p.alpha * t + (1 - p.alpha) * (1 - t) if p.alpha >= 0 else 1
    return w * u**p.gamma * (softplus(x) - t * x)


def quality_focal(x, t, p):
    return abs(sigmoid(x) - t) ** p.beta * (softplus(x) - t * x)


def varifocal(x, t, p):
    background = p.alpha * sigmoid(x) ** p.gamma * softplus(x)
    return np.where(t > 0, t * (softplus(x) - t * x), background)


def corners(b, p):
    """x1, y1, x2, y2 of boxes in any format."""
    first, second = b[..., :2], b[..., 2:]
    if p.format == 'xywh':
        second = first + second
    if p.format == 'cxcywh':
        first, second = first - second / 2, first + second / 2
    return *np.moveaxis(first, -1, 0), *np.moveaxis(second, -1, 0)


class Pair:
    """What the box losses are made of."""

    def __init__(self, x, t, p):
        x1, y1, x2, y2 = corners(x, p)
        a1, b1, a2, b2 = corners(t, p)
        self.w, self.h, self.tw, self.th = x2 - x1, y2 - y1, a2 - a1, b2 - b1
        width = np.maximum(np.minimum(x2, a2) - np.maximum(x1, a1), 0)
        height = np.maximum(np.minimum(y2, b2) - np.maximum(y1, b1), 0)
        union = self.w * self.h + self.tw * self.th - width * height
        self.iou = width * height / (union + p.eps)
        self.cw = np.maximum(x2, a2) - np.minimum(x1, a1)
        self.ch = np.maximum(y2, b2) - np.minimum(y1, b1)
        self.dx, self.dy = (x1 + x2 - a1 - a2) / 2, (y1 + y2 - b1 - b2) / 2
        area = self.cw * self.ch
        self.q = (area - union) / (area + p.eps)
        self.r = (self.dx**2 + self.dy**2) / (self.cw**2 + self.ch**2 + p.eps)
        self.v = 4 / math.pi**2 * (np.arctan2(self.tw, self.th) - np.arctan2(self.w, self.h)) ** 2
        self.alpha = self.v / (1 - self.iou + self.v)
        self.corners = sum(
            np.hypot(x - a, y - b) for x, a in ((x1, a1), (x2, a2)) for y, b in ((y1, b1), (y2, b2))
        )


def iou(x, t, p):
    i = Pair(x, t, p).iou
    return {'linear': 1 - i, 'log': -np.log(np.maximum(i, p.floor)), 'square': 1 - i * i}[p.form]


def giou(x, t, p):
    b = Pair(x, t, p)
    return 1 - b.iou + b.q


def diou(x, t, p):
    b = Pair(x, t, p)
    return 1 - b.iou + b.r


def ciou(x, t, p):
    b, at = Pair(x, t, p), Pair(p.at, t, p)
    alpha = np.where(at.iou > 0.5, at.alpha, 0) if p.alpha_gate else at.alpha
    return 1 - b.iou + b.r + alpha * b.v


def eiou(x, t, p):
    b = Pair(x, t, p)
    extents = (b.w - b.tw) ** 2 / (b.cw**2 + p.eps) + (b.h - b.th) ** 2 / (b.ch**2 + p.eps)
    return 1 - b.iou + b.r + extents


def focal_eiou(x, t, p):
    return Pair(p.at, t, p).iou ** p.gamma * eiou(x, t, p)


def cdiou(x, t, p):
    b = Pair(x, t, p)
    base = 1 - b.iou + (b.q if p.base == 'giou' else 0)
    return base + getattr(p, 'lambda') * b.corners / 4 / np.hypot(b.cw, b.ch)


def siou(x, t, p):
    b = Pair(x, t, p)
    g = 2 - 2 * abs(b.dx * b.dy) / (b.dx**2 + b.dy**2)
    delta = 2 - np.exp(-g * (b.dx / b.cw) ** 2) - np.exp(-g * (b.dy / b.ch) ** 2)
    omega = sum(
        (1 - np.exp(-abs(a - c) / np.maximum(a, c))) ** p.theta
        for a, c in ((b.w, b.tw), (b.h, b.th))
    )
    return 1 - b.iou + (delta + omega) / 2


def alpha_iou(x, t, p):
    b, at = Pair(x, t, p), Pair(p.at, t, p)
    loss = 1 - b.iou**p.alpha
    if p.base == 'giou':
        loss = loss + b.q**p.alpha
    if p.base in ('diou', 'ciou'):
        loss = loss + b.r**p.alpha
    if p.base == 'ciou':
        loss = loss + (at.alpha * b.v) ** p.alpha
    return loss


def picked(table, labels):
    """The entry of each row's label, 0 for ignored ones."""
    return np.take_along_axis(table, np.expand_dims(np.maximum(labels, 0), 1), 1).squeeze(1)


def class_weights(x, p):
    shape = [1, -1] + [1] * (x.ndim - 2)
    return np.broadcast_to(np.reshape(p.class_weight, shape), x.shape)


def kept(t, p):
    return t != p.ignore_index


def cross_entropy(x, t, p):
    y, terms = np.where(kept(t, p), t, 0), -class_weights(x, p) * log_softmax(x)
    loss = (1 - p.smoothing) * picked(terms, y) + p.smoothing / x.shape[1] * terms.sum(axis=1)
    return loss * kept(t, p)


def focal_softmax(x, t, p):
    y, log_p = np.where(kept(t, p), t, 0), log_softmax(x)
    log_p, a = picked(log_p, y), picked(class_weights(x, p), y)
    return -a * (1 - np.exp(log_p)) ** p.gamma * log_p * kept(t, p)


def nll(x, t, p):
    y = np.where(kept(t, p), t, 0)
    return -picked(class_weights(x, p), y) * picked(x, y) * kept(t, p)


def cross_entropy_soft(x, t, p):
    q = ((1 - p.smoothing) * t + p.smoothing / x.shape[1]) * class_weights(x, p)
    return -(q * log_softmax(x)).sum(axis=1)


def teacher(t, p):
    return np.exp(log_softmax(t / p.temperature)) if p.teacher == 'logits' else t


def kl_div_with_logits(x, t, p):
    q, log_p = teacher(t, p), log_softmax(x / p.temperature)
    loss = (xlogy(q, q) - q * log_p).sum(axis=1)
    return loss * (p.temperature**2 if p.squared else 1)


def js_div_with_logits(x, t, p):
    t, q = teacher(t, p), np.exp(log_softmax(x / p.temperature))
    m = (t + q) / 2
    loss = (xlogy(t, t / m) + xlogy(q, q / m)).sum(axis=1) / 2
    return loss * (p.temperature**2 if p.squared else 1)


def entropy(x, t, p):
    return -xlogy(x, x).sum(axis=1)


def entropy_with_logits(x, t, p):
    return entropy(np.exp(log_softmax(x)), t, p)


def grouped(a, p):
    """An array with the samples first and their elements second."""
    if p.grouping == 'image':
        return a.reshape(a.shape[0], -1)
    if p.grouping == 'image_channel':
        return a.reshape(a.shape[0] * a.shape[1], -1)
    if p.grouping == 'channel':
        return np.moveaxis(a, 1, 0).reshape(a.shape[1], -1)
    return a.reshape(1, -1)


def index_loss(x, t, p, index):
    x = {'identity': lambda: x, 'sigmoid': lambda: sigmoid(x)}.get(
        p.activation, lambda: np.exp(log_softmax(x))
    )()
    value = index(grouped(x, p), grouped(t, p))
    loss = -np.log(value) if getattr(p, 'log', False) else np.maximum(1 - value, 0) ** p.gamma
    if p.grouping == 'image_channel':
        return loss.reshape(t.shape[:2])
    return loss.reshape(()) if p.grouping == 'batch' else loss


def dice(x, t, p):
    power = 2 if p.squared else 1

    def index(a, b):
        sums = (a**power).sum(1) + (b**power).sum(1)
        return (2 * (a * b).sum(1) + p.smoothing) / (sums + p.smoothing)

    return index_loss(x, t, p, index)


def tversky(x, t, p, alpha=None, beta=None):
    alpha, beta = p.alpha if alpha is None else alpha, p.beta if beta is None else beta

    def index(a, b):
        i = (a * b).sum(1)
        wrong = alpha * (a.sum(1) - i) + beta * (b.sum(1) - i)
        return (i + p.smoothing) / (i + wrong + p.smoothing)

    return index_loss(x, t, p, index)


FORMULAS = {
    'l1': lambda x, t, p: abs(x - t),
    'mse': lambda x, t, p: (x - t) ** 2,
    'log_cosh': lambda x, t, p: np.log(np.cosh(x - t)),
    'charbonnier': lambda x, t, p: np.hypot(x - t, p.epsilon),
    'quantile': lambda x, t, p: np.maximum(p.tau * (t - x), (p.tau - 1) * (t - x)),
    'hinge': lambda x, t, p: np.maximum(0, 1 - t * x),
    'squared_hinge': lambda x, t, p: np.maximum(0, 1 - t * x) ** 2,
    'binary_cross_entropy': bce,
    'binary_cross_entropy_with_logits': bce_with_logits,
    'binary_entropy_with_logits': lambda x, t, p: softplus(x) - x * sigmoid(x),
    'jaccard': lambda x, t, p: tversky(x, t, p, 1, 1),
    'focal_tversky': tversky,
} | {
    f.__name__: f
    for f in (
        smooth_l1, huber, kl_div, poisson_nll, gaussian_nll, focal, quality_focal, varifocal,
        iou, giou, diou, ciou, eiou, focal_eiou, cdiou, siou, alpha_iou,
        cross_entropy, focal_softmax, nll, cross_entropy_soft, kl_div_with_logits,
        js_div_with_logits, entropy, entropy_with_logits, dice, tversky,
    )
}  # fmt: skip


def mean_denominator(name, x, t, p, samples):
    """What the mean divides the sum of the losses by."""
    if name in ('cross_entropy', 'nll'):
        weights = picked(class_weights(x, p), np.where(kept(t, p), t, 0))
        return (weights * kept(t, p)).sum()
    if name == 'focal_softmax':
        return kept(t, p).sum()
    if name == 'focal_eiou' and p.normalize:
        return (Pair(p.at, t, p).iou ** p.gamma).sum()
    return samples


def gradient(function, x, step=1e-5):
    """The gradient of a function of an array by central differences of fourth order."""
    grad = np.empty_like(x)
    for i in np.ndindex(x.shape):
        h = step * max(1, abs(x[i]))
        moved = []
        for k in (1, -1, 2, -2):
            y = x.copy()
            y[i] += k * h
            moved.append(function(y))
        grad[i] = (8 * (moved[0] - moved[1]) - (moved[2] - moved[3])) / (12 * h)
    return grad
