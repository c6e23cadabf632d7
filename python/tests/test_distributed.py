# SPDX-License-Identifier: Apache-2.0
"""vloss.torch.distributed on 1, 2, 3 and 4 processes against one that has everything."""

import doctest
import itertools
import re

import data
import numpy as np
import pytest
import vloss

torch = pytest.importorskip(
    'torch', reason='PyTorch is not installed: vloss.torch.distributed is not tested'
)
import distributed_cases as cases  # noqa: E402
import processes  # noqa: E402
import vloss.torch.distributed as distributed  # noqa: E402
import vloss.torch.losses as losses  # noqa: E402

RANKS = [1, 2, 3, 4]
UPSTREAM = 0.7
# of a value and of a gradient, relative to the largest: the parallel functions add up classes in
# another order than whole rows, and the docs promise the bounds of the losses for both
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


def alone(name, x, *others, upstream=None, **options):
    leaf = x.clone().requires_grad_()
    return cases.numbers(getattr(losses, name)(leaf, *others, **options), leaf, upstream)


def close(got, expected, tolerance):
    scale = max(np.abs(expected[np.isfinite(expected)]).max(initial=0), 1e-30)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * scale)


def rows(dtype=torch.float32, classes=777, seed=0, count=12):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, classes, generator=g, dtype=dtype) * 3
    labels = torch.randint(0, classes, (count,), generator=g)
    return logits, labels, torch.rand(classes, generator=g, dtype=dtype)


def shard_calls(dtype):
    """(name, logits, arguments, options), and the loss of one process."""
    z, y, w = rows(dtype)
    masked = z.clone()
    masked[:, 5:600] = -torch.inf
    masked[torch.arange(len(y)), y] = 1.0
    ignored = torch.where(torch.arange(len(y)) % 3 == 0, -100, y)
    extreme = z.clone()
    extreme[1, 700], extreme[2] = torch.nan, -torch.inf
    extreme[3, 5] = torch.inf
    extreme[4], extreme[5, 3] = -torch.inf, 1e30
    extreme[4, y[4]] = -1e30
    images, targets = z[:, :770].reshape(12, 11, 7, 10), y.reshape(12, 1, 1).expand(12, 7, 10) % 11
    ce, own = 'parallel_cross_entropy', 'cross_entropy'
    for reduction in ('mean', 'sum', 'none'):
        o = {'reduction': reduction}
        yield (ce, z, (y,), o), (own, (y,), o)
    yield (
        (ce, z, (y, w), {'label_smoothing': 0.1}),
        (own, (y,), {'class_weight': w, 'smoothing': 0.1}),
    )
    yield (ce, masked, (y,), {}), (own, (y,), {})
    yield (ce, masked, (y,), {'label_smoothing': 0.2}), (own, (y,), {'smoothing': 0.2})
    for o in ({}, {'label_smoothing': 0.2}):
        yield (ce, extreme, (y,), {'reduction': 'none', **o}), (
            own, (y,), {'reduction': 'none', 'smoothing': o.get('label_smoothing', 0)},
        )  # fmt: skip
    yield (ce, z, (ignored, w), {}), (own, (ignored,), {'class_weight': w})
    yield (ce, z, (ignored * 0 - 100,), {}), (own, (ignored * 0 - 100,), {})
    yield (ce, z, (torch.where(y == y[0], 9, y).int(),), {'ignore_index': 9}), (
        own, (torch.where(y == y[0], 9, y),), {'ignore_index': 9},
    )  # fmt: skip
    yield (ce, images, (targets,), {'reduction': 'none'}), (own, (targets,), {'reduction': 'none'})
    yield (ce, z[0], (y[0],), {}), (own, (y[0],), {})
    yield (ce, z[:0], (y[:0],), {}), (own, (y[:0],), {})
    yield ('parallel_focal_loss', z, (y, w), {'gamma': 1.5}), (
        'focal_softmax', (y,), {'class_weight': w, 'gamma': 1.5},
    )  # fmt: skip
    yield ('parallel_entropy', z, (), {}), ('entropy_with_logits', (), {})
    yield ('parallel_entropy', images, (), {'reduction': 'none'}), (
        'entropy_with_logits', (), {'reduction': 'none'},
    )  # fmt: skip


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('how', ['even', 'uneven', 'blocks'])
def test_classes_in_shards(pool, dtype, how):
    """Those of whole rows; with blocks of 64, the same bits for every number of ranks."""
    pairs = list(shard_calls(dtype))
    first = {}
    for ranks in RANKS:
        calls = []
        for (name, z, arguments, options), _ in pairs:
            classes = z.shape[int(z.dim() > 1)]
            bounds = None if how == 'blocks' else cases.cut(classes, ranks, how == 'uneven')
            calls.append((name, z, arguments, options, bounds, UPSTREAM))
        results = pool.values(cases.shards, ranks, calls)
        for i, ((_, z, _, _), (loss, others, own)) in enumerate(pairs):
            value, grad = alone(loss, z, *others, upstream=UPSTREAM, **own)
            got = np.concatenate([r[i][1] for r in results], axis=int(z.dim() > 1))
            close(got, grad, TOLERANCE[dtype])
            for result in results:
                close(result[i][0], value, TOLERANCE[dtype])
                assert result[i][0].tobytes() == results[0][i][0].tobytes()
            if how == 'blocks':
                bits = (results[0][i][0].tobytes(), got.tobytes())
                assert first.setdefault(i, bits) == bits


def check_batches(pool, calls, bits=lambda loss: True, one_value=True, crossed=False):
    """`calls` are (name, arrays, options, axis) and (loss, options) of one process.

    `bits`: of gradients, which are those of one process; `one_value`: however rows are shared out.
    Every number of processes has both ways of sharing out and both kinds of gradients, crossed or
    in two pairs: `averaged` is a factor of the gradient, however many rows there are.
    """
    seen = [set() for _ in calls]
    expected = [alone(loss, *arrays, **own) for (_, arrays, *_), (loss, own) in calls]
    for ranks, uneven, averaged in itertools.product(RANKS, (False, True), (False, True)):
        if not crossed and averaged == (uneven == (ranks > 2)):
            continue
        jobs = []
        for (name, arrays, options, axis), _ in calls:
            bounds = cases.cut(arrays[0].shape[axis], ranks, uneven)
            jobs.append((name, arrays, options, bounds, averaged, axis))
        results = pool.values(cases.batches, ranks, jobs)
        for i, ((name, _, _, axis), (loss, _)) in enumerate(calls):
            value, grad = expected[i]
            got = np.concatenate([r[i][1] for r in results], axis=axis)
            factor = ranks if averaged else 1
            close(got, grad * factor, 1e-6)
            if bits(loss) and (not averaged or ranks != 3):
                np.testing.assert_array_equal(got, grad * factor, err_msg=f'{name} {loss}')
            for r in results:
                close(r[i][0], value, 1e-6)
                seen[i].add(r[i][0].tobytes())
    assert not one_value or {len(values) for values in seen} == {1}


def test_labelled_rows_of_ragged_ranks(pool):
    z, y, w = rows(classes=10, count=16)
    ignored = y.clone()
    ignored[:6] = -100  # all labels of some ranks
    soft = torch.softmax(z.flip(0), 1)
    none = torch.full_like(y, -100)
    each = torch.rand(16)
    calls = [
        (('cross_entropy', (z, y), {}, 0), ('cross_entropy', {})),
        (
            ('cross_entropy', (z, ignored), {'weight': w, 'label_smoothing': 0.1}, 0),
            ('cross_entropy', {'class_weight': w, 'smoothing': 0.1}),
        ),
        (
            ('cross_entropy', (z, y), {'reduction': 'sum'}, 0),
            ('cross_entropy', {'reduction': 'sum'}),
        ),
        (('cross_entropy', (z, none), {}, 0), ('cross_entropy', {})),
        (('cross_entropy', (z, soft), {}, 0), ('cross_entropy_soft', {})),
        (('focal_loss', (z, ignored), {}, 0), ('focal_softmax', {})),
        (('focal_loss', (z, soft), {'alpha': 0.4}, 0), ('focal', {'alpha': 0.4})),
        (('nll', (z, ignored), {'class_weight': w}, 0), ('nll', {'class_weight': w})),
        (('mse', (each, each.flip(0)), {'weight_of_each': each}, 0), ('mse', {'weight': each})),
    ]
    check_batches(pool, calls, crossed=True)


def test_every_loss_of_ragged_ranks(pool):
    """The gradient has the bits of one process: the same factors, from the same denominator."""
    calls = []
    for name, loss in data.LOSSES.items():
        shape = {'boxes': (9, 4), 'overlap': (9, 2, 5)}.get(loss.family, (9, 5))
        arrays = [torch.from_numpy(np.asarray(a)) for a in data.make(name, shape, dtype=np.float32)]
        calls.append(((name, arrays, {}, 0), (name, {})))
    check_batches(pool, calls, bits=lambda loss: data.LOSSES[loss].family != 'overlap')


def no_bits(loss):
    return False


def overlap_calls(split):
    g = torch.Generator().manual_seed(1)
    p = torch.rand(6, 3, 20, 8, generator=g)
    t = torch.rand(6, 3, 20, 8, generator=g).round()
    z = torch.randn(6, 3, 20, 8, generator=g)
    axis = 0 if split == 'images' else 2
    for name in ('dice', 'jaccard', 'tversky', 'focal_tversky'):
        for grouping in ('image', 'image_channel', 'channel', 'batch'):
            for x, activation in ((p, 'identity'), (z, 'sigmoid'), (z, 'softmax')):
                o = {'grouping': grouping, 'activation': activation}
                yield (f'{name}_loss', (x, t), {**o, 'split': split}, axis), (name, o)
        o = {'grouping': 'channel', 'reduction': 'sum'}
        yield (f'{name}_loss', (p, t), {**o, 'split': split}, axis), (name, o)


@pytest.mark.parametrize('split', ['images', 'pixels'])
def test_overlap_losses(pool, split):
    # parts of images begin anywhere, not at multiples of 2,048 numbers
    whole = split == 'images'
    check_batches(pool, list(overlap_calls(split)), bits=no_bits, one_value=whole)


@pytest.mark.parametrize('grouping', ['image', 'channel', 'batch'])
def test_parts_of_images_that_begin_at_blocks(pool, grouping):
    """The same bits for every number of processes."""
    x, t = (torch.rand(2, 3, 8192, generator=torch.Generator().manual_seed(i)) for i in range(2))
    seen = set()
    for ranks in (1, 2, 4):
        bounds = cases.cut(8192, ranks)
        o = {'grouping': grouping, 'split': 'pixels'}
        results = pool.values(cases.batch, ranks, 'dice_loss', (x, t.round()), o, bounds, False, 2)
        grad = np.concatenate([r[1] for r in results], axis=2)
        seen |= {(value.tobytes(), grad.tobytes()) for value, _ in results}
    assert len(seen) == 1


def test_overlap_losses_without_an_axis_of_images(pool):
    """An image that is split, or one of each process."""
    g = torch.Generator().manual_seed(2)
    x, t = torch.rand(40, generator=g), torch.rand(40, generator=g).round()
    calls = [
        (('dice_loss', (x, t), {'grouping': grouping, 'split': split}, 0), ('dice', {}))
        for grouping, split in (('batch', 'images'), ('batch', 'pixels'), ('image', 'pixels'))
    ]
    check_batches(pool, calls, bits=no_bits, one_value=False)
    value, _ = alone('dice', x[:1], t[:1])
    for result in pool.values(
        cases.differ, 1, [('dice_loss', (x[0], t[0]), {'grouping': 'batch'})]
    ):
        close(result.numpy(), value, 1e-6)


def test_overlap_losses_of_each_group(pool):
    x, t = (torch.rand(5, 3, 7).round() for _ in range(2))
    o = {'grouping': 'channel', 'reduction': 'none'}
    check_batches(pool, [(('dice_loss', (x, t), o, 0), ('dice', o))], bits=no_bits)


def test_the_mean_does_not_depend_on_the_order_of_processes(pool):
    """Bits of a sum whose naive value does."""
    x = [torch.tensor(v) for v in ([1e20, 3.0], [-1e20], [1e-3, 1e8, 7.0], [])]
    seen = set()
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 0, 3, 1]):
        for value, grad in pool.values(cases.mean, 4, x, None, order):
            seen.add(value.tobytes())
            np.testing.assert_array_equal(grad, np.float32(1 / 6))
    assert seen == {np.float32((3.0 + 1e-3 + 1e8 + 7.0) / 6).tobytes()}
    (value, grad), *_ = pool.values(cases.mean, 4, x, [2, 0, 3.5, 0], order)
    assert value == np.float32((3.0 + 1e-3 + 1e8 + 7.0) / 5.5)
    (value, grad), *_ = pool.values(cases.mean, 4, x, [0, 0, 0, 0], order)
    assert value == 0 and not grad.any()


@pytest.mark.parametrize('ranks', RANKS)
@pytest.mark.parametrize('options', [{}, {'classes': [0, 1, 2, 3], 'thresholds': [0.5]}])
def test_evaluation(pool, ranks, options):
    whole = vloss.CocoEvaluator(**options)
    for image in cases.images(0, 13):
        whole.update(*image)
    for table, records in pool.values(cases.evaluate, ranks, 0, 13, options):
        assert table == cases.table(whole.summarize())
        assert records == len(whole)
    empty = pool.values(cases.evaluate, ranks, 0, 0, options)
    assert {records for _, records in empty} == {0}


def test_other_images_of_the_same_number(pool):
    for result in pool.run(cases.evaluate_numbered_by_all, 2):
        assert isinstance(result, ValueError)
        assert 'image_id: image 0 has other targets' in str(result)


Z, Y = torch.randn(4, 6), torch.tensor([0, 1, 2, 3])
P = torch.rand(2, 3, 8)
LEAF, EACH, SOFT, MASKS = (
    torch.ones(shape, requires_grad=True) for shape in ((), 6, (4, 6), (2, 3, 8))
)
CE, ROWS = 'parallel_cross_entropy', 'cross_entropy'
DISAGREEMENTS = [
    ((CE, (Z, Y), {}), (CE, (Z.double(), Y), {}), 'rank 1 .*dtype'),
    ((CE, (Z, Y), {}), (CE, (Z[:3], Y[:3]), {}), 'number of rows'),
    ((CE, (Z, Y), {}), (CE, (Z, Y.flip(0)), {}), 'labels'),
    ((CE, (Z, Y), {}), (CE, (Z, Y), {'label_smoothing': 0.1}), 'options'),
    ((CE, (Z, Y), {}), (CE, (Z, Y), {'reduction': 'sum'}), 'options'),
    ((CE, (Z, Y, torch.ones(12)), {}), (CE, (Z, Y, torch.zeros(12)), {}), 'class weights'),
    ((CE, (Z, Y), {}), ('parallel_focal_loss', (Z, Y), {}), 'another function'),
    ((CE, (Z, Y), {}), ('cross_entropy', (Z, Y), {}), 'another function'),
    ((CE, (Z, Y), {}), ('dice_loss', (P, P), {}), 'another function'),
    ((CE, (Z, Y), {}), (CE, (Z, Y.float()), {}), 'rank 1 .*failed: TypeError.*labels'),
    ((ROWS, (Z, Y), {}), (ROWS, (Z.double(), Y), {}), 'dtype'),
    ((ROWS, (Z, Y), {}), (ROWS, (Z, Y), {'averaged': False}), 'options'),
    ((ROWS, (Z, Y), {}), (ROWS, (Z, Y + 5), {}), 'failed: IndexError.*label 6'),
    ((ROWS, (Z, Y), {}), (ROWS, (Z, Y), {'weight': torch.ones(6)}), 'options'),
    ((ROWS, (Z, Y), {}), (ROWS, (Z[:, :5], Y), {}), 'number of classes'),
    ((ROWS, (Z, Z), {}), (ROWS, (Z[:, :5], Z[:, :5]), {}), 'number of classes'),
    (('mean_loss', ('mse', Z, Z), {}), ('mean_loss', ('l1', Z, Z), {}), 'options'),
    (('mean', (Z,), {}), ('mean', (Z, -1), {}), 'failed: ValueError: mean: denominator'),
    (
        ('dice_loss', (P, P), {'grouping': 'channel'}),
        ('dice_loss', (P[:, :2], P[:, :2]), {'grouping': 'channel'}),
        'number of groups',
    ),
    (
        ('dice_loss', (P, P), {'grouping': 'batch'}),
        ('dice_loss', (P, P), {'grouping': 'batch', 'smoothing': 0.5}),
        'options',
    ),
]  # fmt: skip


@pytest.mark.parametrize('ranks', [2, 4])
def test_disagreement_is_an_error_everywhere(pool, ranks):
    """And the group goes on: everyone has left the call at the same point."""
    for most, one, message in DISAGREEMENTS:
        calls = [one if rank == 1 else most for rank in range(ranks)]
        for rank, result in enumerate(pool.run(cases.differ, ranks, calls)):
            assert isinstance(result, Exception), (message, result)
            if rank != 1:
                assert type(result) is RuntimeError
                assert re.search(message, str(result)), (message, result)
    options = [{'thresholds': [0.5]} if rank == 1 else {} for rank in range(ranks)]
    for result in pool.run(cases.differ_evaluators, ranks, options):
        assert re.search('options', str(result))


def test_what_all_do_wrong(pool):
    """Errors that are everybody's keep their types."""
    wrong = [
        ((CE, (Z, Y + 20), {}), IndexError, 'label 20 at index 0 is outside'),
        ((CE, (Z, Y, torch.ones(5)), {}), ValueError, 'class_weight'),
        ((CE, (Z, Y), {'label_smoothing': 2.0}), ValueError, 'smoothing'),
        ((CE, (Z, Y), {'reduction': 'all'}), ValueError, 'reduction'),
        ((CE, (Z.half(), Y), {}), TypeError, 'logits'),
        ((CE, (Z, Y[:2]), {}), ValueError, 'labels'),
        (('mean_loss', ('nothing', Z, Z), {}), ValueError, 'nothing'),
        (('mean_loss', ('mse', Z, Z), {'divisor': 3.0}), ValueError, 'denominator'),
        (('cross_entropy', (Z, Y), {'reduction': 'none'}), ValueError, 'reduction'),
        (('dice_loss', (P, P[:1]), {'grouping': 'batch'}), ValueError, 'target'),
        (('dice_loss', (P, P), {'split': 'channels'}), ValueError, 'split'),
        (('dice_loss', (P, P), {'grouping': 'batch', 'divisor': 2.0}), TypeError, 'divisor'),
        (('dice_loss', (P, P), {'smooth': 1.0}), TypeError, 'smooth'),
        (('mean_loss', ('mse', Z, Z), {'beta': 1.0}), TypeError, 'beta'),
        (('mean', (Z, LEAF), {}), NotImplementedError, 'denominator: .*no gradient'),
        (('mean', (Z, Z), {}), ValueError, 'denominator: must be one number'),
        ((CE, (Z, [0, 1, 2, 3]), {}), TypeError, 'labels: must be a tensor'),
        (('class_range', (-1,), {}), ValueError, 'classes: must not be negative'),
        ((CE, (Z, Y, EACH), {}), NotImplementedError, 'class_weight: .*no gradient'),
        ((ROWS, (Z, Y, EACH), {}), NotImplementedError, 'class_weight: .*no gradient'),
        ((ROWS, (Z, SOFT), {}), NotImplementedError, 'target: .*no gradient'),
        (('dice_loss', (P, MASKS), {'grouping': 'batch'}), NotImplementedError, 'target'),
        (('dice_loss', (Z[0], Z[0]), {'grouping': 'channel'}), ValueError, 'axis of images'),
        (('dice_loss', (P, P), {'grouping': 'batch', 'smoothing': -1.0}), ValueError, 'smoothing'),
    ]
    for call, kind, message in wrong:
        for result in pool.run(cases.differ, 2, [call, call]):
            assert type(result) is kind, (call, result)
            assert re.search(message, str(result)), (call, result)


def test_in_compiled_functions(pool):
    for call in [
        (ROWS, (Z, Y), {}),
        (CE, (Z, Y), {}),
        ('dice_loss', (P, P), {'grouping': 'batch'}),
    ]:
        for first, second in pool.values(cases.compiled, 2, *call):
            np.testing.assert_array_equal(first, second)
            assert first.any()


def test_second_derivatives(pool):
    """There is none of vloss; that of a mean is its losses' own."""
    for call in [
        (CE, (Z, Y), {}),
        (ROWS, (Z, Y), {}),
        ('dice_loss', (P, P), {'grouping': 'batch'}),
        ('dice_loss', (P, P), {}),
    ]:
        for result in pool.run(cases.second_derivative, 2, *call):
            assert isinstance(result, NotImplementedError), (call, result)
    for result in pool.values(cases.second_derivative_of_squares, 2, Z):
        np.testing.assert_array_equal(result, np.full(Z.shape, 1 / Z.numel(), np.float32))


def test_other_groups(pool):
    """Ranks are those of the group; who is in none of them is told so."""
    z, y, _ = rows(classes=200)
    value, _ = alone('cross_entropy', z, y)
    results = pool.run(cases.in_other_groups, 4, z, y)
    for result in (results[1], results[3]):
        close(result, value, 1e-6)
    for result in (results[0], results[2]):
        assert 'group: this process is not in it' in str(result)


def test_tensors_in_any_memory(pool):
    z, y, w = rows(classes=100, count=6)
    calls = [
        (CE, z, (y, w), {}),
        (CE, z.reshape(6, 25, 2, 2), (torch.stack([y, y], 1).repeat(1, 2).reshape(6, 2, 2) % 25,),
         {}),
    ]  # fmt: skip
    for name, x, arguments, options in calls:
        for plain, strided in pool.values(cases.strided, 2, name, x, arguments, options):
            for a, b in zip(plain, strided, strict=True):
                np.testing.assert_array_equal(a, b)


def test_a_group_without_cpu():
    """No message about a process that has died."""
    dist = torch.distributed
    dist.init_process_group('cuda:gloo', store=dist.HashStore(), rank=0, world_size=1)
    try:
        with pytest.raises(ValueError, match='group: has no backend for tensors on the CPU'):
            distributed.cross_entropy(Z, Y)
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize('name', [CE, ROWS])
def test_no_transforms(pool, name):
    for result in pool.run(cases.transformed, 2, name, (Z, Y)):
        assert isinstance(result, NotImplementedError)


@pytest.mark.parametrize('how', ['die', 'between', 'sleep'])
def test_a_process_that_is_gone(how):
    """The others have an error within the timeout of the group, and nobody hangs."""
    pool = processes.Pool(3, seconds=3)
    try:
        if how == 'between':
            results = pool.run(cases.leave_between, 3, 1, patience=60)
        else:
            results = pool.run(cases.leave, 3, 1, how, 'cross_entropy', patience=60)
        assert results[1] is None
        for message, seconds in (results[0], results[2]):
            assert 'a process of the group has died, is doing something else' in message
            assert seconds < 3 + 10  # which is for a busy machine
    finally:
        pool.close()


def test_class_ranges(pool):
    z, y, _ = rows(classes=200)
    results = pool.values(cases.shards, 3, [(CE, z, (y,), {}, None)])
    assert [r[0][1].shape[1] for r in results] == [64, 64, 72]


def test_examples():
    result = doctest.testmod(distributed)
    assert result.failed == 0 and result.attempted > 0


def test_everything_is_documented():
    for name in distributed.__all__:
        assert getattr(distributed, name).__doc__
