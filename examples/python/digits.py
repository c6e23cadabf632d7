#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train a classifier of handwritten digits twice, with PyTorch's cross entropy and with vloss's.

The data come with scikit-learn. Both runs start from the same weights and see the same batches, so
that their curves lie on each other. Usage: digits.py [PICTURE]
"""

import sys
import time

import matplotlib

matplotlib.use('agg')
import matplotlib.pyplot as plt
import torch
import torch.nn.functional
import vloss.torch.functional
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EPOCHS = 40
BATCH = 128


def data():
    digits = load_digits()
    split = train_test_split(
        digits.data / 16, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    kinds = (torch.float32, torch.float32, torch.int64, torch.int64)
    return [torch.tensor(a, dtype=kind) for a, kind in zip(split, kinds, strict=True)]


def train(name, cross_entropy):
    """Losses of the epochs, seconds in the loss and its gradient."""
    x, x_test, y, y_test = data()
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    curve, seconds = [], 0.0
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(len(x)).split(BATCH):
            logits = model(x[rows])
            leaf = logits.detach().requires_grad_()
            started = time.perf_counter()
            loss = cross_entropy(leaf, y[rows], label_smoothing=0.05)
            loss.backward()
            seconds += time.perf_counter() - started
            optimizer.zero_grad()
            logits.backward(leaf.grad)
            optimizer.step()
            total += loss.item() * len(rows)
        curve.append(total / len(x))
        print(f'\r{name:5} epoch {epoch + 1:2}/{EPOCHS} loss {curve[-1]:.5f}', end='', flush=True)
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).double().mean().item()
    print(f', accuracy {accuracy:.1%}, {seconds * 1e3:.1f} ms in the loss')
    return curve, seconds


def main(picture):
    torch.set_num_threads(1)
    runs = {
        'torch': train('torch', torch.nn.functional.cross_entropy),
        'vloss': train('vloss', vloss.torch.functional.cross_entropy),
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout='constrained')
    for (name, (curve, _)), style in zip(
        runs.items(), ({'linewidth': 4}, {'ls': '--'}), strict=True
    ):
        left.plot(range(1, EPOCHS + 1), curve, label=name, **style)
    left.set(xlabel='epoch', ylabel='cross entropy', title='The same curve', yscale='log')
    left.legend()
    right.bar(runs.keys(), [seconds * 1e3 for _, seconds in runs.values()], color=['C0', 'C1'])
    right.set(ylabel='ms', title='Time in loss and gradient')
    figure.savefig(picture)
    apart = max(abs(a - b) for a, b in zip(runs['torch'][0], runs['vloss'][0], strict=True))
    print(f'curves at most {apart:.1e} apart; picture: {picture}')


if __name__ == '__main__':
    main(sys.argv[1] if len(sys.argv) > 1 else 'digits.png')
