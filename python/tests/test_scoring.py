# SPDX-License-Identifier: Apache-2.0
"""Similarities, suppression and selection against loops over boxes."""

import doctest
import math
import pathlib
import re
import typing

import numpy as np
import pytest
import score_oracle as oracle
import vloss
from hypothesis import given, settings
from hypothesis import strategies as st
from vloss import _boxes, _choices, _suppression

KINDS = typing.get_args(_choices.Similarity)
FORMATS = typing.get_args(_choices.BoxFormat)
INTEGERS = [np.dtype(code) for code in 'bBhHiIlLqQ']


def boxes(random, n, dtype='f4', size=20):
    """Boxes on a coarse grid, so that many touch, repeat or have no area."""
    first = random.integers(0, size, (n, 2))
    return np.concatenate([first, first + random.integers(0, 9, (n, 2))], axis=1).astype(dtype)


def scores(random, n, dtype='f4'):
    return (random.integers(0, 8, n) / 8).astype(dtype)


@pytest.mark.parametrize('module', [_boxes, _suppression])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
    assert all(getattr(vloss, name) is getattr(module, name) for name in module.__all__)


@pytest.mark.parametrize(
    ('choices', 'enumeration'),
    [
        ('Similarity', 'similarity_kind'),
        ('BoxFormat', 'box_format'),
        ('NmsMethod', 'nms_method'),
        ('ScoreLayout', 'score_layout'),
        ('LowQuality', 'low_quality'),
        ('MaskOperation', 'mask_operation'),
        ('CocoKind', 'coco_kind'),
        ('CocoIntegral', 'coco_integral'),
    ],
)
def test_choices_are_those_of_the_headers(choices, enumeration):
    headers = pathlib.Path(vloss.get_include()) / 'vloss'
    text = '\n'.join(path.read_text() for path in headers.glob('*.h'))
    body = re.search(
        rf'typedef enum vloss_{enumeration} {{(.*?)}} vloss_{enumeration};', text, re.S
    )
    names = re.findall(r'\bVLOSS_(\w+) = (\d+)', body[1])
    assert [int(value) for _, value in names] == list(range(len(names)))
    prefixes = r'(similarity|nms|mask|low_quality|coco)_'
    wanted = [re.sub(f'^{prefixes}', '', name.lower()) for name, _ in names]
    assert list(typing.get_args(getattr(_choices, choices))) == wanted


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('format', FORMATS)
@pytest.mark.parametrize('dtype', ['f4', 'f8'])
def test_similarity(kind, format, dtype):
    random = np.random.default_rng(0)
    a, b = boxes(random, 23, dtype), boxes(random, 17, dtype)
    if format != 'xyxy':
        a[:, 2:], b[:, 2:] = a[:, 2:] % 9, b[:, 2:] % 9
    got = vloss.similarity(a, b, kind, format=format)
    assert got.dtype == dtype
    # of small whole numbers all is exact but quotients and CIoU's angles
    tolerance = {'f4': 5e-6, 'f8': 1e-13}[dtype]
    np.testing.assert_allclose(got, oracle.matrix(a, b, kind, format), rtol=0, atol=tolerance)
    n = min(len(a), len(b))
    paired = vloss.similarity_paired(a[:n], b[:n], kind, format=format)
    np.testing.assert_array_equal(paired, np.diagonal(got))


@pytest.mark.parametrize('dtype', ['f4', 'f8', 'i4'])
def test_best_top_k_and_pairs_are_of_the_matrix(dtype):
    random = np.random.default_rng(1)
    a, b = boxes(random, 30, dtype), boxes(random, 11, dtype)
    for kind in ('iou', 'giou'):
        whole = vloss.similarity(a, b, kind)
        assert whole.dtype == ('f4' if dtype == 'f4' else 'f8')
        best = vloss.similarity_best(a, b, kind)
        np.testing.assert_array_equal(best.index, whole.argmax(axis=1))
        np.testing.assert_array_equal(best.value, whole.max(axis=1))
        top = vloss.similarity_top_k(a, b, 4, kind)
        order = np.argsort(-whole, axis=0, kind='stable')[:4].T
        np.testing.assert_array_equal(top.index, order)
        np.testing.assert_array_equal(top.value, np.take_along_axis(whole.T, order, axis=1))
        above = whole.astype(float) > 0.2
        pairs = vloss.similarity_pairs(a, b, 0.2, kind)
        np.testing.assert_array_equal((pairs.first, pairs.second), np.nonzero(above))
        np.testing.assert_array_equal(pairs.value, whole[above])
    assert vloss.similarity_best(a[:2], b[:0]).index.tolist() == [-1, -1]
    assert vloss.similarity_top_k(a[:1], b[:1], 2).index.tolist() == [[0, -1]]
    assert vloss.similarity_top_k(a, b, 0).value.shape == (11, 0)
    assert len(vloss.similarity_pairs(a, b, 2.0).first) == 0


@pytest.mark.parametrize('flags', ['?', 'u1'])
def test_crowds(flags):
    random = np.random.default_rng(2)
    a, b = boxes(random, 9), boxes(random, 8)
    crowd = random.integers(0, 2, 8).astype(flags)
    got = vloss.box_iou(a, b, crowd=crowd)
    np.testing.assert_allclose(got, oracle.matrix(a, b, crowd=crowd), rtol=2e-7)
    np.testing.assert_array_equal(vloss.box_iou(a, b, crowd=np.repeat(crowd, 2)[::2]), got)


def test_corners_in_any_order():
    a = np.array([[3.0, 0, 1, 2]])
    b = np.array([[1.0, 0, 3, 2]])
    assert vloss.box_iou(a, b).item() == 0
    assert vloss.box_iou(a, b, any_corners=True).item() == 1
    stays = vloss.nms(np.concatenate([a, b]), None, 0.5, any_corners=True)
    assert stays.tolist() == [0]


def test_torchvision_values():
    """torchvision's cases of box_iou and its relatives, by value."""
    a = np.array([[0, 0, 100, 100], [0, 0, 50, 50], [200, 200, 300, 300]], 'f4')
    iou = [[1, 0.25, 0], [0.25, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(vloss.box_iou(a, a), iou, atol=1e-4)
    np.testing.assert_allclose(vloss.box_iou(a.astype('i4'), a.astype('i4')), iou, atol=1e-4)
    giou = [[1, 0.25, -0.7778], [0.25, 1, -0.8611], [-0.7778, -0.8611, 1]]
    np.testing.assert_allclose(vloss.similarity(a, a, 'giou'), giou, atol=1e-4)
    diou = [[1, 0.1875, -0.4444], [0.1875, 1, -0.5625], [-0.4444, -0.5625, 1]]
    np.testing.assert_allclose(vloss.similarity(a, a, 'diou'), diou, atol=1e-4)
    np.testing.assert_allclose(vloss.similarity(a, a, 'ciou'), diou, atol=1e-4)


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
@pytest.mark.parametrize('threshold', [0.0, 0.2, 0.5, 0.8, 1.0])
def test_hard_nms(dtype, threshold):
    for seed in range(6):
        random = np.random.default_rng(seed)
        b, s, c = boxes(random, 60, dtype), scores(random, 60, dtype), random.integers(0, 3, 60)
        kept = vloss.nms(b, s, threshold)
        assert kept.dtype == np.int64
        assert kept.tolist() == oracle.nms(b, s, threshold)
        assert vloss.batched_nms(b, s, c, threshold).tolist() == oracle.nms(b, s, threshold, c)
        kept = vloss.nms(b, s, threshold, method='diou', classes=c)
        assert kept.tolist() == oracle.nms(b, s, threshold, c, 'diou')


def test_nms_of_boxes_that_torchvision_once_got_wrong():
    """Ties, boxes without area, and a threshold that is exactly an IoU."""
    same = np.tile(np.array([[0, 0, 4, 4]], 'f4'), (5, 1))
    assert vloss.nms(same, np.ones(5, 'f4'), 0.5).tolist() == [0]
    points = np.zeros((3, 4), 'f4')
    assert vloss.nms(points, np.array([1, 3, 2], 'f4'), 0.0).tolist() == [1, 2, 0]
    half = np.array([[0, 0, 2, 2], [0, 0, 4, 2]], 'f4')
    assert vloss.nms(half, np.array([1, 2], 'f4'), 0.5).tolist() == [1, 0]
    assert vloss.nms(half, np.array([1, 2], 'f4'), np.nextafter(0.5, 0)).tolist() == [1]
    below = np.array(
        [
            [285.3538, 185.5758, 1193.5110, 851.4551],
            [285.1472, 188.7374, 1192.4984, 851.0669],
            [279.2440, 197.9812, 1189.4746, 849.2019],
        ],
        'f4',
    )
    order = np.array([0.6370, 0.7569, 0.3966], 'f4')
    assert vloss.nms(below, order, 0.2).tolist() == [1]


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
def test_soft_nms(dtype):
    tolerance = {'f4': 1e-6, 'f8': 1e-14}[dtype]
    for seed in range(4):
        random = np.random.default_rng(seed)
        b, c = boxes(random, 40, dtype), random.integers(0, 2, 40)
        s = random.permutation(40).astype(dtype) / 40
        factors = {
            'soft_linear': lambda u: 1 - u if float(u) > 0.3 else 1,
            'soft_gaussian': lambda u: math.exp(-u * u / 0.5),
        }
        for method, factor in factors.items():
            kept = vloss.nms(b, s, 0.3, classes=c, method=method, score_threshold=0.05)
            index, score = oracle.soft_nms(b, s, c, factor, 0.05)
            assert kept.score.dtype == dtype
            np.testing.assert_allclose(kept.score, score, atol=tolerance)
            # scores that are equal but for a rounding may come in either order
            assert sorted(kept.index.tolist()) == sorted(index)


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
def test_matrix_nms(dtype):
    tolerance = {'f4': 1e-6, 'f8': 1e-14}[dtype]
    random = np.random.default_rng(3)
    b, c = boxes(random, 40, dtype), random.integers(0, 2, 40)
    s = random.permutation(40).astype(dtype) / 40
    decays = {'matrix_linear': lambda u: 1 - u, 'matrix_gaussian': lambda u: math.exp(-2 * u * u)}
    for method, decay in decays.items():
        kept = vloss.nms(b, s, 0.5, classes=c, method=method)
        index, score = oracle.matrix_nms(b, s, c, decay)
        by_index = dict(zip(index, score, strict=True))
        assert sorted(kept.index.tolist()) == sorted(index)
        np.testing.assert_allclose(kept.score, [by_index[i] for i in kept.index], atol=tolerance)


def test_limits():
    random = np.random.default_rng(4)
    b, s, c = boxes(random, 50, size=100), scores(random, 50), random.integers(0, 3, 50)
    order = oracle.in_order(s)
    want = oracle.nms(b, s, 0.3, c)
    assert vloss.nms(b, s, 0.3, classes=c, max_output=7).tolist() == want[:7]
    first = [i for i in want if sum(c[k] == c[i] for k in want[: want.index(i)]) < 2]
    assert vloss.nms(b, s, 0.3, classes=c, max_per_class=2).tolist() == first
    top = set(order[:20])
    want_top = [i for i in oracle.nms(b, np.where([i in top for i in range(50)], s, np.nan), 0.3)]
    assert vloss.nms(b, s, 0.3, top_k=20).tolist() == want_top
    kept = vloss.nms(b, s, 0.3, score_threshold=0.5)
    assert kept.tolist() == [i for i in oracle.nms(b, s, 0.3) if float(s[i]) > 0.5]
    nan = s.copy()
    nan[::3] = np.nan
    assert vloss.nms(b, nan, 0.3).tolist() == oracle.nms(b, nan, 0.3)


@pytest.mark.parametrize('dtype', INTEGERS, ids=str)
def test_classes_of_every_integer_type(dtype):
    random = np.random.default_rng(5)
    b, s, c = boxes(random, 40), scores(random, 40), random.integers(0, 4, 40)
    want = vloss.batched_nms(b, s, c, 0.3).tolist()
    assert vloss.batched_nms(b, s, c.astype(dtype), 0.3).tolist() == want
    strided = np.repeat(c.astype(dtype), 3)[::3]
    assert vloss.batched_nms(b, s, strided, 0.3).tolist() == want


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 5), st.sampled_from(['f4', 'f8']), st.booleans())
def test_select(n, classes, dtype, multi_label):
    random = np.random.default_rng(n)
    x = random.integers(0, 5, (n, classes)).astype(dtype) / 4
    want = oracle.select(x, 0.4, multi_label)
    for layout, array in (('boxes_by_classes', x), ('classes_by_boxes', x.T)):
        got = vloss.select(array, 0.4, layout=layout, multi_label=multi_label)
        assert list(zip(*(a.tolist() for a in got), strict=True)) == want
        assert got.score.dtype == dtype
    top = vloss.select(x, 0.4, multi_label=multi_label, top_k=3)
    best = sorted(range(len(want)), key=lambda i: (-want[i][2], i))[:3]
    assert list(zip(*(a.tolist() for a in top), strict=True)) == [want[i] for i in sorted(best)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12), st.sampled_from([1, 2, -1, -3]), st.sampled_from([1, 2, -1]))
def test_any_strides(n, rows, columns):
    random = np.random.default_rng(n)
    b, s = boxes(random, n), scores(random, n)
    memory = np.zeros((n * abs(rows), 4 * abs(columns)), 'f4')
    view = memory[::rows, ::columns]
    view[:] = b
    spread = np.repeat(s, 2)[::2]
    assert vloss.nms(view, spread, 0.4).tolist() == vloss.nms(b, s, 0.4).tolist()
    np.testing.assert_array_equal(vloss.box_iou(view, view), vloss.box_iou(b, b))
    turned = np.asfortranarray(b)
    np.testing.assert_array_equal(vloss.box_iou(turned, b), vloss.box_iou(b, b))


def test_results_do_not_depend_on_threads():
    random = np.random.default_rng(6)
    b, s = random.uniform(0, 90, (700, 4)).astype('f4'), random.uniform(0, 1, 700).astype('f4')
    b[:, 2:] = b[:, :2] + 20
    results = []
    try:
        for threads in (1, 3):
            vloss.set_num_threads(threads)
            kept = vloss.nms(b, s, 0.5, method='matrix_gaussian')
            results.append([vloss.box_iou(b, b), *vloss.similarity_best(b, b[::-1]), *kept])
    finally:
        vloss.set_num_threads(1)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


B, S, C = np.array([[0.0, 0, 2, 2], [1, 1, 3, 3]]), np.array([0.5, 0.25]), np.array([0, 1])


def wrong(name, *arguments, at, error=ValueError, **options):
    return pytest.param(name, arguments, options, error, at, id=f'{name}-{at}-{error.__name__}')


TABLE = [
    wrong('box_iou', B, B.astype('f4'), at='boxes2', error=TypeError),
    wrong('box_iou', B.astype('f2'), B, at='boxes1', error=TypeError),
    wrong('box_iou', B.astype('i8'), B, at='boxes1', error=TypeError),
    wrong('box_iou', B > 1, B, at='boxes1', error=TypeError),
    wrong('box_iou', None, B, at='boxes1', error=TypeError),
    wrong('box_iou', B[0], B, at='boxes1'),
    wrong('box_iou', np.float64(1), B, at='boxes1'),
    wrong('box_iou', B, B[:, :3], at='boxes2'),
    wrong('box_iou', B, B, at='format', format='yxyx'),
    wrong('box_iou', B, B, at='format', format=0, error=TypeError),
    wrong('box_iou', B, B, at='crowd', crowd=np.zeros(3, bool)),
    wrong('box_iou', B, B, at='crowd', crowd=np.zeros(2), error=TypeError),
    wrong('similarity', B, B, 'overlap', at='kind'),
    wrong('similarity', B, B, 'giou', at='crowd', crowd=np.ones(2, bool)),
    wrong('similarity_paired', B, B[:1], at='boxes2'),
    wrong('similarity_best', B, S, at='boxes2'),
    wrong('similarity_top_k', B, B, -1, at='k'),
    wrong('similarity_top_k', B, B, 1.5, at='k', error=TypeError),
    wrong('similarity_pairs', B, B, math.nan, at='threshold'),
    wrong('similarity_pairs', B, B, 'x', at='threshold', error=TypeError),
    wrong('nms', B[:, :3], S, 0.5, at='boxes'),
    wrong('nms', B, S[:1], 0.5, at='scores'),
    wrong('nms', B, S.astype('f4'), 0.5, at='scores', error=TypeError),
    wrong('nms', B, S, 1.5, at='iou_threshold'),
    wrong('nms', B, S, math.nan, at='iou_threshold'),
    wrong('nms', B, S, None, at='iou_threshold', error=TypeError),
    wrong('nms', B, S, 0.5, at='classes', classes=S, error=TypeError),
    wrong('nms', B, S, 0.5, at='classes', classes=C[:1]),
    wrong('nms', B, S, 0.5, at='classes', classes=C.astype('u8') + 2**63, error=IndexError),
    wrong('nms', B, S, 0.5, at='method', method='fast'),
    wrong('nms', B, S, 0.5, at='sigma', sigma=-1.0),
    wrong('nms', B, S, 0.5, at='sigma', sigma=math.inf, method='soft_gaussian'),
    wrong('nms', B, S, 0.5, at='score_threshold', score_threshold=math.nan),
    wrong('nms', B, S, 0.5, at='top_k', top_k=-1),
    wrong('nms', B, S, 0.5, at='max_output', max_output=2**64),
    wrong('nms', B, S, 0.5, at='max_per_class', max_per_class=0.5, error=TypeError),
    wrong('batched_nms', B, S, C[:1], 0.5, at='classes'),
    wrong('select', S, 0.5, at='scores'),
    wrong('select', B.astype('i4'), 0.5, at='scores', error=TypeError),
    wrong('select', B, math.nan, at='threshold'),
    wrong('select', B, 0.5, at='layout', layout='rows'),
]


@pytest.mark.parametrize(('name', 'arguments', 'options', 'error', 'at'), TABLE)
def test_wrong(name, arguments, options, error, at):
    with pytest.raises(error) as caught:
        getattr(vloss, name)(*arguments, **options)
    assert type(caught.value) is error
    assert re.match(rf'{name}: {at}: ', str(caught.value)), str(caught.value)


@pytest.mark.parametrize('wrong_boxes', [B[0], B[:, :3], np.array(1.0)])
def test_the_shape_of_boxes_is_named(wrong_boxes):
    for function in (
        lambda: vloss.box_iou(wrong_boxes, B),
        lambda: vloss.nms(wrong_boxes, None, 0),
    ):
        with pytest.raises(ValueError, match=r'must have the shape \(n, 4\), not \('):
            function()
