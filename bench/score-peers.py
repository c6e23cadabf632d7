#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scoring of boxes by vloss and by those of its peers that are installed: torchvision and
onnxruntime. First results are compared: kept indices of random sets with equal scores, and the
matrices of IoU and GIoU bit for bit. Then times: the least CPU time of interleaved runs, one
thread, float32. Needs NumPy: score-peers.py LIBVLOSS.so [RUNS [SETS]]."""

import contextlib
import ctypes
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

POINTER, SIZE = ctypes.c_void_p, ctypes.c_size_t
IOU, GIOU = 0, 3
THRESHOLD, CLASSES = 0.5, 80


class SimilarityOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("kind", ctypes.c_int), ("format", ctypes.c_int),
                ("any_corners", ctypes.c_int), ("crowd", POINTER), ("row_stride", SIZE),
                ("executor", POINTER), ("report", POINTER)]


class Labels(ctypes.Structure):
    _fields_ = [("data", POINTER), ("type", ctypes.c_int)]


def address(array):
    return POINTER(array.ctypes.data) if array is not None else None


class Vloss:
    """The library's functions on NumPy arrays, with memory that is taken once."""

    name = "vloss"

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.vloss_nms_workspace.restype = SIZE
        self.library.vloss_version.restype = ctypes.c_char_p
        self.name = f"vloss {self.library.vloss_version().decode()}"
        self.workspace, self.kept = np.zeros(0, np.uint8), np.zeros(0, np.int64)
        self.out = np.zeros(0, np.float32)

    def nms(self, boxes, scores, classes=None):
        n, count = len(boxes), SIZE()
        if len(self.kept) < n:
            self.kept = np.zeros(n, np.int64)
            self.workspace = np.zeros(self.library.vloss_nms_workspace(SIZE(n), None), np.uint8)
        status = self.library.vloss_nms_f32(
            address(boxes), address(scores), Labels(address(classes), 0), SIZE(n),
            ctypes.c_double(THRESHOLD), None, address(self.workspace), SIZE(self.workspace.size),
            SIZE(n), address(self.kept), ctypes.byref(count))
        assert status == 0
        return self.kept[:count.value]

    def matrix(self, a, b, kind=IOU):
        if self.out.size != len(a) * len(b):
            self.out = np.zeros((len(a), len(b)), np.float32)
        options = SimilarityOptions(ctypes.sizeof(SimilarityOptions), kind)
        assert self.library.vloss_similarity_matrix_f32(
            address(a), SIZE(len(a)), address(b), SIZE(len(b)), ctypes.byref(options),
            address(self.out)) == 0
        return self.out.reshape(len(a), len(b))


def clusters(n, draw):
    """As a detector leaves them: 70 jittered copies of an object for 30 boxes of noise."""
    objects = -(-n // 100)
    side = 640 * (n / 8400) ** 0.5

    def some(count):
        width = 12 * np.exp(3 * draw.random(count))
        return np.stack([*(side * draw.random((2, count))), width,
                         width * np.exp(1.4 * draw.random(count) - 0.7)], 1)

    copies = np.repeat(some(objects), 70, 0)
    jitter = 0.06 * draw.normal(size=copies.shape)
    copies[:, :2] += jitter[:, :2] * copies[:, 2:]
    copies[:, 2:] *= np.exp(jitter[:, 2:])
    noise = some(30 * objects)
    both = np.concatenate([copies, noise])
    scores = np.concatenate([draw.uniform(0.3, 1, len(copies)), draw.uniform(0, 0.4, len(noise))])
    classes = np.concatenate([np.repeat(draw.integers(0, CLASSES, objects), 70),
                              draw.integers(0, CLASSES, len(noise))])
    order = draw.permutation(len(both))[:n]
    corners = np.concatenate([both[:, :2] - both[:, 2:] / 2, both[:, :2] + both[:, 2:] / 2], 1)
    return (np.ascontiguousarray(corners[order], np.float32),
            np.ascontiguousarray(scores[order], np.float32), np.ascontiguousarray(classes[order]))


def compare(vloss, torch, torchvision, sets):
    """How many results are torchvision's."""
    draw = np.random.default_rng(1)
    nms = iou = giou = 0
    for number in range(sets):
        n = int(draw.integers(1, 400))
        boxes, scores, _ = clusters(n, draw)
        if number % 2:
            boxes = boxes.round()  # overlaps at the threshold exactly, and points
        if number % 3:
            scores = (scores * 16).round() / np.float32(16)  # ties
        tensor, other = torch.from_numpy(boxes), torch.from_numpy(boxes[:50].copy())
        theirs = torchvision.ops.nms(tensor, torch.from_numpy(scores), THRESHOLD).numpy()
        nms += np.array_equal(theirs, vloss.nms(boxes, scores))
        for kind, function in [(IOU, torchvision.ops.box_iou),
                               (GIOU, torchvision.ops.generalized_box_iou)]:
            wanted = function(tensor, other).numpy()
            solid = (boxes[:, 2:] > boxes[:, :2]).all(1)  # theirs has NaN for a point with itself
            got = vloss.matrix(boxes, boxes[:50].copy(), kind)
            pairs = solid[:, None] | solid[:50][None]
            same = bool((wanted.view(np.int32) == got.view(np.int32))[pairs].all())
            iou, giou = iou + (same and kind == IOU), giou + (same and kind == GIOU)
    print(f"the same as torchvision's, of {sets} sets: nms {nms}, box_iou {iou}, "
          f"generalized_box_iou {giou}")


def least(runs, *functions):
    best = [float("inf")] * len(functions)
    for _ in range(runs):
        for k, function in enumerate(functions):
            begin = time.process_time_ns()
            function()
            best[k] = min(best[k], time.process_time_ns() - begin)
    return [b / 1e3 for b in best]


def row(what, ours, theirs, peer):
    print(f"| {what} | {ours:.0f} | {theirs:.0f} | {theirs / ours:.0f} x | {peer} |", flush=True)


def time_torchvision(vloss, torch, torchvision, runs):
    torch.set_num_threads(1)
    peer, ops = f"torchvision {torchvision.__version__}", torchvision.ops
    for n in [8400, 30000, 100000]:
        boxes, scores, classes = clusters(n, np.random.default_rng(n))
        tensors = [torch.from_numpy(a) for a in [boxes, scores, classes]]
        few = runs if n < 100000 else max(1, runs // 5)
        row(f"nms, {n:,}", *least(few, lambda: vloss.nms(boxes, scores),
                                  lambda: ops.nms(*tensors[:2], THRESHOLD)), peer)
        row(f"batched_nms, {n:,}, {CLASSES} classes",
            *least(few, lambda: vloss.nms(boxes, scores, classes),
                   lambda: ops.batched_nms(*tensors, THRESHOLD)), peer)
    boxes = clusters(8400, np.random.default_rng(1))[0]
    others = boxes[:1000].copy()
    a, b = torch.from_numpy(boxes), torch.from_numpy(others)
    for name, kind, function in [("box_iou", IOU, ops.box_iou),
                                 ("generalized_box_iou", GIOU, ops.generalized_box_iou)]:
        row(f"{name}, 8,400 x 1,000",
            *least(runs, lambda: vloss.matrix(boxes, others, kind), lambda: function(a, b)), peer)


def onnx_session(onnxruntime, onnx):
    """A model of one NonMaxSuppression node."""
    make, number = onnx.helper, onnx.TensorProto
    inputs = [make.make_tensor_value_info("boxes", number.FLOAT, [1, None, 4]),
              make.make_tensor_value_info("scores", number.FLOAT, [1, 1, None])]
    constants = [make.make_tensor("most", number.INT64, [1], [1 << 30]),
                 make.make_tensor("threshold", number.FLOAT, [1], [THRESHOLD])]
    node = make.make_node("NonMaxSuppression", ["boxes", "scores", "most", "threshold"], ["kept"])
    output = make.make_tensor_value_info("kept", number.INT64, [None, 3])
    graph = make.make_graph([node], "nms", inputs, [output], constants)
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 11)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options,
                                        providers=["CPUExecutionProvider"])


def time_onnxruntime(vloss, onnxruntime, onnx, runs):
    session = onnx_session(onnxruntime, onnx)
    boxes, scores, _ = clusters(8400, np.random.default_rng(8400))
    feed = {"boxes": boxes[None], "scores": scores[None, None]}
    row("NonMaxSuppression, 8,400", *least(runs, lambda: vloss.nms(boxes, scores),
                                           lambda: session.run(None, feed)),
        f"onnxruntime {onnxruntime.__version__}")


def main():
    vloss = Vloss(os.path.abspath(sys.argv[1]))
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    sets = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    with contextlib.suppress(ImportError):
        import torch
        import torchvision
        compare(vloss, torch, torchvision, sets)
    print(f"\n| float32, one thread | {vloss.name}, us | peer, us | | peer |")
    print("|---|---|---|---|---|")
    with contextlib.suppress(ImportError):
        import torch
        import torchvision
        time_torchvision(vloss, torch, torchvision, runs)
    with contextlib.suppress(ImportError):
        import onnx
        import onnxruntime
        time_onnxruntime(vloss, onnxruntime, onnx, runs)


if __name__ == "__main__":
    main()
