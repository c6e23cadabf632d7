#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""COCO's table of detections whose images are on several processes.

    torchrun --nproc-per-node 2 distributed_coco.py

As samplers do, the images are filled up so that all processes have the same number; what is there
twice counts once.
"""

import numpy as np
import torch.distributed as dist
import vloss
import vloss.torch.distributed


def image(number):
    """Detections (boxes, scores, classes) and targets (boxes, classes)."""
    random = np.random.default_rng(number)
    count = random.integers(1, 8)
    first = random.uniform(0, 60, (count, 2))
    boxes = np.concatenate([first, first + random.uniform(5, 40, (count, 2))], axis=1)
    classes = random.integers(0, 3, count)
    found = boxes + random.normal(0, 2, boxes.shape)
    return (found, random.uniform(size=count), classes), (boxes, classes)


def main(count=101):
    """The tables of all processes and of one."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    evaluator = vloss.torch.distributed.CocoEvaluator()
    each = -(-count // ranks)
    for number in range(rank, each * ranks, ranks):
        detections, targets = image(number % count)
        evaluator.update(number % count, *detections, *targets)
    summary = evaluator.summarize()  # the same on every process

    whole = vloss.CocoEvaluator()
    for number in range(count):
        detections, targets = image(number)
        whole.update(number, *detections, *targets)
    alone = whole.summarize()
    same = summary.precision.tobytes() == alone.precision.tobytes()
    if rank == 0:
        print(summary)
        print(f'{count} images on {ranks} processes; the bytes of one process: {same}')
    return str(summary), str(alone), same


if __name__ == '__main__':
    dist.init_process_group('gloo')
    main()
    dist.destroy_process_group()
