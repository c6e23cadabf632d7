# SPDX-License-Identifier: Apache-2.0
"""What torchvision's users expect of vloss.torch.ops: values by hand, types, shapes, errors."""

import inspect
import itertools
import math
from fractions import Fraction

import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed: its losses are not tested')
from torch.nn import functional as F  # noqa: E402
from vloss.torch import ops  # noqa: E402

LOSSES = [
    ops.generalized_box_iou_loss,
    ops.distance_box_iou_loss,
    ops.complete_box_iou_loss,
]
HALF = [torch.bfloat16, torch.float16]

# A square, the quarter of it, and squares of that size that share an edge or a corner with it.
SQUARE, QUARTER, BESIDE, ACROSS = (
    (0, 0, 4, 4),
    (2, 2, 4, 4),
    (2, 4, 4, 6),
    (4, 4, 6, 6),
)
# Pairs, their GIoU loss and their DIoU loss; squares have no aspect to lose by CIoU.
PAIRS = [
    (SQUARE, SQUARE, 0, 0),
    (SQUARE, QUARTER, Fraction(3, 4), Fraction(3, 4) + Fraction(2, 32)),
    (QUARTER, BESIDE, 1, 1 + Fraction(4, 20)),
    (QUARTER, ACROSS, 1 + Fraction(8, 16), 1 + Fraction(8, 32)),
    (SQUARE, BESIDE, 1 + Fraction(24 - 20, 24), 1 + Fraction(1 + 9, 16 + 36)),
]


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, *HALF])
@pytest.mark.parametrize('function', LOSSES)
def test_box_losses(function, dtype):
    """Half types are computed, and returned, in float32."""
    first, second = (torch.tensor([pair[i] for pair in PAIRS], dtype=dtype) for i in (0, 1))
    column = 2 if function is ops.generalized_box_iou_loss else 3
    wide = torch.float64 if dtype is torch.float64 else torch.float32
    want = torch.tensor([float(pair[column]) for pair in PAIRS], dtype=wide)
    # eps is 1e-7 of squares of at least 4
    torch.testing.assert_close(function(first, second), want, rtol=2e-7, atol=1e-7)
    torch.testing.assert_close(function(first[1], second[1]), want[1], rtol=2e-7, atol=1e-7)
    torch.testing.assert_close(function(first, second, 'sum'), want.sum(), rtol=2e-7, atol=0)
    torch.testing.assert_close(function(first, second, 'mean'), want.mean(), rtol=2e-7, atol=0)
    with pytest.raises(ValueError, match='reduction'):
        function(first, second, reduction='average')


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
@pytest.mark.parametrize('function', LOSSES)
def test_losses_of_no_boxes(function, dtype):
    first, second = (torch.empty(0, 4, dtype=dtype, requires_grad=True) for _ in range(2))
    loss = function(first, second, reduction='mean')
    loss.backward()
    assert loss.item() == 0
    assert first.grad.shape == second.grad.shape == (0, 4)
    assert first.grad.dtype is dtype
    assert function(first, second, reduction='none').shape == (0,)


@pytest.mark.parametrize('function', LOSSES)
def test_boxes_broadcast(function):
    many = torch.tensor([SQUARE, QUARTER, BESIDE], dtype=torch.float64, requires_grad=True)
    one = torch.tensor(ACROSS, dtype=torch.float64, requires_grad=True)
    loss = function(many, one)
    assert torch.equal(loss, function(many, one.expand(3, 4)))
    loss.sum().backward()
    sums = torch.zeros(4, dtype=torch.float64)
    for box in many.detach():
        alone = one.detach().clone().requires_grad_()
        function(box, alone).backward()
        sums += alone.grad
    torch.testing.assert_close(one.grad, sums, rtol=1e-12, atol=1e-12)
    with pytest.raises((ValueError, RuntimeError)):
        function(many, many[:2])


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('gamma', [0, 0.5, 2])
@pytest.mark.parametrize('alpha', [-1, 0, 0.58, 1])
def test_focal_loss_is_a_part_of_cross_entropy(alpha, gamma, dtype):
    probabilities = torch.tensor([0.01, 0.1, 0.3, 0.5, 0.8, 0.95, 0.99], dtype=dtype)
    logits, targets = torch.cartesian_prod(torch.logit(probabilities), probabilities.new([0, 1])).T
    loss = ops.sigmoid_focal_loss(logits, targets, alpha, gamma).double()
    logits, targets = logits.double(), targets.double()
    whole = F.binary_cross_entropy_with_logits(logits, targets, reduction='none')
    part = torch.where(targets > 0, (-logits).sigmoid(), logits.sigmoid()) ** gamma
    if alpha >= 0:
        part = part * (alpha * targets + (1 - alpha) * (1 - targets))
    tolerance = 1e-12 if dtype is torch.float64 else 1e-6
    assert (loss <= whole * (1 + tolerance)).all()
    torch.testing.assert_close(loss, whole * part, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('reduction', ['none', 'mean', 'sum'])
@pytest.mark.parametrize('dtype', [torch.float32, *HALF])
def test_focal_loss_may_be_cross_entropy(dtype, reduction):
    """And has the type of its input, as cross entropy has."""
    logits, targets = torch.linspace(-6, 6, 26).to(dtype), (torch.arange(26) % 2).to(dtype)
    results = []
    for function, options in [
        (ops.sigmoid_focal_loss, {'alpha': -1, 'gamma': 0}),
        (F.binary_cross_entropy_with_logits, {}),
    ]:
        x = logits.clone().requires_grad_()
        loss = function(x, targets, reduction=reduction, **options)
        loss.sum().backward()
        assert loss.dtype is x.grad.dtype is dtype
        results.append((loss.detach(), x.grad))
    for got, want in zip(*results, strict=True):
        tolerance = max(1e-6, 4 * torch.finfo(dtype).eps)
        torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance)
    with pytest.raises(ValueError, match='reduction'):
        ops.sigmoid_focal_loss(logits, targets, reduction='average')


def iou(a, b):
    sides = [max(0, min(a[k + 2], b[k + 2]) - max(a[k], b[k])) for k in (0, 1)]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return Fraction(math.prod(sides), sum(areas) - math.prod(sides))


WHOLE = [torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64]


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, *HALF, *WHOLE])
def test_iou_of_types_and_formats(dtype):
    """Whole numbers and half types give float32, and unsigned ones do not wrap around."""
    boxes = [SQUARE, QUARTER, BESIDE, ACROSS, (0, 0, 8, 2)]
    tensor = torch.tensor(boxes, dtype=dtype)
    wide = torch.float64 if dtype is torch.float64 else torch.float32
    want = torch.tensor([[float(iou(a, b)) for b in boxes] for a in boxes], dtype=wide)
    torch.testing.assert_close(ops.box_iou(tensor, tensor), want, rtol=2e-7, atol=0)
    for fmt in ('xywh', 'cxcywh'):
        converted = ops.box_convert(tensor, 'xyxy', fmt)
        if dtype in WHOLE and fmt == 'cxcywh':
            continue  # centres are not whole
        got = ops.box_iou(converted, converted, fmt)
        torch.testing.assert_close(got, want, rtol=2e-7, atol=0)
    with pytest.raises(ValueError, match='box_iou: fmt: '):
        ops.box_iou(tensor, tensor, 'xyxyxyxy')


@pytest.mark.parametrize(
    'function',
    [ops.box_iou, ops.generalized_box_iou, ops.distance_box_iou, ops.complete_box_iou],
)
def test_a_matrix_is_its_elements(function):
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(7, 2, generator=generator)
    boxes = torch.cat([first, first + torch.rand(7, 2, generator=generator)], 1)
    matrix = function(boxes[:4], boxes)
    for i, j in itertools.product(range(4), range(7)):
        assert matrix[i, j] == function(boxes[i : i + 1], boxes[j : j + 1])


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, *HALF, *WHOLE])
def test_area(dtype):
    boxes = [(0, 0, 100, 90), (0, 0, 0, 0), (3, 5, 6, 7)]
    area = ops.box_area(torch.tensor(boxes, dtype=dtype))
    assert area.tolist() == [9000, 0, 6]
    kept = (torch.float64, torch.int64)
    other = torch.int32 if dtype in WHOLE else torch.float32
    assert area.dtype is (dtype if dtype in kept else other)
    for fmt in ('xywh', 'cxcywh'):
        assert ops.box_area(torch.tensor(boxes, dtype=dtype), fmt).tolist() == [9000, 0, 42]
    with pytest.raises(ValueError, match='box_area: fmt: '):
        ops.box_area(torch.zeros(1, 4), 'xyz')


def test_convert():
    formats = {
        'xyxy': [(0, 0, 100, 90), (0, 0, 0, 0), (3, 5, 6, 7)],
        'xywh': [(0, 0, 100, 90), (0, 0, 0, 0), (3, 5, 3, 2)],
        'cxcywh': [(50, 45, 100, 90), (0, 0, 0, 0), (4.5, 6, 3, 2)],
    }
    for (a, given), (b, want) in itertools.product(formats.items(), repeat=2):
        boxes = torch.tensor(given, dtype=torch.float32)
        got = ops.box_convert(boxes, a, b)
        assert got.tolist() == [list(box) for box in want]
        assert got.data_ptr() != boxes.data_ptr()
        nested = boxes.reshape(1, 3, 4)
        assert torch.equal(ops.box_convert(nested, a, b), got[None])
    for arguments in [('xywh', 'xwyh'), ('cxwyh', 'xyxy')]:
        with pytest.raises(ValueError, match=r'box_convert: (in|out)_fmt: '):
            ops.box_convert(boxes, *arguments)


def test_clip_and_remove():
    boxes = torch.tensor([[-3.0, 1, 4, 9], [2, -5, 30, 4], [40, 50, 60, 70]], requires_grad=True)
    clipped = ops.clip_boxes_to_image(boxes, (8, 20))
    assert clipped.tolist() == [[0, 1, 4, 8], [2, 0, 20, 4], [20, 8, 20, 8]]
    clipped.sum().backward()
    assert boxes.grad.tolist() == [[0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]]
    assert ops.remove_small_boxes(clipped, 4).tolist() == [0, 1]
    assert ops.remove_small_boxes(clipped, 4.5).tolist() == []
    assert ops.clip_boxes_to_image(boxes.reshape(1, 3, 4), (8, 20)).shape == (1, 3, 4)


def test_geometry_is_differentiable_and_compiles():
    boxes = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    for fmt in ('xyxy', 'xywh', 'cxcywh'):
        assert torch.autograd.gradcheck(lambda b, fmt=fmt: ops.box_area(b, fmt), boxes)
        assert torch.autograd.gradcheck(lambda b, fmt=fmt: ops.box_convert(b, fmt, 'xywh'), boxes)
    torch._dynamo.reset()

    def work(b):
        b = ops.clip_boxes_to_image(ops.box_convert(b, 'cxcywh', 'xyxy'), (1, 1))
        return ops.box_area(b) + ops.generalized_box_iou_loss(b.half(), b)

    compiled = torch.compile(work, fullgraph=True, backend='aot_eager')
    boxes = boxes.detach().float()
    assert torch.equal(compiled(boxes), work(boxes))


def test_classes_of_suppression_may_be_a_column_of_detections():
    boxes = torch.tensor([SQUARE, SQUARE, SQUARE, SQUARE], dtype=torch.float32)
    detections = torch.cat([boxes, torch.tensor([[0.5, 7], [0.9, 2.5], [0.7, 7], [0.8, 2.25]])], 1)
    boxes, scores, classes = detections[:, :4], detections[:, 4], detections[:, 5]
    assert ops.batched_nms(boxes, scores, classes, 0.5).tolist() == [1, 3, 2]


def test_signatures():
    def names(function):
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, p.default) for p in parameters if p.default is not p.empty]

    for function in LOSSES:
        assert names(function) == [('reduction', 'none'), ('eps', 1e-7)]
    focal = [('alpha', 0.25), ('gamma', 2), ('reduction', 'none')]
    assert names(ops.sigmoid_focal_loss) == focal
    assert names(ops.box_iou) == names(ops.box_area) == [('fmt', 'xyxy')]
    for function in (ops.distance_box_iou, ops.complete_box_iou):
        assert names(function) == [('eps', 1e-7)]
