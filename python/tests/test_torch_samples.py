# SPDX-License-Identifier: Apache-2.0
"""PyTorch's own samples of arguments for its losses, given to its function and to vloss's."""

import functools

import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed: its samples are not tested')
import vloss.torch.functional as V  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from vloss.torch import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings('ignore')

DTYPES = [torch.float32, torch.float64]
# Of the largest number: where PyTorch's own rounding is in sums of numbers of both signs.
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


@functools.cache
def operators():
    """PyTorch's descriptions of the functions that vloss offers; private, so they may move."""
    database = pytest.importorskip('torch.testing._internal.common_methods_invocations').op_db
    found = {entry.name.removeprefix('nn.functional.'): entry for entry in database}
    return {name: found[name] for name in V.__all__}


@functools.cache
def modules():
    database = pytest.importorskip('torch.testing._internal.common_modules').module_db
    found = {entry.module_cls.__name__: entry for entry in database}
    return {name: found[name] for name in nn.__all__ if hasattr(torch.nn, name)}


def test_all_are_described():
    assert set(operators()) == set(V.__all__)
    assert len(modules()) == 11


@pytest.fixture
def left(monkeypatch):
    """The names of functions that were left to PyTorch."""
    names = []

    def note(name, original):
        return lambda *a, **k: (names.append(name), original(*a, **k))[1]

    for name, original in V.ORIGINALS.items():
        monkeypatch.setitem(V.ORIGINALS, name, note(name, original))
    return names


def leaf(a, differentiated):
    if not isinstance(a, torch.Tensor):
        return a
    return a.detach().clone().requires_grad_(a.requires_grad and differentiated)


def outcome(function, arguments, options, differentiated):
    """The loss and the gradients of the tensors, or the error."""
    arguments = [leaf(a, i in differentiated) for i, a in enumerate(arguments)]
    options = {key: leaf(a, key in differentiated) for key, a in options.items()}
    loss = function(*arguments, **options)
    if loss.requires_grad:
        upstream = torch.linspace(0.5, 1.5, loss.numel(), dtype=loss.dtype)
        loss.backward(upstream.reshape(loss.shape))
    tensors = [a for a in (*arguments, *options.values()) if isinstance(a, torch.Tensor)]
    return [loss.detach(), *(a.grad for a in tensors)]


def assert_same(got, want):
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert (a is None) == (b is None)
        if b is not None and b.numel() > 0:
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            finite = b[b.isfinite()]
            scale = finite.abs().max().item() if finite.numel() else 0.0
            tolerance = TOLERANCE[b.dtype]
            torch.testing.assert_close(
                a, b, rtol=tolerance, atol=tolerance * max(1, scale), equal_nan=True
            )


def is_nothing(want, got):
    """The mean of nothing."""
    return want.dim() == 0 and bool(want.isnan()) and got == 0


def compare(theirs, ours, arguments, options, differentiated):
    want = outcome(theirs, arguments, options, differentiated)
    got = outcome(ours, arguments, options, differentiated)
    if not is_nothing(want[0], got[0]):
        assert_same(got, want)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('name', V.__all__)
def test_functions(name, dtype):
    """With all gradients that a sample asks for, many of which are PyTorch's, and with the input's.

    Samples of nothing to take the mean of are what docs/python.md says.
    """
    count = 0
    for sample in operators()[name].sample_inputs('cpu', dtype, requires_grad=True):
        arguments, options = [sample.input, *sample.args], sample.kwargs
        for differentiated in ([*range(9), *options], [0]):
            compare(getattr(F, name), getattr(V, name), arguments, options, differentiated)
            count += 1
    assert count > 0


def is_documented(sample):
    """Whether a sample broadcasts, or has weights that vloss refuses."""
    arrays = [a for a in sample.args if isinstance(a, torch.Tensor) and a.is_floating_point()]
    weight = sample.kwargs.get('weight')
    return any(a.shape != sample.input.shape for a in arrays) or (
        weight is not None and bool((weight < 0).any())
    )


@pytest.mark.parametrize('name', V.__all__)
def test_what_is_left_to_pytorch(name, left):
    """Of the samples, with the input alone to be differentiated."""
    for sample in operators()[name].sample_inputs('cpu', torch.float32, requires_grad=True):
        left.clear()
        outcome(getattr(V, name), [sample.input, *sample.args], sample.kwargs, [0])
        assert not left or is_documented(sample), sample


@pytest.mark.parametrize('name', V.__all__)
def test_errors(name):
    """What PyTorch refuses is refused. It has RuntimeError where vloss has ValueError."""
    if operators()[name].error_inputs_func is None:
        pytest.skip('PyTorch has no samples of wrong arguments')
    for wrong in operators()[name].error_inputs('cpu'):
        sample = wrong.sample_input
        with pytest.raises(Exception):  # noqa: B017
            getattr(F, name)(sample.input, *sample.args, **sample.kwargs)
        with pytest.raises((wrong.error_type, ValueError)):
            getattr(V, name)(sample.input, *sample.args, **sample.kwargs)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('name', [name for name in nn.__all__ if hasattr(torch.nn, name)])
def test_modules(name, dtype):
    entry, count = modules()[name], 0
    for sample in entry.module_inputs_func(entry, 'cpu', dtype, requires_grad=True, training=True):
        made, given = sample.constructor_input, sample.forward_input
        theirs = getattr(torch.nn, name)(*made.args, **made.kwargs).to(dtype)
        ours = getattr(nn, name)(*made.args, **made.kwargs).to(dtype)
        arguments = given.args
        if name == 'KLDivLoss':  # NaN, and targets that are no probabilities: docs/python.md
            arguments = [a.nan_to_num().clamp(0, 1) for a in arguments]
        compare(theirs, ours, arguments, given.kwargs, [0, *given.kwargs])
        count += 1
    assert count > 0
