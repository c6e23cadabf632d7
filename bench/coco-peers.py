#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""COCO evaluation by vloss and by those of its peers that are installed: pycocotools,
faster-coco-eval, hotcoco, ultrafast-pycocotools. The fastest of some runs, in milliseconds of one
processor: from arrays to tables (theirs: evaluate and accumulate on loaded data), and from files
to the printed table. Needs NumPy and a build:
coco-peers.py BUILD_DIR [IMAGES [RUNS [PEER...]]]."""

import contextlib
import ctypes
import importlib
import importlib.metadata
import io
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

for variable in ["OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS"]:
    os.environ[variable] = "1"

import numpy as np

PEERS = ["pycocotools", "faster_coco_eval", "hotcoco", "ultrafast_pycocotools"]
CLASSES, DETECTIONS, TARGETS = 80, 50, 7  # of an image
RECORD = 48
POINTER, SIZE = ctypes.c_void_p, ctypes.c_size_t


class Options(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("kind", ctypes.c_int)] + [
        (name, kind) for pair in ["thresholds", "recalls", "areas", "max_detections", "classes"]
        for name, kind in [(pair, POINTER), (pair + "_count", SIZE)]] + [
            ("frequencies", POINTER), ("executor", POINTER), ("report", POINTER)]


class Image(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("image_id", ctypes.c_int64), ("detections", SIZE),
                ("boxes", POINTER), ("scores", POINTER), ("classes", POINTER), ("areas", POINTER),
                ("targets", SIZE), ("target_boxes", POINTER), ("target_classes", POINTER),
                ("target_areas", POINTER), ("target_crowd", POINTER), ("target_ignored", POINTER),
                ("similarity", POINTER), ("similarity_stride", SIZE), ("negative", POINTER),
                ("negative_count", SIZE), ("not_exhaustive", POINTER),
                ("not_exhaustive_count", SIZE)]


def make(images):
    """Boxes, classes and scores by image: 3 classes, 21 detections near targets, 29 anywhere."""
    draw = np.random.default_rng(1)
    own = draw.integers(1, CLASSES + 1, (images, 3))
    boxes = draw.uniform(0, 500, (images, TARGETS, 4))
    boxes[..., 2:] = np.exp(draw.uniform(2, 5.7, (images, TARGETS, 2)))
    classes = np.take_along_axis(own, draw.integers(0, 3, (images, TARGETS)), 1)
    areas = boxes[..., 2] * boxes[..., 3] * 0.7
    crowd = (draw.random((images, TARGETS)) < 0.01).astype(np.uint8)
    found = np.exp(draw.uniform(2, 5.5, (images, DETECTIONS, 4)))
    labels = draw.integers(1, CLASSES + 1, (images, DETECTIONS))
    scores = draw.random((images, DETECTIONS)).round(4)
    near = np.arange(21) % TARGETS
    found[:, :21] = boxes[:, near] * (1 + draw.normal(0, 0.06, (images, 21, 4)))
    labels[:, :21] = classes[:, near]
    scores[:, 21:] /= 2
    return boxes, classes, areas, crowd, found, labels, scores


def write(folder, data):
    boxes, classes, areas, crowd, found, labels, scores = (a.tolist() for a in data)
    images = range(len(boxes))
    truth = {"info": {}, "images": [{"id": i, "height": 800, "width": 800} for i in images],
             "categories": [{"id": k, "name": str(k)} for k in range(1, CLASSES + 1)],
             "annotations": [{"id": i * TARGETS + j + 1, "image_id": i, "bbox": boxes[i][j],
                              "category_id": classes[i][j], "area": areas[i][j],
                              "iscrowd": crowd[i][j]} for i in images for j in range(TARGETS)]}
    results = [{"image_id": i, "category_id": labels[i][j], "bbox": found[i][j],
                "score": scores[i][j]} for i in images for j in range(DETECTIONS)]
    paths = [os.path.join(folder, name) for name in ["truth.json", "results.json"]]
    for path, content in zip(paths, [truth, results]):
        pathlib.Path(path).write_text(json.dumps(content), encoding="ascii")
    return paths


class Vloss:
    """The library on arrays, without the time of making structs for it."""

    def __init__(self, build, data):
        self.library = ctypes.CDLL(os.path.join(build, "src", "libvloss.so"))
        self.library.vloss_coco_accumulate_workspace.restype = SIZE
        boxes, classes, areas, crowd, found, labels, scores = self.data = [
            np.ascontiguousarray(a) for a in data]
        count = len(boxes) * (DETECTIONS + TARGETS)
        self.classes = np.arange(1, CLASSES + 1)
        self.options = Options(ctypes.sizeof(Options), classes=self.classes.ctypes.data,
                               classes_count=CLASSES)
        self.images = [Image(ctypes.sizeof(Image), i, DETECTIONS, found[i].ctypes.data,
                             scores[i].ctypes.data, labels[i].ctypes.data, None, TARGETS,
                             boxes[i].ctypes.data, classes[i].ctypes.data, areas[i].ctypes.data,
                             crowd[i].ctypes.data) for i in range(len(boxes))]
        self.records = np.zeros(count * RECORD, np.uint8)
        size = self.library.vloss_coco_accumulate_workspace(SIZE(count))
        self.workspace = np.zeros(size, np.uint8)
        self.precision = np.zeros((10, 101, CLASSES, 4, 3))
        self.scores = np.zeros_like(self.precision)
        self.recall = np.zeros((10, CLASSES, 4, 3))

    def __call__(self):
        match, options = self.library.vloss_coco_match, ctypes.byref(self.options)
        workspace, size = POINTER(self.workspace.ctypes.data), SIZE(self.workspace.size)
        begin, count, room = self.records.ctypes.data, SIZE(), SIZE(DETECTIONS + TARGETS)
        number, at = ctypes.byref(count), 0
        for image in self.images:
            assert match(ctypes.byref(image), options, workspace, size, room,
                         POINTER(begin + RECORD * at), number) == 0
            at += count.value
        tables = [POINTER(a.ctypes.data) for a in [self.precision, self.recall, self.scores]]
        assert self.library.vloss_coco_accumulate(POINTER(begin), SIZE(at), options, workspace,
                                                  size, *tables, None) == 0


def processor_time():
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def fastest(run, times):
    best = float("inf")
    for _ in range(times):
        begin = processor_time()
        run()
        best = min(best, processor_time() - begin)
    return best * 1e3


def peer_class(module, name):
    """A module's COCO or COCOeval, wherever it keeps it."""
    for place in [module, module + ".coco", module + ".cocoeval"]:
        with contextlib.suppress(ImportError):
            found = getattr(importlib.import_module(place), name, None)
            if isinstance(found, type):
                return found
    return getattr(importlib.import_module(module), name + "_faster")


def time_peer(module, paths, times):
    """Milliseconds from loaded data and from files, and what the evaluation says."""
    coco, evaluation = peer_class(module, "COCO"), peer_class(module, "COCOeval")

    def load():
        truth = coco(paths[0])
        return truth, truth.loadRes(paths[1])

    def evaluate(loaded):
        evaluator = evaluation(*loaded, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        return evaluator

    def whole():
        evaluate(load()).summarize()

    with contextlib.redirect_stdout(io.StringIO()):
        loaded = load()
        arrays, files = fastest(lambda: evaluate(loaded), times), fastest(whole, times)
        evaluator = evaluate(loaded)
        evaluator.summarize()
    return arrays, files, list(evaluator.stats)


def main():
    build = sys.argv[1]
    images = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as folder:
        data = make(images)
        paths = write(folder, data)
        command = [os.path.join(build, "tools", "vloss"), "coco", *paths, "--json"]
        wanted = list(json.loads(subprocess.check_output(command)).values())
        ours = (fastest(Vloss(build, data), times),
                fastest(lambda: subprocess.check_output(command), times))
        print(f"{images} images, {images * DETECTIONS} detections; milliseconds of one processor")
        print(f"{'':32} {'arrays':>9} {'':>6} {'files':>9} {'':>6}  largest difference")
        print(f"{'vloss':32} {ours[0]:9.1f} {1:6.1f} {ours[1]:9.1f} {1:6.1f}")
        for module in sys.argv[4:] or PEERS:
            name = module.replace("_", "-")
            try:
                label = f"{name} {importlib.metadata.version(name)}"
            except importlib.metadata.PackageNotFoundError:
                print(f"{name:32} is not installed")
                continue
            arrays, files, stats = time_peer(module, paths, times)
            off = max(abs(a - b) for a, b in zip(stats[:12], wanted))
            print(f"{label:32} {arrays:9.1f} {arrays / ours[0]:6.1f} {files:9.1f} "
                  f"{files / ours[1]:6.1f}  {off:.1e}")


if __name__ == "__main__":
    main()
