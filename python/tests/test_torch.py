# SPDX-License-Identifier: Apache-2.0
"""vloss.torch against PyTorch's own functions, eager."""

import copy
import doctest
import inspect
import itertools

import data
import numpy as np
import pytest
import vloss

torch = pytest.importorskip('torch', reason='PyTorch is not installed: vloss.torch is not tested')
import vloss.torch  # noqa: E402
import vloss.torch.functional as V  # noqa: E402
from torch.nn import functional as F  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")

REDUCTIONS = ['mean', 'sum', 'none']
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


def cases():
    """(name, arguments, options) of functional, with everything that PyTorch offers."""
    g = torch.Generator().manual_seed(0)

    def n(*shape):
        return torch.randn(shape, generator=g, dtype=torch.float64)

    def u(*shape):
        return torch.rand(shape, generator=g, dtype=torch.float64) * 0.9 + 0.05

    def labels(classes, *shape):
        return torch.randint(0, classes, shape, generator=g)

    for shape in [(), (5,), (3, 4), (2, 3, 4, 2)]:
        for name in ('mse_loss', 'l1_loss', 'smooth_l1_loss', 'huber_loss'):
            yield name, (n(*shape), n(*shape)), {}
        yield 'binary_cross_entropy', (u(*shape), u(*shape)), {}
        yield 'binary_cross_entropy_with_logits', (n(*shape), u(*shape)), {}
        yield 'poisson_nll_loss', (n(*shape), u(*shape) * 5), {'full': True}
        yield 'kl_div', (n(*shape), u(*shape)), {}
        yield 'kl_div', (n(*shape), n(*shape)), {'log_target': True}
    for name in ('mse_loss', 'l1_loss', 'huber_loss', 'binary_cross_entropy'):
        yield name, (u(3, 4), u(3, 4)), {'weight': u(3, 4)}
    yield 'binary_cross_entropy', (u(3, 4), u(3, 4)), {'weight': u(4)}
    yield 'smooth_l1_loss', (n(9), n(9)), {'beta': 0.3}
    yield 'huber_loss', (n(9), n(9)), {'delta': 0.3}
    yield 'poisson_nll_loss', (u(9), u(9) * 3), {'log_input': False, 'eps': 1e-3}
    for shape in [(4,), (3, 1), (1, 1), (), (2, 3, 4)]:
        options = {'pos_weight': u(*shape) * 3}
        yield 'binary_cross_entropy_with_logits', (n(2, 3, 4), u(2, 3, 4)), options
    yield 'binary_cross_entropy_with_logits', (n(3, 4), u(3, 4)), {'weight': u(3, 1)}
    yield 'gaussian_nll_loss', (n(3, 4), n(3, 4), u(3, 4)), {'full': True}
    yield 'gaussian_nll_loss', (n(3, 4), n(3, 4), u(3, 1)), {}
    yield 'gaussian_nll_loss', (n(3, 4), n(3, 4), u(3)), {'eps': 0.5}
    yield 'gaussian_nll_loss', (n(3, 4), n(3, 4), 0.5), {}
    for x, y in [
        (n(5), torch.tensor(3)),
        (n(6, 5), labels(5, 6)),
        (n(2, 5, 3), labels(5, 2, 3)),
        (n(2, 5, 3, 2), labels(5, 2, 3, 2)),
    ]:
        for weight, ignore in itertools.product([None, u(5)], [-100, 1]):
            options = {'weight': weight, 'ignore_index': ignore}
            yield 'nll_loss', (x, y), options
            yield 'cross_entropy', (x, y), options
            yield 'cross_entropy', (x, y), {**options, 'label_smoothing': 0.2}
    for shape in [(5,), (6, 5), (2, 5, 3)]:
        q = torch.softmax(n(*shape), -1 if len(shape) == 1 else 1)
        yield 'cross_entropy', (n(*shape), q), {'weight': u(5), 'label_smoothing': 0.1}
        yield 'cross_entropy', (n(*shape), q), {}


CASES = list(cases())


def cast(value, dtype):
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.to(dtype)
    return value


def outcome(function, arguments, options, upstream=None):
    """The loss and the gradients of all arguments that have one."""
    arguments = [
        a.detach().clone().requires_grad_() if isinstance(a, torch.Tensor) and i in (0, 2) else a
        for i, a in enumerate(arguments)
    ]
    loss = function(*arguments, **options)
    loss.backward(torch.ones_like(loss) if upstream is None else upstream)
    grads = [a.grad for a in arguments if isinstance(a, torch.Tensor) and a.requires_grad]
    return [loss.detach(), *grads]


def assert_equal(got, want, tolerance):
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance * 10)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('reduction', REDUCTIONS)
@pytest.mark.parametrize('case', range(len(CASES)), ids=lambda i: f'{CASES[i][0]}-{i}')
def test_functional(case, reduction, dtype):
    name, arguments, options = CASES[case]
    arguments = [cast(a, dtype) for a in arguments]
    options = {key: cast(value, dtype) for key, value in options.items()}
    options['reduction'] = reduction
    want = outcome(getattr(F, name), arguments, options)
    # what broadcasts is PyTorch's, and may not be asked for without it
    got = outcome(getattr(V, name), arguments, options)
    assert_equal(got, want, TOLERANCE[dtype])
    upstream = torch.linspace(0.5, 2, max(1, want[0].numel()), dtype=dtype).reshape(want[0].shape)
    got = outcome(getattr(V, name), arguments, options, upstream)
    want = outcome(getattr(F, name), arguments, options, upstream)
    assert_equal(got, want, TOLERANCE[dtype])


def test_no_case_falls_back(monkeypatch):
    """Of the cases above only those of a variance that broadcasts are left to PyTorch."""

    def fallback(*arguments, **options):
        raise AssertionError('fell back')

    for name in V.__all__:
        monkeypatch.setitem(V.ORIGINALS, name, fallback)
    for name, arguments, options in CASES:
        broadcasts = name == 'gaussian_nll_loss' and (
            not isinstance(arguments[2], torch.Tensor) or arguments[2].shape != arguments[0].shape
        )
        if not broadcasts:
            getattr(V, name)(*arguments, **options)


def test_batchmean():
    x, t = torch.randn(3, 4).log_softmax(1), torch.rand(3, 4)
    got = outcome(V.kl_div, [x, t], {'reduction': 'batchmean'})
    assert_equal(got, outcome(F.kl_div, [x, t], {'reduction': 'batchmean'}), 1e-6)


def test_signatures():
    for name in V.__all__:
        want = inspect.signature(getattr(F, name)).parameters
        got = dict(inspect.signature(getattr(V, name)).parameters)
        assert got.pop('fallback').kind is inspect.Parameter.KEYWORD_ONLY
        assert list(got) == list(want)
        for key, p in got.items():
            assert (p.kind, p.default) == (want[key].kind, want[key].default), (name, key)


@pytest.mark.filterwarnings('ignore:size_average and reduce')
def test_size_average_and_reduce():
    x, t = torch.randn(2, 5), torch.randn(5)
    for average, reduce in itertools.product([None, True, False], repeat=2):
        want = F.mse_loss(x, x + 1, average, reduce)
        assert torch.allclose(V.mse_loss(x, x + 1, average, reduce), want)
    with pytest.warns(UserWarning, match='broadcasting'):
        assert torch.equal(V.mse_loss(x, t), F.mse_loss(x, t))


@pytest.mark.parametrize('name', ['mse_loss', 'l1_loss', 'smooth_l1_loss', 'huber_loss'])
@pytest.mark.parametrize('reduction', REDUCTIONS)
@pytest.mark.parametrize('wanted', [(0, 1), (1, 0), (1, 1)])
def test_gradient_of_the_target(name, reduction, wanted):
    grads = []
    for module in (F, V):
        x, t = (torch.linspace(-2, 2, 9).roll(k) for k in range(2))
        x.requires_grad_(bool(wanted[0]))
        t.requires_grad_(bool(wanted[1]))
        getattr(module, name)(x, t, reduction=reduction).sum().backward()
        grads.append([a.grad for a in (x, t) if a.requires_grad])
    assert_equal(*grads, 1e-6)


@pytest.mark.parametrize(
    ('name', 'make'),
    [
        ('binary_cross_entropy', lambda: (torch.rand(4), torch.rand(4))),
        ('binary_cross_entropy_with_logits', lambda: (torch.randn(4), torch.rand(4))),
        ('kl_div', lambda: (torch.randn(4), torch.rand(4))),
        ('poisson_nll_loss', lambda: (torch.randn(4), torch.rand(4))),
        ('cross_entropy', lambda: (torch.randn(3, 4), torch.rand(3, 4))),
    ],
)
def test_targets_that_only_pytorch_differentiates(name, make):
    x, t = make()
    x, t = x.requires_grad_(), t.requires_grad_()
    getattr(V, name)(x, t).backward()
    got = t.grad.clone()
    t.grad = None
    getattr(F, name)(x, t).backward()
    assert torch.equal(got, t.grad)
    with pytest.raises(NotImplementedError, match=': target: '):
        getattr(V, name)(x, t, fallback=False)


@pytest.mark.parametrize(
    'name', ['giou', 'diou', 'ciou', 'eiou', 'siou', 'iou', 'cdiou', 'alpha_iou']
)
@pytest.mark.parametrize('reduction', REDUCTIONS)
def test_boxes_are_exchangeable(name, reduction):
    a, b = (torch.from_numpy(x).requires_grad_() for x in data.make(name, (6, 4)))
    function = getattr(vloss.torch.losses, name)
    function(a, b, reduction=reduction).sum().backward()
    want = getattr(vloss, name)(b.detach(), a.detach(), reduction=reduction).grad
    np.testing.assert_array_equal(b.grad, want)


@pytest.mark.parametrize('name', data.LOSSES)
@pytest.mark.parametrize('reduction', REDUCTIONS)
def test_losses_have_the_bits_of_the_library(name, reduction):
    for dtype in ('f4', 'f8'):
        arrays = data.make(name, data.SHAPES[data.LOSSES[name].family][1], 4, dtype)
        want = getattr(vloss, name)(*arrays, reduction=reduction)
        tensors = [torch.from_numpy(np.asarray(a)) for a in arrays]
        tensors[0].requires_grad_()
        loss = getattr(vloss.torch.losses, name)(*tensors, reduction=reduction)
        loss.backward(torch.ones_like(loss))
        assert loss.detach().numpy().tobytes() == np.asarray(want.loss, dtype).tobytes()
        assert tensors[0].grad.numpy().tobytes() == want.grad.tobytes()


# Kinks, constants in the gradient and labels are not for differences.
SMOOTH = [
    name for name in data.LOSSES if name not in ('ciou', 'focal_eiou', 'l1', 'hinge', 'quantile')
]


@pytest.mark.parametrize('name', SMOOTH)
@pytest.mark.parametrize('reduction', REDUCTIONS)
def test_gradcheck(name, reduction):
    arrays = data.make(name, data.SHAPES[data.LOSSES[name].family][1], 2)
    x, *rest = (torch.from_numpy(np.asarray(a)) for a in arrays)
    if len(rest) == 2:
        rest[1].requires_grad_()
    function = getattr(vloss.torch.losses, name)
    assert torch.autograd.gradcheck(
        lambda *a: function(*a, reduction=reduction), [x.requires_grad_(), *rest]
    )


def test_boxes_and_focal_of_torchvision():
    """Its formulas, written again: torchvision's own package is not here."""
    a, b = (torch.from_numpy(x) for x in data.make('giou', (50, 4)))
    eps = 1e-7

    def area(x):
        return (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])

    first, last = torch.maximum(a, b), torch.minimum(a, b)
    overlap = (last[:, 2:] - first[:, :2]).clamp(min=0).prod(1)
    union = area(a) + area(b) - overlap
    iou = overlap / (union + eps)
    extent = torch.maximum(a, b)[:, 2:] - torch.minimum(a, b)[:, :2]
    giou = 1 - iou + (extent.prod(1) - union) / (extent.prod(1) + eps)
    middle = (a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2
    diou = 1 - iou + middle.square().sum(1) / (extent.square().sum(1) + eps)
    angle = [torch.atan((x[:, 2] - x[:, 0]) / (x[:, 3] - x[:, 1])) for x in (b, a)]
    v = 4 / torch.pi**2 * (angle[0] - angle[1]) ** 2
    ciou = diou + v / (1 - iou + v + eps) * v
    for name, want in [
        ('generalized_box_iou_loss', giou),
        ('distance_box_iou_loss', diou),
        ('complete_box_iou_loss', ciou),
    ]:
        function = getattr(vloss.torch.ops, name)
        # the eps in CIoU's alpha is torchvision's alone
        tolerance = 1e-12 if want is not ciou else 1e-6
        torch.testing.assert_close(function(a, b), want, rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(function(a, b, 'mean'), want.mean(), rtol=tolerance, atol=0)
    z, t = torch.randn(7, 3), torch.rand(7, 3).round()
    for alpha, gamma in [(0.25, 2), (-1, 0), (0.7, 1.5)]:
        p = torch.sigmoid(z)
        p_t = p * t + (1 - p) * (1 - t)
        want = F.binary_cross_entropy_with_logits(z, t, reduction='none') * (1 - p_t) ** gamma
        if alpha >= 0:
            want = (alpha * t + (1 - alpha) * (1 - t)) * want
        got = vloss.torch.ops.sigmoid_focal_loss(z, t, alpha, gamma, 'none')
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)


def layouts(x):
    yield x.transpose(0, -1).contiguous().transpose(0, -1)
    yield torch.stack([x, x], -1)[..., 0]
    if x.dim() == 4:
        yield x.contiguous(memory_format=torch.channels_last)
    yield torch._neg_view(-x)


@pytest.mark.parametrize('reduction', REDUCTIONS)
def test_layouts(reduction):
    x, t = torch.randn(2, 5, 3, 4), torch.randn(2, 5, 3, 4)
    y, q = torch.randint(0, 5, (2, 3, 4)), torch.softmax(torch.randn(2, 5, 3, 4), 1)
    for name, target in [('mse_loss', t), ('cross_entropy', y), ('cross_entropy', q)]:
        options = {'reduction': reduction}
        want = outcome(getattr(F, name), [x, target], options)
        for view in layouts(x):
            leaf = view.detach().requires_grad_()
            loss = getattr(V, name)(leaf, target, **options)
            loss.sum().backward()
            assert_equal([loss.detach(), leaf.grad], want, 1e-5)
        for view in layouts(target) if target is not y else ():
            assert_equal(outcome(getattr(V, name), [x, view], options), want, 1e-5)


def test_weights_that_are_negated_when_they_are_read():
    x, t, y = torch.randn(4, 3), torch.rand(4, 3), torch.tensor([0, 1, 2, 0])
    for name, key, arrays, shape in [
        ('mse', 'weight', (x, t), (4, 3)),
        ('cross_entropy', 'class_weight', (x, y), (3,)),
        ('binary_cross_entropy_with_logits', 'positive_weight', (x, t), (3,)),
    ]:
        function, weight = getattr(vloss.torch.losses, name), torch.rand(shape) + 0.5
        for reduction in REDUCTIONS:
            options = {'reduction': reduction, key: weight}
            want = outcome(function, arrays, options)
            got = outcome(function, arrays, {**options, key: torch._neg_view(-weight)})
            assert_equal(got, want, 0)


def test_channels_last_is_kept():
    x = torch.randn(2, 5, 3, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    loss = V.cross_entropy(x, torch.randint(0, 5, (2, 3, 4)), reduction='none')
    grad = torch.autograd.grad(loss.sum(), x)[0]
    assert grad.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize('reduction', REDUCTIONS)
def test_order_in_memory_is_kept(reduction):
    """Elements that lie alike are read as they lie: weights and upstream gradients follow."""
    x, t, w, u = (torch.rand(2, 5, 3, 4) for _ in range(4))
    functions = [
        lambda x, t, w: V.mse_loss(x, t, reduction=reduction, weight=w),
        lambda x, t, w: V.binary_cross_entropy_with_logits(x, t, w, reduction=reduction),
        lambda x, t, w: V.gaussian_nll_loss(x, t, w, reduction=reduction),
    ]
    for function, axes in itertools.product(functions, [(0, 2, 3, 1), (3, 1, 0, 2), (0, 3, 1, 2)]):
        back = [axes.index(i) for i in range(4)]
        lying = [a.permute(axes).contiguous().permute(back) for a in (x, t)]
        results = []
        for a, b in ((x, t), lying):
            leaf = a.detach().requires_grad_()
            loss = function(leaf, b, w)
            upstream = u if reduction == 'none' else torch.tensor(3.0)
            results.append((loss, *torch.autograd.grad(loss, leaf, upstream)))
        assert_equal(*results, 1e-6)
        assert results[1][1].stride() == lying[0].stride() or function is functions[2]


def test_modes():
    x, y = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 1, 2, 0])
    with torch.no_grad():
        assert not V.cross_entropy(x, y).requires_grad
    with torch.inference_mode():
        assert V.cross_entropy(x, y).is_inference()
    function = torch.utils.checkpoint.checkpoint
    function(lambda a: V.cross_entropy(a * 2, y), x, use_reentrant=False).backward()
    got, x.grad = x.grad, None
    F.cross_entropy(x * 2, y).backward()
    torch.testing.assert_close(got, x.grad)


def test_autocast():
    x, y = torch.randn(4, 3).bfloat16(), torch.tensor([0, 1, 2, 0])
    with torch.autocast('cpu', torch.bfloat16):
        got = outcome(V.cross_entropy, [x, y], {})
        want = outcome(F.cross_entropy, [x, y], {})
    assert_equal(got, want, 1e-2)
    assert got[0].dtype == torch.float32
    assert got[1].dtype == torch.bfloat16


@pytest.mark.parametrize('name', ['mse', 'cross_entropy', 'focal', 'dice'])
def test_autocast_of_losses(name):
    function = getattr(vloss.torch.losses, name)
    arrays = [torch.from_numpy(np.asarray(a)) for a in data.make(name, (4, 3), 0, 'f4')]
    halves = [cast(a, torch.bfloat16) for a in arrays]
    weight = torch.rand(function(*arrays, reduction='none').shape).bfloat16()
    floats = [cast(a, torch.float32) for a in halves]
    want = outcome(function, floats, {'weight': weight.float()})
    with torch.autocast('cpu', torch.bfloat16):
        got = outcome(function, halves, {'weight': weight})
    assert torch.equal(got[0], want[0])
    assert torch.equal(got[1], want[1].bfloat16())
    with pytest.raises(TypeError, match=f'{name}: input: must be float32 or float64'):
        function(*halves)


def test_autocast_of_focal_loss():
    """torchvision's arithmetic ends in float32 there."""
    x, t = torch.randn(4, 3).bfloat16(), torch.rand(4, 3).bfloat16()
    function = vloss.torch.ops.sigmoid_focal_loss
    assert function(x, t).dtype is torch.bfloat16
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(function(x, t), function(x.float(), t.float()))


def test_halves_and_others_are_pytorchs():
    for dtype in (torch.bfloat16, torch.float16):
        x = torch.randn(3, 4).to(dtype)
        assert torch.equal(V.mse_loss(x, x + 1), F.mse_loss(x, x + 1))
    with pytest.raises(TypeError, match='mse: input: '):
        V.mse_loss(x, x, fallback=False)
    meta = torch.empty(3, 4, device='meta')
    assert V.mse_loss(meta, meta).is_meta


def test_in_place_change_is_found():
    x, t = torch.randn(5, requires_grad=True), torch.randn(5)
    y = x * 1
    loss = V.mse_loss(y, t, reduction='none').sum()
    y.data.add_(0)
    with torch.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match='inplace'):
        loss.backward()


def test_backward_twice():
    x, t = torch.randn(5, requires_grad=True), torch.randn(5)
    for factor in (1, 3):
        loss = V.mse_loss(x, t) * factor
        one, two = (torch.autograd.grad(loss, x, retain_graph=True)[0] for _ in range(2))
        assert torch.equal(one, two)
        torch.testing.assert_close(one, factor * 2 * (x.detach() - t) / 5)


@pytest.mark.parametrize('reduction', REDUCTIONS)
def test_second_derivatives_are_an_error(reduction):
    x, t = torch.randn(5, requires_grad=True), torch.randn(5)
    loss = V.mse_loss(x, t, reduction=reduction).sum()
    (grad,) = torch.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(NotImplementedError, match='mse has no second derivative'):
        grad.square().sum().backward()
    assert grad.detach().shape == x.shape


def test_two_uses_of_one_loss():
    x, t = torch.randn(5, requires_grad=True), torch.randn(5)
    loss = V.mse_loss(x, t)
    (loss + loss * 2).backward()
    torch.testing.assert_close(x.grad, 6 * (x.detach() - t) / 5)


def test_wrong_arguments():
    x = torch.randn(3, 4)
    with pytest.raises(IndexError, match='cross_entropy: target: label 4 at index 1'):
        V.cross_entropy(x, torch.tensor([0, 4, 1]))
    with pytest.raises(ValueError, match='mse: reduction'):
        V.mse_loss(x, x, reduction='other')
    with pytest.raises(ValueError, match='giou: target: must have the shape'):
        vloss.torch.ops.generalized_box_iou_loss(x, x[:2])
    with pytest.raises(TypeError, match='must be float32 like the input'):
        vloss.torch.losses.giou(x, x.double())
    with pytest.raises(ValueError, match='alpha'):
        vloss.torch.ops.sigmoid_focal_loss(x, x, alpha=2)
    with pytest.raises(TypeError, match=r"mse: target: must be a tensor, not <class 'numpy"):
        vloss.torch.losses.mse(x, x.numpy())
    with pytest.raises(TypeError, match='mse: weight: must be a tensor'):
        vloss.torch.losses.mse(x, x, weight=2.0)
    with pytest.raises(TypeError, match='smooth_l1: beta: must be a number, not None'):
        vloss.torch.losses.smooth_l1(x, x, beta=None)
    for other in (x.to('meta'), x.to_sparse()):
        with pytest.raises(TypeError, match='mse: input: must be a dense tensor on the CPU'):
            vloss.torch.losses.mse(other, x)
    with pytest.raises(TypeError, match='unexpected keyword'):
        vloss.torch.losses.giou(x, x, unknown=1)
    with pytest.raises(TypeError, match='missing'):
        vloss.torch.losses.giou(x)
    with pytest.raises(ValueError, match='negative'):
        V.gaussian_nll_loss(x, x, -torch.ones(3, 4))
    with pytest.raises(NotImplementedError, match='mse: weight'):
        vloss.torch.losses.mse(x, x, weight=torch.ones(3, 4, requires_grad=True))


def test_modules():
    torch.manual_seed(0)
    x, y, t = torch.randn(6, 5), torch.randint(0, 5, (6,)), torch.rand(6, 5)
    weight = torch.rand(5)
    for name, options, arguments in [
        ('MSELoss', {}, (x, t)),
        ('L1Loss', {'reduction': 'sum'}, (x, t)),
        ('SmoothL1Loss', {'beta': 0.5}, (x, t)),
        ('HuberLoss', {'delta': 0.5}, (x, t)),
        ('CrossEntropyLoss', {'weight': weight, 'label_smoothing': 0.1}, (x, y)),
        ('NLLLoss', {'ignore_index': 2}, (x, y)),
        ('KLDivLoss', {'reduction': 'batchmean'}, (x, t)),
        ('BCELoss', {'weight': weight}, (t, t)),
        ('BCEWithLogitsLoss', {'pos_weight': weight}, (x, t)),
        ('PoissonNLLLoss', {'full': True}, (x, t)),
        ('GaussianNLLLoss', {}, (x, t, t + 1)),
    ]:
        module = getattr(vloss.torch.nn, name)(**options)
        peer = getattr(torch.nn, name)(**options)
        assert isinstance(module, type(peer))
        torch.testing.assert_close(module(*arguments), peer(*arguments))
        assert repr(module) == repr(peer)
        assert module.state_dict().keys() == peer.state_dict().keys()
    dice = vloss.torch.nn.DiceLoss(activation='sigmoid', reduction='none')
    copied = copy.deepcopy(dice)
    want = vloss.torch.losses.dice(x, t, activation='sigmoid', reduction='none')
    assert torch.equal(copied(x, t), want)
    weighted = vloss.torch.nn.FocalSoftmaxLoss(class_weight=weight).double()
    assert weighted.class_weight.dtype is torch.float64
    for option in ('unknown', 'grad_output', 'target'):
        with pytest.raises(TypeError, match=rf"DiceLoss\(\) got .* argument '{option}'"):
            vloss.torch.nn.DiceLoss(**{option: None})
    names = {'GIoULoss', 'CDIoULoss', 'FocalEIoULoss', 'KLDivWithLogitsLoss', 'TverskyLoss'}
    assert names <= set(vloss.torch.nn.__all__)
    assert len(vloss.torch.nn.__all__) == len(data.LOSSES)


def test_patch():
    x, t, original = torch.randn(5), torch.randn(5), F.mse_loss
    with vloss.torch.patch():
        assert F.mse_loss is V.mse_loss
        assert torch.equal(torch.nn.MSELoss()(x, t), V.mse_loss(x, t))
        assert F.mse_loss(x.bfloat16(), t.bfloat16()).dtype is torch.bfloat16
    assert F.mse_loss is original


def test_threads_of_pytorch():
    before = torch.get_num_threads()
    x, t = torch.randn(1 << 20), torch.randn(1 << 20)
    try:
        results = []
        for number in (1, 2, 5):
            torch.set_num_threads(number)
            results.append(outcome(V.mse_loss, [x, t], {}))
        for other in results[1:]:
            assert all(torch.equal(a, b) for a, b in zip(other, results[0], strict=True))
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize('module', ['', '.functional', '.losses', '.ops', '.nn'])
def test_examples(module):
    found = vloss.torch if not module else getattr(vloss.torch, module[1:])
    result = doctest.testmod(found)
    assert result.failed == 0
    public = [f for f in map(vars(found).get, found.__all__) if inspect.isfunction(f)]
    assert result.attempted >= max(1, 2 * len(public))
