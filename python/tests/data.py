# SPDX-License-Identifier: Apache-2.0
"""Random arguments for any loss, away from the corners of its formula."""

import types

import numpy as np
import vloss

LOSSES = {loss.name: loss for loss in vloss.losses()}

SHAPES = {
    'elements': [(7,), (3, 4), (2, 3, 2), ()],
    'boxes': [(5, 4), (2, 3, 4), (4,)],
    'rows': [(4, 3), (2, 5, 3), (2, 3, 2, 2)],
    'overlap': [(3, 8), (2, 3, 4), (2, 2, 3, 2)],
}


def boxes(random, shape):
    """Boxes x1, y1, x2, y2 of which most pairs overlap."""
    first = random.uniform(0, 4, (*shape[:-1], 2))
    return np.concatenate([first, first + random.uniform(2, 5, first.shape)], axis=-1)


def distribution(random, shape):
    p = random.uniform(0.05, 1, shape)
    return p / p.sum(axis=1, keepdims=True)


def make_input(loss, random, shape):
    if loss.family == 'boxes':
        return boxes(random, shape)
    if loss.name == 'entropy':
        return distribution(random, shape)
    if loss.name == 'binary_cross_entropy' or loss.family == 'overlap':
        return random.uniform(0.05, 0.95, shape)
    return random.normal(0, 2, shape)


def make_target(loss, random, shape):
    if 'labels' in loss.arrays:
        return random.integers(0, shape[1], (shape[0], *shape[2:]))
    if loss.family == 'boxes':
        return boxes(random, shape)
    if loss.family == 'rows':
        return distribution(random, shape)
    if loss.name in ('hinge', 'squared_hinge'):
        return random.choice([-1.0, 1.0], shape)
    if loss.name == 'poisson_nll':
        return random.poisson(2, shape).astype(float)
    if loss.name == 'varifocal':
        return np.maximum(random.uniform(-1, 1, shape), 0)
    if loss.name in ('binary_cross_entropy', 'kl_div') or 'probability' in loss.arrays:
        return random.uniform(0.1, 0.9, shape)
    if loss.family == 'overlap':
        return np.round(random.uniform(0, 1, shape))
    return random.normal(0, 2, shape)


def make(name, shape, seed=0, dtype=np.float64):
    """The arrays of a call by position, and what the oracle calls them: float64 of them."""
    loss, random = LOSSES[name], np.random.default_rng(seed)
    arrays = [make_input(loss, random, shape)]
    if loss.arrays & {'target', 'labels'}:
        arrays.append(make_target(loss, random, shape))
    if 'variance' in loss.arrays:
        arrays.append(random.uniform(0.5, 2, shape))
    return [a.astype(dtype) if np.asarray(a).dtype.kind == 'f' else a for a in arrays]


def parameters(name, arrays, **given):
    """The parameters of a loss as the oracle wants them."""
    loss = LOSSES[name]
    p = types.SimpleNamespace(**{q.name: q.default for q in loss.parameters})
    p.class_weight = np.ones(arrays[0].shape[1] if loss.family == 'rows' else 1)
    p.positive_weight = 1.0
    p.variance = np.asarray(arrays[-1], float)
    p.at = np.asarray(arrays[0], float)
    for key, value in given.items():
        setattr(p, key.rstrip('_'), value)
    return p
