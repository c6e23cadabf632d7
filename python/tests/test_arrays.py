# SPDX-License-Identifier: Apache-2.0
"""What may be passed as an array, and what comes back."""

import array
import ctypes
import pickle

import data
import numpy as np
import pytest
import vloss
from hypothesis import given, settings
from hypothesis import strategies as st

LABELS = [np.dtype(code) for code in 'bBhHiIlLqQ'] + [
    np.dtype(code) for code in ('>u2', '>i4', '>i8')
]


class OnlyArray:
    def __init__(self, a):
        self.a = a

    def __array__(self):
        return self.a


class OnlyDLPack:
    """DLPack 1.0; with `old`, one that does not know of versions."""

    def __init__(self, a, old=False):
        self.a, self.old = a, old

    def __dlpack__(self, **keywords):
        if self.old and keywords:
            raise TypeError('no keywords')
        return self.a.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.a.__dlpack_device__()


def equal(one, other):
    return np.array_equal(one.loss, other.loss) and np.array_equal(one.grad, other.grad)


@pytest.mark.parametrize('wrap', [OnlyArray, OnlyDLPack, lambda a: OnlyDLPack(a, True), memoryview])
@pytest.mark.parametrize('name', ['mse', 'cross_entropy', 'giou', 'dice'])
def test_protocols(name, wrap):
    shape = data.SHAPES[data.LOSSES[name].family][1]
    arrays = data.make(name, shape)
    function = getattr(vloss, name)
    assert equal(function(*map(wrap, arrays)), function(*arrays))


def test_array_of_python():
    result = vloss.mse(array.array('d', [1, 2]), array.array('d', [0, 4]))
    assert result.loss == 2.5
    assert result.grad.tolist() == [1, -2]


def test_read_only_input():
    x, t = data.make('mse', (3,))
    x.flags.writeable = False
    assert equal(vloss.mse(x, t), vloss.mse(x.copy(), t))


@pytest.mark.parametrize('dtype', LABELS, ids=str)
@pytest.mark.parametrize('strided', [False, True])
def test_labels_of_every_integer_type(dtype, strided):
    x, y = data.make('cross_entropy', (6, 5, 3))
    labels = y.astype(dtype)
    if strided:
        labels = np.repeat(labels, 2, axis=1)[:, ::2]
    assert equal(vloss.cross_entropy(x, labels), vloss.cross_entropy(x, y.astype('i8')))


@pytest.mark.parametrize('dtype', LABELS, ids=str)
def test_large_labels_of_every_integer_type(dtype):
    classes = min(np.iinfo(dtype).max, 70000) + 1
    labels = np.array([0, classes // 2, classes - 1])
    x = np.tile(-np.arange(classes, dtype='f8'), (3, 1))
    loss = vloss.nll(x, labels.astype(dtype), reduction='none').loss
    np.testing.assert_array_equal(loss, labels)


@pytest.mark.parametrize('dtype', LABELS, ids=str)
def test_bad_label_of_every_integer_type(dtype):
    x, y = data.make('cross_entropy', (4, 5))
    y[2] = 99
    with pytest.raises(IndexError, match=r'cross_entropy: target: label 99 at index 2 .*\[0, 5\)'):
        vloss.cross_entropy(x, y.astype(dtype))


def test_labels_beyond_int64():
    x, y = data.make('cross_entropy', (4, 5))
    with pytest.raises(IndexError, match=r'label \d{19} at index 0 exceeds int64'):
        vloss.cross_entropy(x, y.astype('u8') + np.uint64(2**63))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_strides(draw):
    """Any view of any array, in any byte order, gives what a copy of it in C order gives."""
    name = draw.draw(st.sampled_from(sorted(data.LOSSES)))
    shape = draw.draw(st.sampled_from(data.SHAPES[data.LOSSES[name].family]))
    dtype = draw.draw(st.sampled_from(['f4', 'f8']))
    arrays = data.make(name, shape, draw.draw(st.integers(0, 9)), dtype)

    def view(a):
        order = draw.draw(st.permutations(range(a.ndim)))
        step = st.sampled_from([1, 2, -1, -3])
        steps = draw.draw(st.lists(step, min_size=a.ndim, max_size=a.ndim))
        stored = a.dtype.newbyteorder(draw.draw(st.sampled_from('=S')))
        memory = np.zeros([a.shape[i] * abs(steps[i]) for i in order], stored)
        inverse = np.argsort(order) if a.ndim else ()
        v = memory.transpose(inverse)[tuple(slice(None, None, step) for step in steps)]
        np.copyto(v, a) if a.ndim else memory.fill(a)
        return v if a.ndim else memory

    function = getattr(vloss, name)
    assert equal(function(*map(view, arrays)), function(*arrays))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(1, 12), st.integers(0, 4), st.sampled_from(['f4', 'f8']))
def test_rows_of_any_shape(n, classes, inner, dtype):
    x, y = data.make('cross_entropy', (n, classes, inner), 1, dtype)
    loss = vloss.cross_entropy(x, y, reduction='none').loss
    assert loss.shape == (n, inner)
    rows = np.moveaxis(x, 1, -1).reshape(-1, classes)
    flat = vloss.cross_entropy(rows, y.reshape(-1), reduction='none').loss
    np.testing.assert_allclose(loss.reshape(-1), flat, rtol=1e-5 if dtype == 'f4' else 1e-13)


@pytest.mark.parametrize('name', data.LOSSES)
def test_empty(name):
    shape = data.SHAPES[data.LOSSES[name].family][1]
    arrays = [a[:0] for a in data.make(name, shape)]
    result = getattr(vloss, name)(*arrays)
    assert result.loss == 0
    assert result.grad.shape == (0, *shape[1:])
    each = getattr(vloss, name)(*arrays, reduction='none')
    assert each.loss.shape[0] == 0


def test_no_axes():
    assert vloss.mse(np.float64(3), np.array(1.0)).loss == 4
    each = vloss.mse(np.array(3.0), np.array(1.0), reduction='none')
    assert each.loss.shape == each.grad.shape == ()
    row = vloss.cross_entropy(np.zeros(4), np.array(2))
    np.testing.assert_allclose(row.loss, np.log(4))
    box = vloss.giou(np.array([0.0, 0, 1, 1]), np.array([0.0, 0, 1, 1]), reduction='none')
    assert (box.loss.shape, float(box.loss)) == ((), 0)


def test_misaligned():
    memory = np.zeros(8 * 5 + 1, 'u1')
    x = memory[1:].view('f8')
    x[:] = [1, 2, 3, 4, 5]
    assert vloss.mse(x, np.zeros(5)).loss == 11
    with pytest.raises(ValueError, match='mse: grad: must lie in C order'):
        vloss.mse(x, np.zeros(5), grad=x)


def test_given_outputs():
    x, t = data.make('mse', (3, 4))
    plain = vloss.mse(x, t, reduction='none')
    loss, grad = np.empty_like(x), np.empty_like(x)
    result = vloss.mse(x, t, reduction='none', loss=loss, grad=grad)
    assert result.loss is loss
    assert result.grad is grad
    assert equal(result, plain)
    one = np.empty(())
    assert vloss.mse(x, t, loss=one, grad=False) == (one, None)
    assert one == vloss.mse(x, t).loss
    assert vloss.mse(x, t, loss=False, reduction='none').loss is None
    in_place = vloss.mse(x, t, grad=x, reduction='none')
    assert in_place.grad is x
    assert np.array_equal(x, plain.grad)


def test_no_copy_of_inputs():
    """What is in C order is read where it lies: an output that overlaps it is found out."""
    x, t = data.make('mse', (8,))
    with pytest.raises(ValueError, match='mse: grad: '):
        vloss.mse(x[:7], t[:7], grad=x[1:])


def test_c_types_and_records():
    numbers = (ctypes.c_float * 3)(1, 2, 3)
    assert vloss.l1(numbers, np.zeros(3, 'f4')).loss == 2
    records = np.zeros(3, [('a', 'f8'), ('b', 'i1')])
    records['a'] = [1, 2, 3]
    assert vloss.l1(records['a'], np.zeros(3)).loss == 2


def test_functions_are_pickled_by_name():
    assert pickle.loads(pickle.dumps(vloss.mse)) is vloss.mse
