# SPDX-License-Identifier: Apache-2.0
"""Every loss and gradient against the formulas of oracle.py."""

import data
import numpy as np
import oracle
import pytest
import vloss

# Of the library's promise (5e-7 and 1e-6 in f32, 1e-14 in f64), relative to terms larger than the
# result; the oracle itself, and its differences in f64, are not better than these.
LOSS_TOLERANCE = {'f4': 2e-6, 'f8': 2e-13}
GRAD_TOLERANCE = {'f4': 4e-6, 'f8': 1e-8}

# Parameters other than the defaults: every one of the registry at least once.
OTHERS = [
    ('smooth_l1', {'beta': 0.5}),
    ('smooth_l1', {'beta': 0.0}),
    ('charbonnier', {'epsilon': 0.5}),
    ('huber', {'delta': 2.5}),
    ('quantile', {'tau': 0.9}),
    ('kl_div', {'log_target': True}),
    ('poisson_nll', {'full': True}),
    ('poisson_nll', {'log_input': False, 'eps': 8.0, 'full': True}),
    ('gaussian_nll', {'full': True, 'eps': 1.0}),
    ('focal', {'alpha': -1.0, 'gamma': 1.5}),
    ('focal', {'alpha': 0.6, 'gamma': 0.0}),
    ('quality_focal', {'beta': 1.5}),
    ('varifocal', {'alpha': 0.5, 'gamma': 1.0}),
    ('giou', {'eps': 0.5}),
    ('iou', {'form': 'log', 'floor': 1e-3}),
    ('iou', {'form': 'square'}),
    ('ciou', {'alpha_gate': True}),
    ('focal_eiou', {'gamma': 1.5}),
    ('focal_eiou', {'normalize': True}),
    ('cdiou', {'base': 'giou', 'lambda_': 0.25}),
    ('siou', {'theta': 2.0}),
    ('alpha_iou', {'base': 'ciou', 'alpha': 2.0}),
    ('alpha_iou', {'base': 'diou', 'alpha': 2.5}),
    ('alpha_iou', {'base': 'giou', 'alpha': 1.5}),
    ('cross_entropy', {'smoothing': 0.2, 'ignore_index': 1}),
    ('focal_softmax', {'gamma': 0.5, 'ignore_index': 0}),
    ('nll', {'ignore_index': 2}),
    ('cross_entropy_soft', {'smoothing': 0.3}),
    ('kl_div_with_logits', {'teacher': 'logits', 'temperature': 3.0, 'squared': True}),
    ('js_div_with_logits', {'teacher': 'logits', 'temperature': 0.5}),
    ('js_div_with_logits', {'squared': True, 'temperature': 2.0}),
    ('dice', {'squared': True, 'activation': 'sigmoid', 'smoothing': 1.0}),
    ('dice', {'log': True, 'grouping': 'batch'}),
    ('dice', {'gamma': 2.0, 'grouping': 'image_channel', 'activation': 'softmax'}),
    ('tversky', {'alpha': 0.2, 'beta': 0.9, 'grouping': 'channel'}),
    ('tversky', {'log': True, 'gamma': 1.0}),
    ('jaccard', {'log': True, 'activation': 'sigmoid'}),
    ('jaccard', {'gamma': 1.5, 'smoothing': 0.1}),
    ('focal_tversky', {'alpha': 0.4, 'beta': 0.6, 'gamma': 0.75}),
] + [(name, {'format': f}) for name in ('giou', 'ciou') for f in ('xywh', 'cxcywh')]


def reduce(name, losses, arrays, p, reduction):
    if reduction == 'none':
        return losses
    total = losses.sum()
    if reduction == 'sum':
        return total
    target = arrays[1] if len(arrays) > 1 else None
    return total / oracle.mean_denominator(name, p.at, target, p, losses.size)


def expected(name, arrays, options, reduction, **more):
    """The loss, and the gradient of its sum, by the oracle in float64."""
    exact = [a.astype(float) if a.dtype.kind == 'f' else a for a in map(np.asarray, arrays)]
    p = data.parameters(name, exact, **options, **more)
    target = exact[1] if len(exact) > 1 else None

    def value(x):
        return reduce(name, oracle.FORMULAS[name](x, target, p), exact, p, reduction)

    return value(exact[0]), oracle.gradient(lambda x: value(x).sum(), exact[0])


def assert_close(got, want, tolerance):
    got, want = np.asarray(got, float), np.asarray(want, float)
    assert got.shape == want.shape
    scale = max(1.0, abs(want).max(initial=0))
    assert abs(got - want).max(initial=0) <= tolerance * scale


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
@pytest.mark.parametrize('reduction', ['mean', 'sum', 'none'])
@pytest.mark.parametrize(
    ('name', 'options'), [(name, {}) for name in data.LOSSES] + OTHERS, ids=lambda v: str(v)
)
def test_formula(name, options, reduction, dtype):
    for seed, shape in enumerate(data.SHAPES[data.LOSSES[name].family]):
        arrays = data.make(name, shape, seed, dtype)
        result = getattr(vloss, name)(*arrays, reduction=reduction, **options)
        loss, grad = expected(name, arrays, options, reduction)
        assert_close(result.loss, loss, LOSS_TOLERANCE[dtype])
        assert_close(result.grad, grad, GRAD_TOLERANCE[dtype])
        assert result.grad.dtype == np.dtype(dtype)


def test_every_parameter_is_tested():
    default = {(loss.name, p.name) for loss in data.LOSSES.values() for p in loss.parameters}
    other = {(name, key.rstrip('_')) for name, options in OTHERS for key in options}
    families = {name: data.LOSSES[name].family for name, _ in default}
    by_family = {(families[name], parameter) for name, parameter in other}
    assert not {(n, p) for n, p in default if (families[n], p) not in by_family}


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
def test_variance(dtype):
    x, t, v = data.make('gaussian_nll', (3, 4), 5, dtype)
    result = vloss.gaussian_nll(x, t, v, reduction='sum')

    def value(variance):
        p = data.parameters('gaussian_nll', [x, t, variance], variance=variance)
        return oracle.gaussian_nll(x.astype(float), t.astype(float), p).sum()

    grad = oracle.gradient(value, v.astype(float))
    assert_close(result.grad_variance, grad, GRAD_TOLERANCE[dtype])


@pytest.mark.parametrize('name', ['cross_entropy', 'focal_softmax', 'nll', 'cross_entropy_soft'])
@pytest.mark.parametrize('reduction', ['mean', 'sum', 'none'])
def test_class_weight(name, reduction):
    arrays = data.make(name, (4, 3, 2), 7)
    weight = np.array([0.5, 2.0, 0.0])
    result = getattr(vloss, name)(*arrays, class_weight=weight, reduction=reduction)
    loss, grad = expected(name, arrays, {}, reduction, class_weight=weight)
    assert_close(result.loss, loss, LOSS_TOLERANCE['f8'])
    assert_close(result.grad, grad, GRAD_TOLERANCE['f8'])


@pytest.mark.parametrize('shape', [(), (1,), (4,), (3, 1), (1, 3, 1), (3, 4), (2, 3, 4), (2, 1, 1)])
def test_positive_weight(shape):
    x, t = data.make('binary_cross_entropy_with_logits', (2, 3, 4), 3)
    weight = np.random.default_rng(1).uniform(0.5, 3, shape)
    result = vloss.binary_cross_entropy_with_logits(x, t, positive_weight=weight)
    loss, grad = expected(
        'binary_cross_entropy_with_logits', [x, t], {}, 'mean', positive_weight=weight
    )
    assert_close(result.loss, loss, LOSS_TOLERANCE['f8'])
    assert_close(result.grad, grad, GRAD_TOLERANCE['f8'])


@pytest.mark.parametrize('name', data.LOSSES)
def test_factors(name):
    """weight, scale, divisor and grad_output multiply as they say."""
    arrays = data.make(name, data.SHAPES[data.LOSSES[name].family][1], 11)
    function = getattr(vloss, name)
    plain = function(*arrays, reduction='none')
    random = np.random.default_rng(2)
    weight, upstream = random.uniform(0.5, 2, (2, *plain.loss.shape))
    each = function(*arrays, reduction='none', weight=weight, grad_output=upstream, scale=0.5)
    np.testing.assert_allclose(each.loss, plain.loss * weight / 2, rtol=1e-13)
    whole = function(*arrays, weight=weight, divisor=3.0, grad_output=2.0, scale=0.5)
    np.testing.assert_allclose(whole.loss, (plain.loss * weight).sum() / 6, rtol=1e-13)
    summed = function(*arrays, reduction='sum', weight=weight)
    np.testing.assert_allclose(whole.grad, summed.grad / 3, rtol=1e-12, atol=1e-300)
    rest = function(*arrays, reduction='none', weight=weight * upstream / 2)
    np.testing.assert_allclose(each.grad, rest.grad, rtol=1e-12, atol=1e-300)
