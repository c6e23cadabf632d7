# SPDX-License-Identifier: Apache-2.0
"""vloss.torch under torch.compile, torch.export and torch.func, and its operators."""

import data
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed: operators are not tested')
import vloss.torch  # noqa: E402
import vloss.torch.functional as V  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from vloss.torch import _operators  # noqa: E402

pytestmark = pytest.mark.filterwarnings('ignore')

# One loss of each way through the operators.
FEW = ['mse', 'gaussian_nll', 'giou', 'cross_entropy', 'entropy', 'dice', 'focal']


def tensors(name, dtype='f8', seed=0, shape=None):
    shape = shape or data.SHAPES[data.LOSSES[name].family][1]
    return [torch.from_numpy(np.asarray(a)) for a in data.make(name, shape, seed, dtype)]


def operator_arguments(name, reduction, with_grad, grads=True):
    arrays = tensors(name)
    arrays[0].requires_grad_(grads)
    arrays += [None] * (3 - len(arrays))
    values = _operators.encode(name, {})
    return [*arrays, None, None, values, reduction, 0.0, 1.0, with_grad]


@pytest.mark.parametrize('name', data.LOSSES)
def test_opcheck(name):
    function = getattr(torch.ops.vloss, name).default
    for reduction, with_grad in [('none', False), ('mean', True)]:
        torch.library.opcheck(function, operator_arguments(name, reduction, with_grad, False))
    # with gradients, what differentiates the saved gradient too meets the error
    utilities = ('test_schema', 'test_autograd_registration', 'test_faketensor')
    arguments = operator_arguments(name, 'mean', True)
    torch.library.opcheck(function, arguments, test_utils=utilities)
    torch.library.opcheck(function, operator_arguments(name, 'none', False))


@pytest.mark.parametrize('name', FEW)
@pytest.mark.parametrize('reduction', ['mean', 'none'])
def test_compiled_whole_with_the_bits_of_eager(name, reduction):
    function = getattr(vloss.torch.losses, name)

    def work(x, *rest):
        return (function(x * 0.5, *rest, reduction=reduction) * 3).sum()

    torch._dynamo.reset()
    compiled = torch.compile(work, fullgraph=True, dynamic=True, backend='aot_eager')
    family = data.LOSSES[name].family
    for seed, shape in enumerate(data.SHAPES[family][1:]):
        arrays = tensors(name, 'f4', seed, shape)
        grads = []
        for f in (work, compiled):
            x = arrays[0].clone().requires_grad_()
            f(x, *arrays[1:]).backward()
            grads.append(x.grad)
        assert torch.equal(*grads)


def test_compiled_by_inductor():
    def work(x, y):
        return V.cross_entropy(x * 2, y, label_smoothing=0.1)

    torch._dynamo.reset()
    compiled = torch.compile(work, fullgraph=True, dynamic=True)
    for n in (4, 7):
        x, y = torch.randn(n, 5, requires_grad=True), torch.randint(0, 5, (n,))
        loss = compiled(x, y)
        loss.backward()
        got, x.grad = x.grad, None
        want = F.cross_entropy(x * 2, y, label_smoothing=0.1)
        want.backward()
        torch.testing.assert_close(loss, want)
        torch.testing.assert_close(got, x.grad)
    with pytest.raises(IndexError, match='label 9 at index 0'):
        compiled(x, torch.full((7,), 9))


def test_compiled_fallbacks_and_targets():
    torch._dynamo.reset()
    x, t = torch.randn(4, 5, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    for name, shape in [('mse_loss', (4, 5)), ('mse_loss', (5,))]:
        grads = []
        function = getattr(V, name)
        for f in (torch.compile(function, fullgraph=True, backend='aot_eager'), getattr(F, name)):
            target = t[: shape[0]] if len(shape) == 2 else t[0]
            grads.append(torch.autograd.grad(f(x, target), (x, t)))
        for a, b in zip(*grads, strict=True):
            torch.testing.assert_close(a, b)


def test_compiled_gradient_of_a_gradient():
    torch._dynamo.reset()
    x, t = torch.randn(5, requires_grad=True), torch.randn(5)

    def work(x, t):
        grad = torch.func.grad(lambda a: V.mse_loss(a, t))(x)
        return grad

    try:
        got = torch.compile(work, fullgraph=True, backend='aot_eager')(x, t)
    except torch._dynamo.exc.TorchRuntimeError as error:
        assert 'call_function vloss.mse' in str(error)
    else:  # right, which is as good as an error
        torch.testing.assert_close(got.detach(), 2 * (x.detach() - t) / 5)


def test_export():
    class Model(torch.nn.Module):
        def forward(self, x, y):
            return V.cross_entropy(x, y)

    x, y = torch.randn(4, 5), torch.randint(0, 5, (4,))
    n = torch.export.Dim('n')
    program = torch.export.export(Model(), (x, y), dynamic_shapes=({0: n}, {0: n}))
    x, y = torch.randn(9, 5), torch.randint(0, 5, (9,))
    assert torch.equal(program.module()(x, y), V.cross_entropy(x, y))
    assert 'vloss.cross_entropy' in str(program.graph)


@pytest.mark.parametrize('reduction', ['mean', 'sum', 'none'])
def test_transforms(reduction):
    x, y = torch.randn(6, 3, 5), torch.randint(0, 5, (6, 3))

    def loss(module):
        return lambda x, y: module.cross_entropy(x, y, reduction=reduction).sum()

    grad = torch.func.grad(loss(V))(x[0], y[0])
    torch.testing.assert_close(grad, torch.func.grad(loss(F))(x[0], y[0]))
    got = torch.func.vmap(loss(V))(x, y)
    torch.testing.assert_close(got, torch.func.vmap(loss(F))(x, y))
    got = torch.func.vmap(torch.func.grad(loss(V)))(x, y)
    torch.testing.assert_close(got, torch.func.vmap(torch.func.grad(loss(F)))(x, y))


def test_transforms_of_targets_and_variances():
    x, t, v = tensors('gaussian_nll')
    got = torch.func.grad(lambda *a: V.gaussian_nll_loss(*a), argnums=(0, 2))(x, t, v)
    want = torch.func.grad(lambda *a: F.gaussian_nll_loss(*a), argnums=(0, 2))(x, t, v)
    torch.testing.assert_close(got, want)
    got = torch.func.grad(lambda *a: V.mse_loss(*a), argnums=1)(x, t)
    torch.testing.assert_close(got, torch.func.grad(lambda *a: F.mse_loss(*a), argnums=1)(x, t))


def test_what_has_no_derivative_says_so():
    x, t = torch.randn(5), torch.randn(5)

    def loss(x):
        return V.mse_loss(x, t)

    with pytest.raises((NotImplementedError, RuntimeError)):
        torch.func.hessian(loss)(x)
    with pytest.raises((NotImplementedError, RuntimeError)):
        torch.func.grad(lambda x: torch.func.grad(loss)(x).square().sum())(x)
    with pytest.raises((NotImplementedError, RuntimeError)):
        torch.func.jvp(loss, (x,), (x,))
    with pytest.raises((NotImplementedError, RuntimeError)):
        torch.func.grad(lambda t: V.kl_div(x, t, fallback=False))(t.abs())


def test_fake_tensors():
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        x, y = torch.randn(4, 5), torch.zeros(4, dtype=torch.int64)
        assert V.cross_entropy(x, y, reduction='none').shape == (4,)


def test_modes_see_operators():
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Mode(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(str(function))
            return function(*args, **(kwargs or {}))

    with Mode():
        V.mse_loss(torch.randn(3), torch.randn(3))
    assert any('vloss.mse' in name for name in seen)


def _check_distributed_tensors(x, y):
    """A subclass with operators of its own, none of them vloss's, goes to PyTorch."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    mesh = init_device_mesh('cpu', (1,))
    shards = [distribute_tensor(a, mesh, [Shard(0)]) for a in (x, y)]
    for function in (V.cross_entropy, lambda a, _: V.mse_loss(a, a)):
        torch.testing.assert_close(function(*shards).full_tensor(), function(x, y))
    with pytest.raises(NotImplementedError, match='sharding'):
        V.cross_entropy(*shards, fallback=False)


def test_distributed_data_parallel(tmp_path):
    import torch.distributed as dist

    dist.init_process_group('gloo', f'file://{tmp_path}/store', rank=0, world_size=1)
    try:
        torch.manual_seed(0)
        linear = torch.nn.Linear(4, 3)
        x, y = torch.randn(5, 4), torch.randint(0, 3, (5,))
        model = torch.nn.parallel.DistributedDataParallel(linear)
        V.cross_entropy(model(x), y).backward()
        got = linear.weight.grad.clone()
        linear.zero_grad()
        F.cross_entropy(linear(x), y).backward()
        torch.testing.assert_close(got, linear.weight.grad)
        _check_distributed_tensors(x, y % 4)
    finally:
        dist.destroy_process_group()
