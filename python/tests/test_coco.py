# SPDX-License-Identifier: Apache-2.0
"""CocoEvaluator, ConfusionMatrix, assignment and fusion against plain loops."""

import copy
import doctest
import pickle
import re

import numpy as np
import pytest
import score_oracle as oracle
import vloss
from vloss import _assignment, _coco

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)


@pytest.mark.parametrize('module', [_assignment, _coco])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
    assert all(getattr(vloss, name) is getattr(module, name) for name in module.__all__)


def images(seed=0, number=6, classes=3):
    """(image_id, boxes, scores, classes, target boxes, target classes) on a coarse grid."""
    random = np.random.default_rng(seed)
    for image in range(number):
        m, extra = random.integers(0, 8, 2)
        first = random.integers(0, 300, (m, 2))
        targets = np.concatenate([first, first + random.integers(5, 150, (m, 2))], axis=1)
        labels = random.integers(0, classes, m)
        first = random.integers(0, 300, (extra, 2))
        false = np.concatenate([first, first + random.integers(5, 150, (extra, 2))], axis=1)
        boxes = np.concatenate([targets + random.integers(-9, 10, targets.shape), false])
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        kinds = np.concatenate([labels, random.integers(0, classes, extra)])
        scores = random.integers(1, 20, len(boxes)) / 20
        yield image, boxes.astype(float), scores, kinds, targets.astype(float), labels


def evaluate(pictures, **options):
    evaluator = vloss.CocoEvaluator(**options)
    for picture in pictures:
        evaluator.update(*picture)
    return evaluator


def average_precision(pictures, label, threshold):
    """Over all areas, with all detections: COCO's definition as loops."""
    found, positives = [], 0
    for image, boxes, scores, kinds, targets, labels in pictures:
        mine = [i for i in oracle.in_order(scores) if kinds[i] == label]
        theirs = [j for j in range(len(targets)) if labels[j] == label]
        positives += len(theirs)
        free = set(theirs)
        for rank, i in enumerate(mine):
            best, partner = min(threshold, 1 - 1e-10), None
            for j in theirs:
                iou = oracle.similarity(boxes[i], targets[j])
                if j in free and iou >= best:
                    best, partner = iou, j
            free.discard(partner)
            found.append((-scores[i], image, rank, partner is not None))
    if not positives:
        return None
    hits = np.cumsum([hit for *_, hit in sorted(found)])
    precision = hits / np.arange(1, len(hits) + 1)
    recall = hits / positives
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS)
    return np.append(precision, 0)[np.minimum(at, len(precision))].mean()


def test_average_precision():
    pictures = list(images(number=12))
    summary = evaluate(pictures).summarize()
    assert summary.classes.tolist() == [0, 1, 2]
    assert summary.precision.shape == (10, 101, 3, 4, 3)
    assert summary.recall.shape == (10, 3, 4, 3)
    want = [[average_precision(pictures, label, t) for label in range(3)] for t in THRESHOLDS]
    got = summary.precision[:, :, :, 0, -1].mean(axis=1)
    # sums of 101 numbers; pycocotools adds 2^-52 to a denominator
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-13)
    assert abs(summary.ap - np.mean(want)) < 1e-13
    assert abs(summary.ap50 - np.mean(want[0])) < 1e-13
    assert summary.detections == sum(len(p[1]) for p in pictures)
    assert summary.targets == sum(len(p[4]) for p in pictures)
    assert re.match(r'ap +0\.\d{3}\nap50 +', str(summary))


@pytest.mark.parametrize('format', ['xywh', 'cxcywh'])
def test_formats(format):
    def turned(boxes):
        boxes = boxes.copy()
        boxes[:, 2:] -= boxes[:, :2]
        if format == 'cxcywh':
            boxes[:, :2] += boxes[:, 2:] / 2
        return boxes

    pictures = list(images(1))
    other = [(p[0], turned(p[1]), *p[2:4], turned(p[4]), p[5]) for p in pictures]
    assert np.array_equal(
        evaluate(other, format=format).summarize().precision,
        evaluate(pictures).summarize().precision,
    )


def test_merging_in_any_order_and_other_types():
    pictures = list(images(2))
    want = evaluate(pictures).summarize()
    narrow = [
        (p[0], p[1].astype('f4'), p[2].astype('f8'), p[3].astype('u1'), p[4].astype('i2'), p[5])
        for p in pictures
    ]
    parts = [evaluate(narrow[3:]), evaluate(narrow[:3])]
    whole = pickle.loads(pickle.dumps(parts[0]))
    whole.merge(copy.deepcopy(parts[1]))
    assert len(whole) == len(parts[0]) + len(parts[1]) == want.detections + want.targets
    got = whole.summarize()
    for table in ('precision', 'recall', 'scores', 'classes'):
        assert getattr(got, table).tobytes() == getattr(want, table).tobytes()
    assert got.ap == want.ap
    assert whole.summarize().ap == want.ap
    same = {'thresholds': THRESHOLDS[:2], 'areas': [(0, 1e10), (0, 900)], 'classes': range(3)}
    one = vloss.CocoEvaluator(**same)
    one.merge(
        vloss.CocoEvaluator(
            thresholds=[*THRESHOLDS[:2]], areas=[0, 1e10, 0, 900], classes=np.arange(3)
        )
    )
    others = [
        {'kind': 'keypoints'},
        {'format': 'xywh'},
        {'thresholds': [0.5]},
        {'areas': None},
        {'classes': [0, 1]},
        {'max_detections': [1]},
    ]
    for other in others:
        with pytest.raises(ValueError, match='merge: other'):
            one.merge(vloss.CocoEvaluator(**{**same, **other}))
    with pytest.raises(TypeError, match='merge: other'):
        whole.merge(3)


def test_options():
    pictures = list(images(3))
    summary = evaluate(
        pictures, thresholds=[0.5], classes=range(1, 5), max_detections=[2]
    ).summarize()
    assert summary.precision.shape == (1, 101, 4, 4, 1)
    assert summary.classes.tolist() == [1, 2, 3, 4]
    assert (summary.precision[:, :, 3] == -1).all()
    areas = evaluate(pictures, areas=[0, 1e10, 0, 500], recalls=[0, 0.5, 1]).summarize()
    assert areas.precision.shape == (10, 3, 3, 2, 3)


def test_crowds_ignored_and_similarity():
    _, boxes, scores, kinds, targets, labels = next(p for p in images(4) if len(p[4]) > 2)
    every = np.ones(len(targets), bool)
    for flag in ('target_crowd', 'target_ignored'):
        evaluator = vloss.CocoEvaluator()
        evaluator.update(0, boxes, scores, kinds, targets, labels, **{flag: every})
        assert evaluator.summarize().ap == -1
    evaluator = vloss.CocoEvaluator()
    iou = vloss.box_iou(boxes, targets)
    evaluator.update(0, boxes * np.nan, scores, kinds, targets * np.nan, labels, similarity=iou,
        areas=np.ones(len(boxes)), target_areas=np.ones(len(targets)))  # fmt: skip
    want = evaluate([(0, boxes, scores, kinds, targets, labels)]).summarize()
    assert evaluator.summarize().ap == want.ap


def test_federated_classes():
    evaluator = vloss.CocoEvaluator('lvis', classes=[0, 1, 2], frequencies=[0, 1, 2])
    box = np.array([[0.0, 0, 9, 9]])
    evaluator.update(0, np.tile(box, (3, 1)), np.ones(3), np.arange(3), box, np.array([0]),
        negative_classes=[1])  # fmt: skip
    summary = evaluator.summarize()
    assert summary.detections == 2  # class 2 is neither shown nor said to be absent
    assert round(summary.ap_rare, 12) == 1
    assert summary.ap_frequent == -1


def test_curve_and_calibration():
    pictures = list(images(5, 10))
    evaluator = evaluate(pictures)
    curve = evaluator.curve(1, threshold_index=2)
    assert (np.diff(curve.score) < 0).all()
    assert (np.diff(curve.recall) >= 0).all()
    total = np.maximum(curve.precision + curve.recall, 1e-300)
    np.testing.assert_allclose(curve.f1, 2 * curve.precision * curve.recall / total, atol=1e-12)
    assert curve.best[3] == curve.f1.max()
    monotone = np.maximum.accumulate(curve.precision[::-1])[::-1]
    area = (np.diff(curve.recall, prepend=0) * monotone).sum()
    assert abs(curve.average_precision - area) < 1e-12
    eleven = evaluator.curve(1, threshold_index=2, integral='eleven_points').average_precision
    at = [monotone[curve.recall >= r].max(initial=0) for r in np.arange(11) / 10]
    assert abs(eleven - np.mean(at)) < 1e-12
    assert 0 < evaluator.calibration_error(bins=5) < 1
    assert vloss.CocoEvaluator().calibration_error() == 0


def test_nothing():
    empty = vloss.CocoEvaluator().summarize()
    assert empty.ap == -1
    assert empty.classes.shape == (0,)
    evaluator = vloss.CocoEvaluator()
    none = np.zeros((0, 4))
    evaluator.update(0, none, np.zeros(0), None, none, None)
    assert len(evaluator) == 0


def test_confusion_matrix():
    confusion = vloss.ConfusionMatrix([3, 5])
    boxes = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60], [0, 0, 10, 9]])
    confusion.update(boxes, np.array([0.9, 0.8, 0.7, 0.2]), np.array([3, 3, 5, 5]),
        np.array([[0.0, 0, 10, 10], [20, 20, 30, 31], [70, 70, 80, 80]]),
        np.array([3, 5, 3]))  # fmt: skip
    assert confusion.matrix.tolist() == [[1, 1, 0], [0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
@pytest.mark.parametrize('low_quality', ['none', 'own', 'claim'])
def test_assign(dtype, low_quality):
    for seed in range(5):
        random = np.random.default_rng(seed)
        first = random.integers(0, 30, (46, 2))
        boxes = np.concatenate([first, first + random.integers(1, 12, (46, 2))], axis=1)
        a, b = boxes[:40].astype(dtype), boxes[40:].astype(dtype)
        iou = oracle.matrix(a, b)
        best, value = iou.argmax(axis=1), iou.max(axis=1)
        wide = value.astype(float)
        want = np.where(wide >= 0.6, best, np.where(wide < 0.3, -1, -2))
        if low_quality != 'none':
            for j in range(len(b)):
                if iou[:, j].max() > 0:
                    who = iou[:, j] == iou[:, j].max()
                    want[who] = best[who] if low_quality == 'own' else j
        got = vloss.assign(a, b, positive=0.6, negative=0.3, low_quality=low_quality)
        assert got.index.tolist() == want.tolist()
        np.testing.assert_array_equal(got.iou, value)


def test_weighted_boxes_fusion():
    random = np.random.default_rng(7)
    n = 30
    first = random.uniform(0, 40, (n, 2))
    boxes = np.concatenate([first, first + random.uniform(10, 20, (n, 2))], axis=1)
    scores, classes = random.permutation(n) / n, random.integers(0, 2, n)
    models, weights = random.integers(0, 3, n), np.array([1.0, 2, 0.5])
    got = vloss.weighted_boxes_fusion(
        boxes, scores, 0.5, classes=classes, models=models.astype('u2'), weights=weights
    )
    clusters = []
    strength = scores * weights[models]
    fused = {}
    for i in oracle.in_order(strength):
        rivals = [c for c in clusters if classes[c[0]] == classes[i]]
        ious = [oracle.similarity(fused[c[0]], boxes[i]) for c in rivals]
        if ious and max(ious) > 0.5:
            cluster = rivals[int(np.argmax(ious))]
            cluster.append(i)
        else:
            cluster = [i]
            clusters.append(cluster)
        s = strength[cluster]
        fused[cluster[0]] = (s[:, None] * boxes[cluster]).sum(0) / s.sum() if s.sum() else boxes[i]
    score = [strength[c].mean() * min(len(c), 3) / weights.sum() for c in clusters]
    order = np.argsort(-np.array(score), kind='stable')
    np.testing.assert_allclose(got.scores, np.array(score)[order], rtol=1e-13)
    np.testing.assert_allclose(got.boxes, [fused[clusters[c][0]] for c in order], rtol=1e-12)
    assert got.classes.tolist() == [classes[clusters[c][0]] for c in order]
    for place, c in enumerate(order):
        assert np.nonzero(got.cluster == place)[0].tolist() == sorted(clusters[c])


B, S, C = np.array([[0.0, 0, 2, 2], [1, 1, 3, 3]]), np.array([0.5, 0.25]), np.array([0, 1])


@pytest.mark.parametrize(
    ('changed', 'error'),
    [
        ({'boxes': B[:, :3]}, ValueError),
        ({'boxes': B > 1}, TypeError),
        ({'scores': S[:1]}, ValueError),
        ({'classes': S}, TypeError),
        ({'classes': C[:1]}, ValueError),
        ({'target_boxes': B[0]}, ValueError),
        ({'target_classes': C[:1]}, ValueError),
        ({'target_crowd': S}, TypeError),
        ({'target_areas': S[:1]}, ValueError),
        ({'similarity': np.zeros((2, 3))}, ValueError),
    ],
)
def test_wrong_images(changed, error):
    image = {'boxes': B, 'scores': S, 'classes': C, 'target_boxes': B, 'target_classes': C}
    evaluator = vloss.CocoEvaluator()
    with pytest.raises(error, match=f'update: {next(iter(changed))}: '):
        evaluator.update(0, **(image | changed))
    assert len(evaluator) == 0


@pytest.mark.parametrize(
    ('options', 'error'),
    [
        ({'kind': 'panoptic'}, ValueError),
        ({'format': 'yxyx'}, ValueError),
        ({'thresholds': [0.5, 1.5]}, ValueError),
        ({'recalls': [1.0, 0.5]}, ValueError),
        ({'areas': [0, 1, 2]}, ValueError),
        ({'max_detections': [0]}, ValueError),
        ({'classes': [2, 1]}, ValueError),
        ({'classes': np.array([0.5])}, TypeError),
        ({'classes': [1, 2], 'frequencies': [0]}, ValueError),
    ],
)
def test_wrong_options(options, error):
    at = list(options)[-1]
    with pytest.raises(error, match=f'CocoEvaluator: {at}: '):
        vloss.CocoEvaluator(**options)


def test_wrong_assignments():
    for name, arguments, options, error, at in [
        ('assign', (B, B[:, :2]), {}, ValueError, 'targets'),
        ('assign', (B, B.astype('f4')), {}, TypeError, 'targets'),
        ('assign', (B, B), {'positive': np.nan}, ValueError, 'positive'),
        ('assign', (B, B), {'low_quality': 'all'}, ValueError, 'low_quality'),
        ('weighted_boxes_fusion', (B, S[:1]), {}, ValueError, 'scores'),
        ('weighted_boxes_fusion', (B, S, 1.5), {}, ValueError, 'iou_threshold'),
        ('weighted_boxes_fusion', (B, S), {'weights': -S}, ValueError, 'weights'),
        ('weighted_boxes_fusion', (B, S), {'models': C}, IndexError, 'models'),
    ]:
        with pytest.raises(error, match=f'{name}: {at}: '):
            getattr(vloss, name)(*arguments, **options)


def test_wrong_lists_and_images_are_named():
    for error, argument, value in [
        (TypeError, 'thresholds', ['a']),
        (TypeError, 'classes', [0.5]),
        (ValueError, 'classes', [2**70]),
        (ValueError, 'frequencies', [300]),
        (TypeError, 'areas', [(0, 'a')]),
    ]:
        with pytest.raises(error, match=f'CocoEvaluator: {argument}: '):
            vloss.CocoEvaluator(**{argument: value})
    boxes, none = np.zeros((0, 4)), np.zeros(0)
    for error, image in [(TypeError, 'x'), (TypeError, 0.5), (ValueError, 2**63)]:
        with pytest.raises(error, match='update: image_id: '):
            vloss.CocoEvaluator().update(image, boxes, none, None, boxes, None)
