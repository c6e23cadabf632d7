#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Losses of a detector whose boxes are on several processes, divided by the positives of all.

    torchrun --nproc-per-node 2 distributed_boxes.py

Every process has another number of boxes, one may have none. The boxes' loss is one of vloss by its
name; that of the classes is PyTorch's, one for each box. A mean of the processes' own means is
another number.
"""

import torch
import torch.distributed as dist
import torch.nn.functional as F
import vloss.torch.distributed as distributed
import vloss.torch.losses


def data(count):
    """Predicted boxes and logits, and what they should be; label 0 is the background."""
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(count, 2, generator=generator) * 50
    targets = torch.cat([corners, corners + 5 + 20 * torch.rand(count, 2, generator=generator)], 1)
    # the later a box, the worse its prediction
    apart = torch.linspace(0, 6, count)[:, None] * torch.randn(count, 4, generator=generator)
    logits = torch.randn(count, 4, generator=generator)
    labels = torch.randint(0, 4, (count,), generator=generator)
    return targets + apart, logits, targets, labels


def main(count=100):
    """The loss: of all processes together, of one process, and as a mean of means."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    boxes, logits, targets, labels = data(count)
    positive = labels > 0
    alone = vloss.torch.losses.giou(boxes[positive], targets[positive])
    alone += F.cross_entropy(logits, labels, reduction='sum') / positive.sum()

    cuts = [
        count * r * r // ranks**2 for r in (rank, rank + 1)
    ]  # each has more than the one before
    own = slice(*cuts)
    boxes, logits = boxes[own].requires_grad_(), logits[own].requires_grad_()
    targets, labels, positive = targets[own], labels[own], positive[own]
    number = positive.sum()

    # `averaged`: nobody averages gradients here; a DistributedDataParallel would
    loss = distributed.mean_loss(
        'giou', boxes[positive], targets[positive], denominator=number, averaged=False
    )
    classes = F.cross_entropy(logits, labels, reduction='none')
    loss = loss + distributed.mean(classes, denominator=number, averaged=False)
    loss.backward()  # boxes.grad and logits.grad are the share of this process

    wrong = vloss.torch.losses.giou(boxes[positive], targets[positive]).detach()
    wrong += classes.detach().sum() / number.clamp(min=1)
    dist.all_reduce(wrong)
    wrong /= ranks
    if rank == 0:
        print(
            f'{count} boxes on {ranks} processes: loss {loss.item():.6f}, of one process '
            f'{alone.item():.6f}; the mean of means would be {wrong.item():.6f}'
        )
    return loss.item(), alone.item(), wrong.item()


if __name__ == '__main__':
    dist.init_process_group('gloo')
    main()
    dist.destroy_process_group()
