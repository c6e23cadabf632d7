#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train a classifier of handwritten digits with DistributedDataParallel on ragged batches.

    torchrun --nproc-per-node 2 distributed_digits.py

Every process has another number of rows of each batch, some none at all, and leaves out other
labels. With vloss.torch.distributed.cross_entropy the weights are those of one process that sees
whole batches, up to the rounding of matrix products and of the averages; with PyTorch's cross
entropy, a mean of means, they are not. The data come with scikit-learn.
"""

import argparse

import torch
import torch.distributed as dist
import torch.nn.functional as F
import vloss.torch.distributed
import vloss.torch.functional
from sklearn.datasets import load_digits
from torch.nn.parallel import DistributedDataParallel

BATCH = 128


def data():
    """Images, and labels of which every ninth is unknown."""
    digits = load_digits()
    labels = torch.tensor(digits.target, dtype=torch.int64)
    labels[::9] = -100
    return torch.tensor(digits.data / 16, dtype=torch.float32), labels


def share(rows, step, rank, ranks):
    """One's own part of a batch: by turns all of it, half and quarter, or nothing."""
    cuts = [
        0,
        *sorted((step * 37 * (r + 1)) % (len(rows) + 1) for r in range(ranks - 1)),
        len(rows),
    ]
    return rows[cuts[rank] : cuts[rank + 1]]


def train(loss, epochs, rank=0, ranks=1):
    """The weights after training on one's own part of each batch."""
    x, y = data()
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 10))
    parallel = DistributedDataParallel(model) if ranks > 1 else model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    step = 0
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(BATCH):
            rows = share(batch, step, rank, ranks)
            optimizer.zero_grad()
            loss(parallel(x[rows]), y[rows]).backward()
            optimizer.step()
            step += 1
    with torch.no_grad():
        known = y >= 0
        accuracy = (model(x[known]).argmax(1) == y[known]).double().mean().item()
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()]), accuracy


def mean_of_means(logits, labels):
    """What is wrong: each process divides by its own labels. (Without labels that is 0/0.)"""
    total = F.cross_entropy(logits, labels, reduction='sum')
    return total / (labels >= 0).sum().clamp(min=1)


def main(epochs):
    """The largest differences of a weight from one process's, right and wrong, and the largest."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    alone, accuracy = train(vloss.torch.functional.cross_entropy, epochs)
    right, _ = train(vloss.torch.distributed.cross_entropy, epochs, rank, ranks)
    wrong, _ = train(mean_of_means, epochs, rank, ranks)
    apart = [(w - alone).abs().max().item() for w in (right, wrong)]
    largest = alone.abs().max().item()
    if rank == 0:
        print(f'{ranks} processes, {epochs} epochs, one process: accuracy {accuracy:.1%}')
        print(f'largest weight {largest:.2f}; at most apart from those of one process:')
        print(
            f'  vloss.torch.distributed.cross_entropy {apart[0]:.1e}, mean of means {apart[1]:.1e}'
        )
    return *apart, largest


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--epochs', type=int, default=10)
    torch.set_num_threads(1)
    dist.init_process_group('gloo')
    main(parser.parse_args().epochs)
    dist.destroy_process_group()
