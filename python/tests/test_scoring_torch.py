# SPDX-License-Identifier: Apache-2.0
"""vloss.torch.ops' scoring: torchvision's functions by value, eager and compiled."""

import doctest

import numpy as np
import pytest
import score_oracle as oracle

torch = pytest.importorskip('torch', reason='PyTorch is not installed: operators are not tested')
import vloss  # noqa: E402
from vloss.torch import ops  # noqa: E402

KINDS = {
    'iou': ops.box_iou,
    'giou': ops.generalized_box_iou,
    'diou': ops.distance_box_iou,
    'ciou': ops.complete_box_iou,
}


def sample(n=200, dtype=torch.float32, seed=0):
    """Boxes as torchvision's tests of nms draw them, with ties among the scores."""
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(n, 4, generator=generator) * 100
    boxes[:, 2:] += boxes[:, :2]
    if n:
        boxes[-1] = torch.cat([boxes[0, :2], boxes[0, 2:] + 1.0])
    scores = torch.randint(0, 50, (n,), generator=generator) / 50
    classes = torch.randint(0, 4, (n,), generator=generator)
    return boxes.to(dtype), scores.to(dtype), classes


def reference_nms(boxes, scores, threshold):
    """torchvision's reference in tensors, with its order of equal scores."""
    picked, order = [], torch.sort(scores, stable=True, descending=True)[1]
    while len(order) > 0:
        current, order = order[0], order[1:]
        picked.append(current.item())
        one, rest = boxes[current], boxes[order]
        sides = torch.minimum(one[2:], rest[:, 2:]) - torch.maximum(one[:2], rest[:, :2])
        both = sides.clamp(min=0).prod(1)
        areas = (rest[:, 2:] - rest[:, :2]).prod(1)
        union = (one[2:] - one[:2]).prod() + areas - both
        order = order[(both / union).double() <= threshold]
    return picked


def test_examples():
    assert doctest.testmod(ops).failed == 0


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('threshold', [0.2, 0.5, 0.8])
def test_nms(dtype, threshold):
    for seed in range(3):
        boxes, scores, classes = sample(300, dtype, seed)
        kept = ops.nms(boxes, scores, threshold)
        assert kept.dtype == torch.int64
        assert kept.tolist() == reference_nms(boxes, scores, threshold)
        kept = ops.batched_nms(boxes, scores, classes, threshold)
        want = []
        for c in range(4):
            where = torch.nonzero(classes == c)[:, 0]
            want += where[reference_nms(boxes[where], scores[where], threshold)].tolist()
        want.sort(key=lambda i: (-scores[i].item(), i))
        assert kept.tolist() == want


@pytest.mark.parametrize('kind', KINDS)
def test_similarities(kind):
    a, b = sample(40)[0], sample(30, seed=1)[0]
    got = KINDS[kind](a, b)
    want = oracle.matrix(a.numpy(), b.numpy(), kind)
    torch.testing.assert_close(got, torch.from_numpy(want), rtol=0, atol=5e-6)
    assert torch.equal(got, torch.from_numpy(vloss.similarity(a.numpy(), b.numpy(), kind)))
    whole = KINDS[kind](a.long(), b.long())
    assert whole.dtype == torch.float32
    torch.testing.assert_close(whole, KINDS[kind](a.long().float(), b.long().float()))
    half = KINDS[kind](a.bfloat16(), b.bfloat16())
    assert torch.equal(half, KINDS[kind](a.bfloat16().float(), b.bfloat16().float()))


def test_what_is_read_where_it_lies_and_what_is_not():
    boxes, scores, classes = sample()
    want = ops.batched_nms(boxes, scores, classes, 0.5)
    assert torch.equal(ops.batched_nms(boxes.t().contiguous().t(), scores, classes, 0.5), want)
    negative = torch._neg_view(-scores)
    assert torch.equal(ops.batched_nms(boxes, negative, classes, 0.5), want)
    assert torch.equal(ops.batched_nms(boxes, scores, classes.to(torch.int16), 0.5), want)
    boxes.requires_grad_()
    scores.requires_grad_()
    assert torch.equal(ops.batched_nms(boxes, scores, classes, 0.5), want)
    with torch.inference_mode():
        assert torch.equal(ops.batched_nms(boxes, scores, classes, 0.5), want)


def test_empty():
    none = torch.empty(0, 4)
    assert ops.nms(none, none[:, 0], 0.5).shape == (0,)
    assert ops.batched_nms(none, none[:, 0], torch.empty(0).long(), 0.5).dtype == torch.int64
    for function in KINDS.values():
        assert function(none, torch.rand(3, 4)).shape == (0, 3)
        assert function(torch.rand(3, 4), none).shape == (3, 0)


def test_wrong_arguments():
    boxes, scores, classes = sample(5)
    for wrong, error, at in [
        ((boxes[:, :3], scores, 0.5), ValueError, 'boxes'),
        ((boxes, scores[:3], 0.5), ValueError, 'scores'),
        ((boxes, scores.double(), 0.5), TypeError, 'scores'),
        ((boxes, scores, 1.5), ValueError, 'iou_threshold'),
    ]:
        with pytest.raises(error, match=f'nms: {at}: '):
            ops.nms(*wrong)
    with pytest.raises(ValueError, match='batched_nms: classes: '):
        ops.batched_nms(boxes, scores, classes[:2], 0.5)
    with pytest.raises(TypeError, match='batched_nms: classes: '):
        ops.batched_nms(boxes, scores, classes.to(torch.complex64), 0.5)
    with pytest.raises(TypeError, match='generalized_box_iou: boxes2: '):
        ops.generalized_box_iou(boxes, boxes.double())


def test_no_derivative_is_an_error_and_not_zero():
    boxes = sample(5)[0].requires_grad_()
    iou = ops.box_iou(boxes, boxes.detach())
    assert iou.requires_grad
    with pytest.raises(NotImplementedError, match=r'ops\.box_iou has no derivative'):
        iou.sum().backward()
    with pytest.raises((NotImplementedError, RuntimeError)):
        torch.func.grad(lambda b: ops.box_iou(b, b).sum())(boxes.detach())
    with torch.no_grad():
        assert not ops.box_iou(boxes, boxes).requires_grad


def test_opcheck():
    boxes, scores, classes = sample(20)
    torch.library.opcheck(torch.ops.vloss.nms.default, (boxes, scores, None, 0.5))
    torch.library.opcheck(torch.ops.vloss.nms.default, (boxes, scores, classes, 0.5))
    for kind in KINDS:
        torch.library.opcheck(
            torch.ops.vloss.box_similarity.default, (boxes, boxes[:7], kind, 'xyxy')
        )


@pytest.mark.parametrize('backend', ['aot_eager', 'inductor'])
def test_compiled(backend):
    def work(boxes, scores, classes):
        kept = ops.batched_nms(boxes * 2, scores, classes, 0.5)
        return ops.box_iou(boxes[kept], boxes).amax(1) + scores[kept], kept

    torch._dynamo.reset()
    compiled = torch.compile(work, fullgraph=True, dynamic=True, backend=backend)
    for n in (30, 50):
        arguments = sample(n)
        for got, want in zip(compiled(*arguments), work(*arguments), strict=True):
            assert torch.equal(got, want)


def test_fake_tensors():
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    with FakeTensorMode(shape_env=ShapeEnv()):
        boxes = torch.rand(9, 4)
        assert ops.box_iou(boxes, boxes[:2]).shape == (9, 2)
        assert ops.nms(boxes, boxes[:, 0], 0.5).dtype == torch.int64


def test_results_do_not_depend_on_threads():
    boxes = sample(2000)[0]
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(ops.box_iou(boxes, boxes))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*results)
    assert np.array_equal(results[0].numpy(), vloss.box_iou(boxes, boxes))
