#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train a small anchor-free detector of discs, squares and triangles with focal and CIoU loss.

The pictures are drawn as they are needed, 64 x 64 with up to three shapes. Each cell of an 8 x 8
grid says what shape has its centre there, and how far its edges are. Of boxes that overlap, NMS
keeps the best; new pictures are scored as COCO does. Usage: detector.py [PICTURE]
"""

import sys
import time

import matplotlib

matplotlib.use('agg')
import matplotlib.pyplot as plt
import numpy as np
import torch
import vloss
from vloss.torch import losses

NAMES = ('disc', 'square', 'triangle')
SIZE, STRIDE = 64, 8
CELLS = SIZE // STRIDE
STEPS, BATCH = 300, 24
TESTS = 200


def draw(random):
    """A picture, its boxes (x1, y1, x2, y2) and their classes."""
    picture = random.normal(0.2, 0.05, (SIZE, SIZE)).astype('f4')
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    boxes, classes, taken = [], [], set()
    for _ in range(random.integers(1, 4)):
        half = random.uniform(5, 12)
        cx, cy = random.uniform(half, SIZE - half, 2)
        cell = (int(cy // STRIDE), int(cx // STRIDE))
        if cell in taken:
            continue
        taken.add(cell)
        kind = random.integers(3)
        u, v = (x - cx) / half, (y - cy) / half
        inside = (
            u**2 + v**2 < 1,
            np.maximum(abs(u), abs(v)) < 1,
            (abs(v) < 1) & (2 * abs(u) < v + 1),
        )[kind]
        picture[inside] = random.uniform(0.5, 1)
        boxes.append([cx - half, cy - half, cx + half, cy + half])
        classes.append(kind)
    return picture, np.array(boxes, 'f4'), np.array(classes)


def targets(drawn):
    """Classes of all cells (N, classes, 8, 8), cells with a shape (image, row, column), boxes."""
    hot = torch.zeros(len(drawn), len(NAMES), CELLS, CELLS)
    where, wanted = [], []
    for image, (_, boxes, classes) in enumerate(drawn):
        for box, kind in zip(boxes, classes, strict=True):
            column, row = ((box[:2] + box[2:]) / 2 // STRIDE).astype(int)
            hot[image, kind, row, column] = 1
            where.append((image, row, column))
            wanted.append(box)
    return hot, torch.tensor(np.array(where)), torch.tensor(np.array(wanted))


class Detector(torch.nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [], 1
        for width in (16, 32, 64):
            layers += [
                torch.nn.Conv2d(channels, width, 3, stride=2, padding=1),
                torch.nn.BatchNorm2d(width),
                torch.nn.ReLU(),
            ]
            channels = width
        for _ in range(2):
            layers += [
                torch.nn.Conv2d(64, 64, 3, padding=1),
                torch.nn.BatchNorm2d(64),
                torch.nn.ReLU(),
            ]
        self.body = torch.nn.Sequential(*layers)
        self.head = torch.nn.Conv2d(64, len(NAMES) + 4, 1)
        torch.nn.init.constant_(self.head.bias[: len(NAMES)].detach(), -4.0)
        centres = (torch.arange(CELLS) + 0.5) * STRIDE
        self.register_buffer('x', centres.view(1, -1))
        self.register_buffer('y', centres.view(-1, 1))

    def forward(self, pictures):
        """Logits (N, classes, 8, 8) and boxes (N, 8, 8, 4)."""
        out = self.head(self.body(pictures))
        left, top, right, bottom = (torch.nn.functional.softplus(out[:, -4:]) * STRIDE).unbind(1)
        boxes = torch.stack([self.x - left, self.y - top, self.x + right, self.y + bottom], -1)
        return out[:, : len(NAMES)], boxes


def train(model, random):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=STEPS)
    started = time.perf_counter()
    for step in range(1, STEPS + 1):
        drawn = [draw(random) for _ in range(BATCH)]
        hot, where, wanted = targets(drawn)
        logits, boxes = model(torch.tensor(np.array([d[0] for d in drawn]))[:, None])
        # the focal loss of all cells, for each cell that has a shape
        focal = losses.focal(logits, hot, divisor=float(len(wanted)))
        ciou = losses.ciou(boxes[where[:, 0], where[:, 1], where[:, 2]], wanted)
        optimizer.zero_grad()
        (focal + ciou).backward()
        optimizer.step()
        schedule.step()
        if step % 10 == 0:
            seconds = time.perf_counter() - started
            progress = f'focal {focal.item():.3f} ciou {ciou.item():.3f} {seconds:.0f} s'
            print(f'\rstep {step:3}/{STEPS} {progress}', end='', flush=True)
    print()


def detect(model, picture, least=0.05):
    """Boxes, scores and classes of what is left of all cells by suppression."""
    with torch.no_grad():
        logits, boxes = model(torch.tensor(picture)[None, None])
    scores = torch.sigmoid(logits).reshape(len(NAMES), -1).numpy()
    boxes = boxes.reshape(-1, 4).numpy()
    found = vloss.select(scores, least, layout='classes_by_boxes', multi_label=True)
    kept = vloss.batched_nms(boxes[found.box], found.score, found.label, 0.5)
    return boxes[found.box[kept]], found.score[kept], found.label[kept]


def evaluate(model, random):
    """COCO's average precision on new pictures."""
    evaluator = vloss.CocoEvaluator()
    for image in range(TESTS):
        picture, boxes, classes = draw(random)
        evaluator.update(image, *detect(model, picture), boxes, classes)
    summary = evaluator.summarize()
    print(
        f'{TESTS} new pictures: AP {summary.ap:.3f}, AP50 {summary.ap50:.3f}, '
        f'AP75 {summary.ap75:.3f}'
    )


def show(model, random, path):
    figure, axes = plt.subplots(2, 4, figsize=(10, 5.4), layout='constrained')
    for axis in axes.flat:
        picture, _, _ = draw(random)
        axis.imshow(picture, cmap='gray', vmin=0, vmax=1, extent=(0, SIZE, SIZE, 0))
        axis.axis('off')
        for (x1, y1, x2, y2), score, kind in zip(*detect(model, picture, 0.3), strict=True):
            axis.add_patch(plt.Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=f'C{kind}'))
            axis.text(x1, y1 - 1, f'{NAMES[kind]} {score:.2f}', color=f'C{kind}', fontsize=8)
    figure.savefig(path)
    print(f'picture: {path}')


def main(picture):
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    model = Detector()
    train(model, random)
    model.eval()
    evaluate(model, np.random.default_rng(2))
    show(model, np.random.default_rng(1), picture)


if __name__ == '__main__':
    main(sys.argv[1] if len(sys.argv) > 1 else 'detector.png')
