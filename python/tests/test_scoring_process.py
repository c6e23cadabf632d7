# SPDX-License-Identifier: Apache-2.0
"""Memory, threads and a Python without NumPy, of the scoring functions."""

import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import vloss

N = 500
RANDOM = np.random.default_rng(0)
FIRST = RANDOM.uniform(0, 300, (N, 2))
BOXES = np.concatenate([FIRST, FIRST + RANDOM.uniform(5, 60, (N, 2))], axis=1)
SCORES = RANDOM.uniform(size=N)
CLASSES = RANDOM.integers(0, 3, N).astype('i2')
MASK = vloss.mask_encode(RANDOM.integers(0, 2, (60, 60)).astype(bool))


def coco():
    evaluator = vloss.CocoEvaluator(thresholds=[0.5], areas=[0, 1e10])
    evaluator.update(0, BOXES, SCORES, CLASSES, BOXES, CLASSES)
    evaluator.summarize()
    evaluator.curve(0)
    evaluator.calibration_error()


def wrong():
    with pytest.raises(ValueError, match='nms: iou_threshold'):
        vloss.nms(BOXES[::-1], SCORES[::-1], 2.0, classes=CLASSES)
    with pytest.raises(ValueError, match='mask_iou: masks'):
        vloss.mask_iou([MASK, MASK._replace(height=1)], [MASK])


CALLS = {
    'similarity': lambda: vloss.similarity(BOXES[:80], BOXES[::-1]),
    'best': lambda: vloss.similarity_best(BOXES, BOXES),
    'top_k': lambda: vloss.similarity_top_k(BOXES, BOXES[:50], 9),
    'pairs': lambda: vloss.similarity_pairs(BOXES, BOXES, 0.0),
    'nms': lambda: vloss.batched_nms(BOXES, SCORES, CLASSES, 0.5),
    'soft': lambda: vloss.nms(BOXES, SCORES, 0.5, method='matrix_linear'),
    'select': lambda: vloss.select(BOXES, 0.5, multi_label=True),
    'assign': lambda: vloss.assign(BOXES, BOXES[:50]),
    'fusion': lambda: vloss.weighted_boxes_fusion(BOXES, SCORES, classes=CLASSES),
    'masks': lambda: vloss.mask_iou([MASK] * 9, [MASK] * 9),
    'text': lambda: vloss.mask_from_text(vloss.mask_to_text(MASK), 60, 60),
    'pixels': lambda: vloss.mask_encode(vloss.mask_decode(MASK)),
    'merge': lambda: vloss.mask_merge([MASK] * 9),
    'polygons': lambda: vloss.mask_from_polygons([BOXES, [1.0, 2, 3, 4, 5, 1]], 60, 60),
    'coco': coco,
    'wrong': wrong,
}


def resident():
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


@pytest.mark.parametrize('name', CALLS)
def test_no_leaks(name):
    """Hundreds of calls more take no more memory: each leaks more than 16 KiB if it leaks."""
    call = CALLS[name]
    for _ in range(50):
        call()
    gc.collect()
    references, before = sys.getrefcount(None), resident()
    for _ in range(300):
        call()
    gc.collect()
    assert abs(sys.getrefcount(None) - references) < 100
    assert resident() - before < 3 << 20


def test_two_python_threads():
    want, results = CALLS['nms'](), []

    def work():
        results.extend(CALLS['nms']() for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 100
    assert all(np.array_equal(result, want) for result in results)


def test_without_numpy():
    code = """
import sys
sys.modules['numpy'] = None
import array, vloss
boxes = memoryview(array.array('d', [0, 0, 4, 4, 1, 0, 5, 4, 6, 6, 8, 8])).cast('B')
boxes = boxes.cast('d', [3, 4])
scores = array.array('d', [0.8, 0.9, 0.7])
print(vloss.box_iou(boxes, boxes).shape, vloss.nms(boxes, scores, 0.5).tolist())
evaluator = vloss.CocoEvaluator()
evaluator.update(0, boxes, scores, None, boxes, None)
print(evaluator.summarize().classes.tolist())
confusion = vloss.ConfusionMatrix([0])
confusion.update(boxes, scores, None, boxes, None)
print(confusion.matrix.tolist())
print(vloss.mask_encode(memoryview(bytes([0, 1, 1, 1])).cast('B', [2, 2])).counts.tolist())
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == '(3, 3) [1, 2]\n[0]\n[[3, 0], [0, 0]]\n[1, 3]\n'
