# SPDX-License-Identifier: Apache-2.0
"""Are COCO's tables those of pycocotools: boxes, masks and keypoints, with crowds, ties, areas at
both limits of every range, a thousand classes, and ids beyond what doubles hold? With pycocotools
installed the comparison is with that, and always with what it gave: run as a program, this prints
NUMBERS."""

import contextlib
import hashlib
import io
import pathlib
import sys

import numpy as np
import pytest

sys.path.append(str(pathlib.Path(__file__).parents[2] / 'tests' / 'cli'))
import coco_sets

KINDS = {'bbox': ['bbox'], 'segm': ['segmentation'], 'keypoints': ['keypoints']}
LIMITS = [0.0, 1024.0, 9216.0, 1e10, np.nextafter(1e10, 2e10), -5e-324]
SETS = {
    'few classes': {'seed': 101},
    'many images': {'seed': 102, 'images': [2**60 + 5 * i for i in range(-40, 40)]},
    'many classes': {
        'seed': 103,
        'images': range(2**53, 2**53 + 60),
        'classes': [2**61 + 3 * k for k in range(1000)],
    },
}

# By pycocotools 2.0.11: its statistics, and the beginning of a hash of its tables.
# fmt: off
NUMBERS = {
    ('few classes', 'bbox'): [
        0.21698414164946322, 0.318992167176394, 0.2093693764008538, 0.17387478565104478,
        0.38861338118553124, 0.4547104353292472, 0.21439393939393936, 0.45189393939393935,
        0.46439393939393936, 0.35416666666666663, 0.5402272727272728, 0.5333333333333334,
        '608a0b516a8869e5',
    ],
    ('few classes', 'segm'): [
        0.03616992296806409, 0.12308197367821185, 0.0, 0.025095976989003246,
        0.07127377023416627, 0.15875825082508252, 0.05580808080808079, 0.1505050505050505,
        0.16717171717171714, 0.1125, 0.16022727272727272, 0.2145833333333333,
        'd725dd1783fe744c',
    ],
    ('few classes', 'keypoints'): [
        0.38191896395521907, 0.4108593107209881, 0.4108593107209881, 0.7040169731258838,
        0.8968646864686468, 0.7232142857142857, 0.7392857142857143, 0.7392857142857143,
        0.8773809523809524, 0.9375,
        'e4bb6446511aaad0',
    ],
    ('many images', 'bbox'): [
        0.14346192385147116, 0.23352917974710782, 0.1566460309117092, 0.10370408682127816,
        0.2944572460123605, 0.39726413172772157, 0.24404042844939983, 0.5158719222526937,
        0.5384726280927332, 0.48775058275058275, 0.5695038082437276, 0.5549411525974026,
        '7185705efeee79ea',
    ],
    ('many images', 'segm'): [
        0.03521755760210733, 0.13733487926244387, 0.00024545623086754103, 0.03701622032293904,
        0.07520506187776133, 0.1142232109659077, 0.07778988520733114, 0.18129083681757555,
        0.18990570066987367, 0.17883275058275058, 0.19936491935483872, 0.18757643398268398,
        '1231887f4c14c2cb',
    ],
    ('many images', 'keypoints'): [
        0.26949338735475004, 0.3174919089752716, 0.2967959586201307, 0.5526515686016691,
        0.911553496948813, 0.7621773556443944, 0.818225221277192, 0.797460082160989,
        0.86194573283859, 0.9371393335590268,
        '3283e4e6728baba5',
    ],
    ('many classes', 'bbox'): [
        0.3599497039183732, 0.5252702871218798, 0.3631423216079371, 0.3520690573259006,
        0.4258826602084668, 0.4188920761235001, 0.35942028985507246, 0.4375,
        0.4375, 0.3905882352941176, 0.46282973621103113, 0.43068535825545173,
        '47df0ebbbb747625',
    ],
    ('many classes', 'segm'): [
        0.12171038165092189, 0.394469897300289, 0.010869565217391304, 0.12640166957872256,
        0.15007740342379558, 0.14643595200641557, 0.10978260869565218, 0.15842391304347825,
        0.15896739130434784, 0.15, 0.16438848920863308, 0.14953271028037382,
        'e7355b4bbcadb929',
    ],
    ('many classes', 'keypoints'): [
        0.5760519801980197, 0.6268511466531267, 0.6092388084962341, 0.7312818146221401,
        0.7944994499449943, 0.6354700854700854, 0.6816239316239316, 0.6655982905982906,
        0.7487288135593221, 0.7944444444444444,
        'aac750b15d1822ec',
    ],
}
# fmt: on


def make(name):
    """A set in which some areas are at the limits of ranges, and some beyond all."""
    truth, results = coco_sets.make(**SETS[name])
    for i, annotation in enumerate(truth['annotations']):
        if i % 3 == 0:
            annotation['area'] = float(LIMITS[i // 3 % len(LIMITS)])
    return truth, results


def by_image(entries, image):
    return [e for e in entries if e['image_id'] == image]


def column(entries, field, dtype='f8', width=()):
    return np.array([e[field] for e in entries], dtype).reshape(len(entries), *width)


def mask(segmentation):
    """From polygons, runs or their text."""
    import vloss

    size = coco_sets.HEIGHT, coco_sets.WIDTH
    if isinstance(segmentation, list):
        return vloss.mask_from_polygons(segmentation, *size)
    counts = segmentation['counts']
    if isinstance(counts, str):
        return vloss.mask_from_text(counts, *size)
    return vloss.Mask(np.array(counts, 'u4'), *size)


def compared(kind, found, targets):
    """What `update` takes beside boxes: similarities, and areas of the detections."""
    import vloss

    if kind == 'bbox':
        return {}
    if kind == 'segm':
        masks = [[mask(e['segmentation']) for e in side] for side in (found, targets)]
        iou = vloss.mask_iou(*masks, crowd=column(targets, 'iscrowd', 'u1'))
        return {'similarity': iou, 'areas': vloss.mask_area(masks[0]).astype('f8')}
    points = [column(side, 'keypoints', width=(17, 3)) for side in (found, targets)]
    boxes = column(targets, 'bbox', width=(4,))
    extents = np.ptp(points[0][:, :, :2], axis=1)
    return {
        'similarity': vloss.oks(*points, column(targets, 'area'), boxes=boxes),
        'areas': extents[:, 0] * extents[:, 1],
        'target_ignored': column(targets, 'num_keypoints', 'i8') == 0,
    }


def evaluate(kind, truth, results):
    """Our statistics in pycocotools' order, and tables."""
    import vloss

    evaluator = vloss.CocoEvaluator(
        'keypoints' if kind == 'keypoints' else 'detection',
        format='xywh',
        classes=sorted(c['id'] for c in truth['categories']),
    )
    for image in truth['images']:
        found = by_image(results, image['id'])
        targets = by_image(truth['annotations'], image['id'])
        evaluator.update(
            image['id'],
            column(found, 'bbox', width=(4,)),
            column(found, 'score'),
            column(found, 'category_id', 'i8'),
            column(targets, 'bbox', width=(4,)),
            column(targets, 'category_id', 'i8'),
            target_areas=column(targets, 'area'),
            target_crowd=column(targets, 'iscrowd', 'u1'),
            **compared(kind, found, targets),
        )
    s = evaluator.summarize()
    precision, recall = [s.ap, s.ap50, s.ap75], [*s.ar]
    areas = [s.ap_small, s.ap_medium, s.ap_large], [s.ar_small, s.ar_medium, s.ar_large]
    if kind == 'keypoints':
        recall = [s.ar_all, s.ar50, s.ar75]
        areas = areas[0][1:], areas[1][1:]
    return [*precision, *areas[0], *recall, *areas[1]], (s.precision, s.recall, s.scores)


def evaluate_with_pycocotools(kind, truth, results):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        peer = COCOeval(coco, coco.loadRes(coco_sets.only(results, *KINDS[kind])), kind)
        peer.evaluate()
        peer.accumulate()
        peer.summarize()
    tables = tuple(peer.eval[name] for name in ('precision', 'recall', 'scores'))
    return peer.stats.tolist(), tables


def digest(tables):
    data = b''.join(np.ascontiguousarray(table, '<f8').tobytes() for table in tables)
    return hashlib.sha256(data).hexdigest()[:16]


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', SETS)
def test_numbers(name, kind):
    numbers, tables = evaluate(kind, *make(name))
    *want, want_digest = NUMBERS[name, kind]
    np.testing.assert_allclose(numbers, want, rtol=0, atol=1e-12)
    assert digest(tables) == want_digest


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', SETS)
def test_against_pycocotools(name, kind):
    pytest.importorskip('pycocotools', reason='pycocotools is not installed')
    numbers, tables = evaluate(kind, *make(name))
    want, want_tables = evaluate_with_pycocotools(kind, *make(name))
    np.testing.assert_allclose(numbers, want, rtol=0, atol=1e-12)
    for table, peers in zip(tables, want_tables, strict=True):
        np.testing.assert_array_equal(table, peers)


if __name__ == '__main__':
    for name in SETS:
        for kind in KINDS:
            stats, tables = evaluate_with_pycocotools(kind, *make(name))
            print(f'    ({name!r}, {kind!r}): [')
            for i in range(0, len(stats), 4):
                print('        ' + ' '.join(f'{number!r},' for number in stats[i : i + 4]))
            print(f'        {digest(tables)!r},\n    ],')
