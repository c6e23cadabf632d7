# SPDX-License-Identifier: Apache-2.0
"""Wrong arguments: the exception names the loss and the argument, and nothing is written."""

import re

import data
import numpy as np
import pytest
import vloss

X = np.linspace(0.1, 0.9, 12).reshape(3, 4)
Y = np.array([0, 1, 2])


def wrong(name, *arrays, error=ValueError, at='', **options):
    return pytest.param(name, arrays, options, error, at, id=f'{name}-{at}-{len(options)}-{error}')


TABLE = [
    wrong('mse', X, error=TypeError, at='target'),
    wrong('mse', X, X, X, error=TypeError, at='positional'),
    wrong('mse', X, X, error=TypeError, at='unknown', unknown=1),
    wrong('mse', X, X, error=TypeError, at='input', input=X),
    wrong('mse', X, X[:2], at='target'),
    wrong('mse', X, X.ravel(), at='target'),
    wrong('mse', X, X.astype('f4'), error=TypeError, at='target'),
    wrong('mse', X.astype('f2'), X.astype('f2'), error=TypeError, at='input'),
    wrong('mse', X.astype('i8'), X, error=TypeError, at='input'),
    wrong('mse', X.astype('M8[s]'), X, error=TypeError, at='input'),
    wrong('mse', X.astype('g'), X, error=TypeError, at='input'),
    wrong('mse', X, X, at='grad', grad=np.empty((3, 4), '>f8')),
    wrong('mse', X.astype('c16'), X, error=TypeError, at='input'),
    wrong('mse', X.astype('O'), X, error=TypeError, at='input'),
    wrong('mse', [1.0, 2.0], X, error=TypeError, at='input'),
    wrong('mse', None, X, error=TypeError, at='input'),
    wrong('mse', 'text', X, error=TypeError, at='input'),
    wrong('mse', b'bytes', X, error=TypeError, at='input'),
    wrong('mse', X, X, at='reduction', reduction='batchmean'),
    wrong('mse', X, X, error=TypeError, at='reduction', reduction=0),
    wrong('mse', X, X, error=TypeError, at='reduction', reduction=None),
    wrong('mse', X, X, at='weight', weight=X[0]),
    wrong('mse', X, X, error=TypeError, at='weight', weight=X.astype('f4')),
    wrong('mse', X, X, error=TypeError, at='weight', weight=2.0),
    wrong('mse', X, X, at='divisor', divisor=-1.0),
    wrong('mse', X, X, at='divisor', divisor=float('nan')),
    wrong('mse', X, X, error=TypeError, at='divisor', divisor='1'),
    wrong('mse', X, X, at='divisor', divisor=10**400),
    wrong('mse', X, X, at='scale', scale=float('inf')),
    wrong('mse', X, X, at='grad_output', grad_output=10**400),
    wrong('mse', X, X, at='grad_output', grad_output=X),
    wrong('mse', X, X, error=TypeError, at='grad_output', grad_output=1.0, reduction='none'),
    wrong('mse', X, X, at='grad_output', grad_output=X[0], reduction='none'),
    wrong('mse', X, X, at='grad', grad=np.empty(12)),
    wrong('mse', X, X, at='grad', grad=np.empty((4, 3)).T),
    wrong('mse', X, X, error=TypeError, at='grad', grad=np.empty((3, 4), 'f4')),
    wrong('mse', X, X, error=TypeError, at='grad', grad=1),
    wrong('mse', X, X, at='loss', loss=np.empty(1)),
    wrong('mse', X, X, at='loss', loss=False, grad=False),
    wrong('smooth_l1', X, X, at='beta', beta=-0.5),
    wrong('smooth_l1', X, X, at='beta', beta=float('nan')),
    wrong('smooth_l1', X, X, error=TypeError, at='beta', beta=None),
    wrong('huber', X, X, at='delta', delta=0.0),
    wrong('quantile', X, X, at='tau', tau=1.0),
    wrong('kl_div', X, X, error=TypeError, at='log_target', log_target=1),
    wrong('gaussian_nll', X, X, error=TypeError, at='variance'),
    wrong('gaussian_nll', X, X, X[0], at='variance'),
    wrong('gaussian_nll', X, X, X, at='grad_variance', grad_variance=np.empty(3)),
    wrong('giou', X[:, :3], X[:, :3], at='input'),
    wrong('giou', np.array(1.0), np.array(1.0), at='input'),
    wrong('giou', X, X, at='format', format='yxyx'),
    wrong('giou', X, X, at='eps', eps=-1.0),
    wrong('cdiou', X, X, at='base', base='ciou'),
    wrong('cross_entropy', np.array(1.0), Y, at='input'),
    wrong('cross_entropy', X, Y[:2], at='target'),
    wrong('cross_entropy', X, X, at='target'),
    wrong('cross_entropy', X, Y.astype(float), error=TypeError, at='target'),
    wrong('cross_entropy', X, Y == 1, error=TypeError, at='target'),
    wrong('cross_entropy', X, Y + 2, error=IndexError, at='target'),
    wrong('cross_entropy', X, -Y, error=IndexError, at='target'),
    wrong('cross_entropy', X, Y, at='class_weight', class_weight=np.ones(3)),
    wrong('cross_entropy', X, Y, at='class_weight', class_weight=-np.ones(4)),
    wrong('cross_entropy', X, Y, at='smoothing', smoothing=1.5),
    wrong('cross_entropy', X, Y, at='ignore_index', ignore_index=2**63),
    wrong('cross_entropy', X, Y, error=TypeError, at='ignore_index', ignore_index=0.5),
    wrong('kl_div_with_logits', X, X, at='temperature', temperature=0.0),
    wrong('kl_div_with_logits', X, X, at='teacher', teacher='student'),
    wrong('dice', X, X, at='grouping', grouping='none'),
    wrong('dice', X[0], X[0], at='input', grouping='channel'),
    wrong('dice', X, X, at='smoothing', log=True, smoothing=0.0),
    wrong('dice', X, X, at='gamma', log=True, gamma=2.0),
    wrong('binary_cross_entropy_with_logits', X, X, at='positive_weight', positive_weight=X[0, :3]),
    wrong('binary_cross_entropy_with_logits', X, X, at='positive_weight', positive_weight=-X[0]),
]


@pytest.mark.parametrize(('name', 'arrays', 'options', 'error', 'at'), TABLE)
def test_wrong(name, arrays, options, error, at):
    options = {**options}
    outputs = [a for a in (options.get('loss'), options.get('grad')) if isinstance(a, np.ndarray)]
    before = [a.copy() for a in outputs]
    with pytest.raises(error) as caught:
        getattr(vloss, name)(*arrays, **options)
    assert type(caught.value) is error
    assert re.match(rf'{name}(\(\))?\b.*\b{at}\b', str(caught.value)), str(caught.value)
    for a, b in zip(outputs, before, strict=True):
        assert np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize('name', data.LOSSES)
def test_nothing_is_written_on_errors(name):
    arrays = data.make(name, data.SHAPES[data.LOSSES[name].family][1])
    grad = np.full_like(arrays[0], 7)
    with pytest.raises(ValueError, match=f'{name}: divisor: '):
        getattr(vloss, name)(*arrays, grad=grad, divisor=-1.0)
    assert (grad == 7).all()


def test_read_only_output():
    grad = np.empty_like(X)
    grad.flags.writeable = False
    with pytest.raises(ValueError, match='mse: grad: cannot be written to'):
        vloss.mse(X, X, grad=grad)


def test_exceptions_of_a_protocol_pass_through():
    class Broken:
        def __array__(self):
            raise RuntimeError('mine')

    with pytest.raises(RuntimeError, match='mine'):
        vloss.mse(Broken(), X)


def test_what_a_protocol_refuses_is_named():
    class Elsewhere:
        def __dlpack__(self, **keywords):
            raise BufferError('not on this device')

    with pytest.raises(TypeError, match='mse: target: cannot be read by DLPack') as caught:
        vloss.mse(X, Elsewhere())
    assert str(caught.value.__cause__) == 'not on this device'
    with pytest.raises(
        TypeError, match='mse: input: cannot be read by the buffer protocol'
    ) as caught:
        vloss.mse(X.astype('M8[s]'), X)
    assert isinstance(caught.value.__cause__, ValueError)


def test_tensors_that_are_not_dense_are_named():
    torch = pytest.importorskip('torch')
    x = torch.from_numpy(X)
    for other in (x.to('meta'), x.to_sparse(), x.bfloat16()):
        with pytest.raises(TypeError, match='mse: target: '):
            vloss.mse(x, other)


def test_isa_and_threads():
    for number in (0, -1, 257, 2**70):
        with pytest.raises(ValueError, match='set_num_threads: number'):
            vloss.set_num_threads(number)
    for number in ('2', 1.5, None):
        with pytest.raises(TypeError, match='set_num_threads: number'):
            vloss.set_num_threads(number)
    with pytest.raises(TypeError, match='set_isa: name'):
        vloss.set_isa(2)
    with pytest.raises(ValueError, match='set_isa: name'):
        vloss.set_isa('avx9')
    before = vloss.isa()
    vloss.set_isa('scalar')
    assert vloss.isa() == 'scalar'
    vloss.set_isa(before)
