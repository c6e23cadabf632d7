#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vloss on arrays of NumPy: a loss with its gradient, suppression, average precision."""

import numpy as np
import vloss

random = np.random.default_rng(0)
logits, labels = random.normal(size=(4, 3)), np.array([0, 1, 2, 0])
loss, grad = vloss.cross_entropy(logits, labels)
print(f'vloss {vloss.__version__} on {vloss.isa()}: cross entropy {loss:.4f}')
print(f'gradient of the first row: {grad[0].round(4).tolist()}')

targets = random.uniform(0, 400, (50, 4))
targets[:, 2:] = targets[:, :2] + random.uniform(20, 120, (50, 2))
classes = random.integers(0, 5, 50)
boxes = np.repeat(targets, 8, axis=0) + random.normal(0, 4, (400, 4))
scores, kinds = random.uniform(size=400), np.repeat(classes, 8)
kept = vloss.batched_nms(boxes, scores, kinds, 0.5)
print(f'{len(boxes)} boxes, {len(kept)} after suppression')

evaluator = vloss.CocoEvaluator()
evaluator.update(0, boxes[kept], scores[kept], kinds[kept], targets, classes)
summary = evaluator.summarize()
print(f'AP {summary.ap:.3f}, AP50 {summary.ap50:.3f}, AP75 {summary.ap75:.3f}')
