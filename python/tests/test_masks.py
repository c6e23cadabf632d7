# SPDX-License-Identifier: Apache-2.0
"""Masks and keypoints against pixels and plain loops."""

import doctest

import numpy as np
import pytest
import vloss
from hypothesis import given, settings
from hypothesis import strategies as st
from vloss import _masks


def test_examples():
    assert doctest.testmod(_masks).failed == 0
    assert all(getattr(vloss, name) is getattr(_masks, name) for name in _masks.__all__)


def pictures(seed, n=5, height=7, width=11):
    random = np.random.default_rng(seed)
    return [random.integers(0, 2, (height, width)).astype(bool) for _ in range(n)]


def runs(picture):
    """Lengths of runs down the columns, background first."""
    counts, value = [0], False
    for pixel in picture.T.reshape(-1):
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def characters(counts):
    """COCO's text, number by number."""
    text = bytearray()
    for i, count in enumerate(counts):
        value = count - (counts[i - 2] if i > 2 else 0)
        more = True
        while more:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text.append(48 + (bits | more << 5))
    return bytes(text)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 99), st.sampled_from(['?', 'u1']))
def test_there_and_back(height, width, seed, dtype):
    picture = pictures(seed, 1, height, width)[0]
    pixels = np.asfortranarray(picture.astype(dtype))
    mask = vloss.mask_encode(pixels)
    assert mask.counts.tolist() == runs(picture)
    assert mask[1:] == (height, width)
    assert np.array_equal(vloss.mask_decode(mask), picture)
    text = vloss.mask_to_text(mask)
    assert text == characters(runs(picture))
    for form in (text, text.decode()):
        again = vloss.mask_from_text(form, height, width)
        assert again.counts.tolist() == mask.counts.tolist()


def test_large_runs():
    mask = vloss.Mask(np.array([5, 2**31, 2**31 - 6, 1], 'u4'), 2**16, 2**16)
    counts = mask.counts.copy()
    counts[2] -= 1  # height x width must fit 32 bits
    mask = vloss.Mask(counts, 2**32 - 1, 1)
    assert vloss.mask_to_text(mask) == characters(counts.tolist())
    assert vloss.mask_area([mask]).tolist() == [2**31 + 1]


def test_measures():
    images = [*pictures(1), np.zeros((7, 11), bool)]
    masks = [vloss.mask_encode(image) for image in images]
    assert vloss.mask_area(masks).tolist() == [image.sum() for image in images]
    for box, image in zip(vloss.mask_box(iter(masks)), images, strict=True):
        y, x = np.nonzero(image)
        if len(x):
            assert box.tolist() == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]
        else:
            assert box.tolist() == [0, 0, 0, 0]
    assert vloss.mask_area([]).shape == (0,)
    assert vloss.mask_box(()).shape == (0, 4)


@pytest.mark.parametrize('crowd', [None, np.array([True, False, True])])
def test_iou(crowd):
    images = pictures(2)
    masks = [vloss.mask_encode(image) for image in images]
    want = np.zeros((5, 3))
    for i in range(5):
        for j in range(3):
            whole = images[i] if crowd is not None and crowd[j] else images[i] | images[j]
            want[i, j] = (images[i] & images[j]).sum() / whole.sum()
    assert np.array_equal(vloss.mask_iou(masks, masks[:3], crowd=crowd), want)
    assert vloss.mask_iou([], masks).shape == (0, 5)


def test_merge():
    images = pictures(3, 3)
    masks = [vloss.mask_encode(image) for image in images]
    union = vloss.mask_decode(vloss.mask_merge(masks))
    assert np.array_equal(union, images[0] | images[1] | images[2])
    common = vloss.mask_decode(vloss.mask_merge(masks, 'intersection'))
    assert np.array_equal(common, images[0] & images[1] & images[2])


def test_polygons():
    rectangle, triangle = [2, 1, 6, 1, 6, 5, 2, 5], np.array([[0, 0], [9, 0], [0, 9]], 'f4')
    drawn = vloss.mask_decode(vloss.mask_from_polygons([rectangle], 8, 10))
    want = np.zeros((8, 10))
    want[1:5, 2:6] = 1
    assert np.array_equal(drawn, want)
    both = vloss.mask_from_polygons([rectangle, triangle], 8, 10)
    alone = vloss.mask_from_polygons((triangle,), 8, 10)
    merged = vloss.mask_merge([alone, vloss.mask_encode(want.astype('u1'))])
    assert both.counts.tolist() == merged.counts.tolist()
    assert vloss.mask_area([vloss.mask_from_polygons([], 8, 10)]).tolist() == [0]


@pytest.mark.parametrize('sigmas', [None, [0.1, 0.5, 0.2]])
def test_oks(sigmas):
    random = np.random.default_rng(4)
    points = 17 if sigmas is None else 3
    # of COCO's keypoints file, in its order
    coco = [0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107,
        0.107, 0.087, 0.087, 0.089, 0.089]  # fmt: skip
    spread = (2 * np.array(sigmas or coco)) ** 2
    found = random.uniform(0, 5, (4, points, 3))
    wanted = random.uniform(0, 5, (3, points, 3))
    wanted[..., 2] = random.integers(0, 3, (3, points))
    wanted[2, :, 2] = 0
    areas = random.uniform(5, 20, 3)
    boxes = random.uniform(0, 2, (3, 4))
    want = np.zeros((4, 3))
    for i in range(4):
        for j in range(3):
            d = found[i, :, :2] - wanted[j, :, :2]
            seen = wanted[j, :, 2] > 0
            if not seen.any():
                low, high = boxes[j, :2] - boxes[j, 2:], boxes[j, :2] + 2 * boxes[j, 2:]
                d = np.maximum(low - found[i, :, :2], 0) + np.maximum(found[i, :, :2] - high, 0)
                seen = np.ones(points, bool)
            e = (d**2).sum(1) / spread / areas[j] / 2
            want[i, j] = np.exp(-e[seen]).mean()
    got = vloss.oks(found, wanted, areas, boxes=boxes, sigmas=sigmas)
    np.testing.assert_allclose(got, want, rtol=1e-12)


GOOD = vloss.mask_encode(np.eye(3, dtype='u1'))


@pytest.mark.parametrize(
    ('name', 'arguments', 'error', 'at'),
    [
        ('mask_encode', (np.eye(3),), TypeError, 'pixels'),
        ('mask_encode', (np.ones(3, bool),), ValueError, 'pixels'),
        ('mask_decode', ('text',), TypeError, 'mask'),
        ('mask_decode', (GOOD._replace(height=4),), ValueError, 'mask'),
        ('mask_decode', (GOOD._replace(height=2**40, width=2**40),), ValueError, 'mask'),
        ('mask_decode', (GOOD._replace(counts=GOOD.counts.astype('i4')),), TypeError, 'mask'),
        ('mask_area', ([GOOD, None],), TypeError, 'masks'),
        ('mask_iou', ([GOOD], [GOOD._replace(height=1, width=9)]), ValueError, r'masks\d'),
        ('mask_merge', ([],), ValueError, 'masks'),
        ('mask_merge', ([GOOD], 'xor'), ValueError, 'operation'),
        ('mask_from_text', (b'\x01', 3, 3), ValueError, 'text'),
        ('mask_from_text', (b'13', 3, -1), ValueError, 'width'),
        ('mask_from_polygons', ([[1.0, 2, 3]], 3, 3), ValueError, 'polygons'),
        ('mask_from_polygons', ([[np.nan] * 6], 3, 3), ValueError, 'polygons'),
        ('oks', (np.zeros((1, 16, 3)), np.zeros((1, 17, 3)), np.ones(1)), ValueError, 'detections'),
        ('oks', (np.zeros((1, 17, 3)), np.zeros((1, 17, 3)), np.ones(2)), ValueError, 'areas'),
    ],
)
def test_wrong(name, arguments, error, at):
    with pytest.raises(error, match=f'{name}: {at}: '):
        getattr(vloss, name)(*arguments)
