# SPDX-License-Identifier: Apache-2.0
"""Derivatives that vloss.torch does not have: errors by every way to ask for them, never zeros."""

import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed: vloss.torch is not tested')
import vloss.torch.functional as V  # noqa: E402
from torch.autograd import forward_ad  # noqa: E402
from torch.func import grad, jvp, vmap  # noqa: E402
from vloss.torch import losses, ops  # noqa: E402

pytestmark = pytest.mark.filterwarnings('ignore')

X, T = torch.linspace(-1, 1, 12).reshape(4, 3), torch.linspace(0.1, 0.9, 12).reshape(4, 3)
Y, W = torch.tensor([0, 1, 2, 0]), torch.tensor([1.0, 2.0, 3.0])
BOXES = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 4]])

# Functions of one tensor, and where they take it.
FUNCTIONS = {
    'input': (lambda x: V.mse_loss(x, T), X),
    'target': (lambda t: V.mse_loss(X, t), T),
    'each': (lambda x: V.cross_entropy(x, Y, reduction='none').sum(), X),
    'class_weight': (lambda w: losses.cross_entropy(X, Y, class_weight=w), W),
    'positive_weight': (lambda w: V.binary_cross_entropy_with_logits(X, T, pos_weight=w), W),
    'weight': (lambda w: losses.focal(X, T, weight=w), T),
    'variance': (lambda v: V.gaussian_nll_loss(X, T, v), T),
    'boxes1': (lambda b: ops.box_iou(b, BOXES), BOXES),
    'boxes2': (lambda b: ops.complete_box_iou(BOXES, b), BOXES),
}
forward = pytest.mark.parametrize(('function', 'x'), FUNCTIONS.values(), ids=FUNCTIONS)
NO_TANGENT = 'no forward-mode derivatives'


def compiled(function):
    torch._dynamo.reset()
    return torch.compile(function, fullgraph=True, backend='aot_eager')


@forward
def test_forward_mode(function, x):
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.ones_like(x))
        with pytest.raises(NotImplementedError, match=NO_TANGENT):
            function(dual)
        with torch.no_grad(), pytest.raises(NotImplementedError, match=NO_TANGENT):
            function(dual)
        assert torch.equal(function(x), function(x))  # what has no tangent may pass
    with pytest.raises(NotImplementedError, match=NO_TANGENT):
        jvp(function, (x,), (x,))
    value, tangent = jvp(lambda a: function(x).sum() * a, (x,), (x,))
    assert torch.equal(value, tangent)


def test_forward_mode_beside_vmap():
    def boxes(x):
        return ops.box_iou(torch.cat([x, x[:1] + 9])[None], BOXES)

    for function in (lambda x: V.mse_loss(x, T[0]), boxes):
        with pytest.raises(NotImplementedError, match=NO_TANGENT):
            jvp(vmap(function), (X,), (X,))
        with pytest.raises(NotImplementedError, match=NO_TANGENT):
            vmap(lambda x, f=function: jvp(f, (x,), (x,)))(X)


def test_forward_mode_of_compiled_functions():
    with pytest.raises(Exception, match='NotImplementedError'):
        compiled(lambda x: jvp(lambda a: V.mse_loss(a, T), (x,), (x,)))(X)
    for work, x in (lambda a: V.mse_loss(a, T), X), (lambda b: ops.box_iou(b, BOXES), BOXES):
        function = compiled(work)
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(x, torch.ones_like(x))
            with pytest.raises(NotImplementedError, match=NO_TANGENT):
                function(dual)
            assert torch.equal(function(x), work(x))


BESIDE_INPUT = {
    'target': lambda a, t: losses.focal(a, t),
    'weight': lambda a, w: losses.mse(a, a.detach(), weight=w),
    'positive_weight': lambda a, p: V.binary_cross_entropy_with_logits(a, a.detach(), pos_weight=p),
}


@pytest.mark.parametrize('argument', BESIDE_INPUT)
def test_constants_inside_of_vmap(argument):
    """vmap hides that its arguments are differentiated outside."""
    function = BESIDE_INPUT[argument]
    with pytest.raises(NotImplementedError, match=f': {argument}: vloss has no gradient'):
        grad(lambda t: vmap(function)(T, t).sum())(T)
    leaf = T.clone().requires_grad_()
    with pytest.raises(NotImplementedError, match=f': {argument}: vloss has no gradient'):
        vmap(function)(T, leaf).sum().backward()
    assert grad(lambda x: vmap(function)(x, T).sum())(T).shape == T.shape


def test_constants_of_operators():
    x, t, w = (T.clone().requires_grad_() for _ in range(3))
    focal = torch.ops.vloss.focal
    for target, weight, argument in ((t, None, 'target'), (T, w, 'weight')):
        for reduction, with_grad in (('mean', True), ('mean', False), ('none', False)):
            numbers = ([0.25, 2.0], reduction, 0.0, 1.0, with_grad)
            loss = focal(x, target, None, None, weight, *numbers)[0]
            with pytest.raises(NotImplementedError, match=f'focal: {argument}: '):
                loss.sum().backward()


@pytest.mark.parametrize('reduction', ['mean', 'none'])
def test_derivatives_of_gradients_by_upstream_gradients(reduction):
    """A gradient depends on what multiplied the loss: also if that is 1."""
    x, factor = X.clone().requires_grad_(), torch.ones((), requires_grad=True)
    loss = (V.mse_loss(x, T, reduction=reduction) * factor).sum()
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(NotImplementedError, match='mse has no second derivative'):
        torch.autograd.grad(gradient.sum(), factor, allow_unused=True)


@pytest.mark.parametrize('transform', [grad, lambda f: grad(lambda b: vmap(f)(b[None]).sum())])
def test_similarities(transform):
    with pytest.raises(NotImplementedError, match='box_iou has no derivative'):
        transform(lambda b: ops.box_iou(b, BOXES).sum())(BOXES)
    with pytest.raises(NotImplementedError, match='box_iou has no derivative'):
        ops.box_iou(BOXES.clone().requires_grad_(), BOXES).sum().backward()
