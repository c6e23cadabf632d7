#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The last layer of a language model, its vocabulary shared out over processes.

    torchrun --nproc-per-node 2 distributed_vocabulary.py

No process ever has all logits of a row, nor their gradient; 96 bytes a row are sent for them (32
without smoothing). Equal logits give the same bits for every number of processes. So do the weights
here, as long as the matrix product gives a column the same bits whatever its neighbours are.
"""

import argparse
import hashlib

import torch
import torch.distributed as dist
import vloss.torch.distributed as distributed


def main(rows, width, classes):
    """The loss, and a checksum of it and of the gradient of the weights."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, width, generator=generator, requires_grad=True)
    labels = torch.randint(0, classes, (rows,), generator=generator)
    own = distributed.class_range(classes)  # begins at a multiple of 64
    weight = torch.randn(classes, width, generator=generator)[own].div_(width**0.5)
    weight.requires_grad_()

    logits = hidden @ weight.T  # rows x (own classes)
    loss = distributed.parallel_cross_entropy(logits, labels, label_smoothing=0.1)
    loss.backward()
    # `hidden` is everybody's: its gradient has a share of each process
    dist.all_reduce(hidden.grad)

    parts = [None] * dist.get_world_size()
    dist.all_gather_object(parts, (weight.grad, own))
    grad = torch.cat([part for part, _ in parts])
    text = loss.detach().numpy().tobytes() + grad.numpy().tobytes()
    bits = hashlib.sha256(text).hexdigest()[:16]
    if dist.get_rank() == 0:
        sizes = [own.stop - own.start for _, own in parts]
        print(f'{rows} rows x {classes} classes in shards of {sizes}')
        print(f'loss {loss.item():.6f}, bits of it and of the gradient {bits}')
    return loss.item(), grad, hidden.grad


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--rows', type=int, default=256)
    parser.add_argument('--width', type=int, default=64)
    parser.add_argument('--classes', type=int, default=32000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dist.init_process_group('gloo')
    main(options.rows, options.width, options.classes)
    dist.destroy_process_group()
