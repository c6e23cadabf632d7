#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Dice of a batch whose images are on several processes, some of them without the organ.

    torchrun --nproc-per-node 2 distributed_dice.py

The Dice of a batch is one ratio of sums. The mean of the processes' own ratios is another number.
"""

import torch
import torch.distributed as dist
import vloss.torch.distributed
import vloss.torch.losses


def images(count, side):
    """Logits and masks; the later an image, the smaller the organ."""
    generator = torch.Generator().manual_seed(0)
    axis = torch.linspace(-1, 1, side)
    radius = torch.linspace(0.8, 0.0, count).reshape(-1, 1, 1, 1)
    masks = (axis**2 + axis[:, None] ** 2 < radius**2).float()
    return 3 * masks - 1.5 + torch.randn(masks.shape, generator=generator), masks


def main(count=8, side=64):
    """The Dice loss of the batch: by all together, of one process, and as a mean of ratios."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    options = {'activation': 'sigmoid', 'grouping': 'batch'}
    logits, masks = images(count, side)
    alone = vloss.torch.losses.dice(logits, masks, **options)
    rows = slice(count * rank // ranks, count * (rank + 1) // ranks)
    own = logits[rows].requires_grad_()

    loss = vloss.torch.distributed.dice_loss(own, masks[rows], averaged=False, **options)
    loss.backward()  # own.grad is the gradient of the batch's loss

    wrong = vloss.torch.losses.dice(own.detach(), masks[rows], **options)
    dist.all_reduce(wrong)
    wrong /= ranks
    if rank == 0:
        print(
            f'{count} images on {ranks} processes: Dice loss {loss.item():.7f}, of one process '
            f'{alone.item():.7f}; the mean of ratios would be {wrong.item():.7f}'
        )
    return loss.item(), alone.item(), wrong.item()


if __name__ == '__main__':
    dist.init_process_group('gloo')
    main()
    dist.destroy_process_group()
