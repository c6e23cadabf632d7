# SPDX-License-Identifier: Apache-2.0
"""Losses and evaluation over all processes of a group of torch.distributed, on the CPU.

What is split decides which function is right (docs/distributed.md):

- the rows of a batch: `cross_entropy`, `focal_loss`, `mean_loss`, `mean`;
- the classes of a row: `parallel_cross_entropy`, `parallel_focal_loss`, `parallel_entropy`;
- images or pixels of one overlap: `dice_loss`, `jaccard_loss`, `tversky_loss`,
  `focal_tversky_loss`;
- the images of an evaluation: `CocoEvaluator`.

Each is a collective: every process of the group calls it, with the same options, also one that has
nothing. Each returns the same value everywhere, that of one process that has everything; the
gradient is the share of one's own input. No backward pass communicates.

`averaged` says what happens to gradients afterwards. True, the default: they are averaged over the
group, as DistributedDataParallel does, and therefore are multiplied by the number of processes
here. False: they are added, or stay where they are.

A process that raises an error in a call makes the call an error everywhere. So does one that
disagrees on dtype, sizes or options: a RuntimeError names it. One that is gone, or does not call,
is a RuntimeError within the timeout of the group, which cannot be used any more then.

>>> import torch, vloss.torch.distributed as distributed
>>> torch.distributed.init_process_group(
...     'gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
>>> distributed.cross_entropy(torch.zeros(3, 4), torch.tensor([0, 1, -100]))
tensor(1.3863)
>>> distributed.mean(torch.tensor([1.0, 2.0]), denominator=4)
tensor(0.7500)
>>> torch.distributed.destroy_process_group()
"""

import math
from typing import Any, SupportsFloat

from torch import Tensor

from ._exchange import Group, place
from ._gather import CocoEvaluator
from ._groups import evaluate_groups
from ._means import Own, denominator_words, evaluate_everywhere, reduce_losses
from ._shards import evaluate_shards, real

__all__ = [
    'CocoEvaluator',
    'class_range',
    'cross_entropy',
    'dice_loss',
    'focal_loss',
    'focal_tversky_loss',
    'jaccard_loss',
    'mean',
    'mean_loss',
    'parallel_cross_entropy',
    'parallel_entropy',
    'parallel_focal_loss',
    'tversky_loss',
]


def mean(
    losses: Tensor,
    denominator: SupportsFloat | None = None,
    *,
    group: Group = None,
    averaged: bool = True,
) -> Tensor:
    """The mean over all processes of losses of any kind, each having any number of them.

    Arguments:
        losses: One's own, in any shape; float32 or float64.
        denominator: One's own share of what is divided by. Default: the number of losses.

    Sums are exact and rounded once: the value has the same bits for every order of processes, and
    for every way of sharing out the same losses. If all denominators are 0, value and gradient are
    0.
    """

    def work() -> Own:
        real('mean', 'losses', losses)
        own = losses.numel() if denominator is None else denominator
        return Own(losses, denominator_words('mean', own), None)

    return reduce_losses('mean', work, 'mean', group, averaged)


def mean_loss(
    loss: str,
    *arrays: Tensor,
    reduction: str = 'mean',
    denominator: SupportsFloat | None = None,
    group: Group = None,
    averaged: bool = True,
    **options: Any,
) -> Tensor:
    """Any loss of vloss.torch.losses by its name, over all processes.

    Arguments:
        arrays: One's own input, target and what else the loss takes.
        reduction: 'mean' or 'sum'.
        denominator: One's own share of what the mean divides by, such as the number of positives.
            Default: what the loss's own mean divides by.
        options: Of the loss.
    """
    return evaluate_everywhere(
        'mean_loss', loss, arrays, options, reduction, denominator, group, averaged
    )


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = 'mean',
    label_smoothing: float = 0.0,
    *,
    group: Group = None,
    averaged: bool = True,
) -> Tensor:
    """torch.nn.functional.cross_entropy of the rows of all processes.

    The mean divides by the weights of all labels that are not ignored, wherever they are.
    """
    soft = isinstance(target, Tensor) and target.is_floating_point()
    options: dict[str, Any] = {'smoothing': label_smoothing}
    if not soft:
        options['ignore_index'] = ignore_index
    if weight is not None:
        options['class_weight'] = weight
    loss = 'cross_entropy_soft' if soft else 'cross_entropy'
    return evaluate_everywhere(
        'cross_entropy', loss, (input, target), options, reduction, None, group, averaged
    )


def focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: str = 'mean',
    denominator: SupportsFloat | None = None,
    group: Group = None,
    averaged: bool = True,
    **options: Any,
) -> Tensor:
    """The focal loss over all processes: vloss.focal, or with labels vloss.focal_softmax.

    `alpha` is of vloss.focal alone; further options are those of the loss. Detectors divide by the
    number of positives: hand in one's own as `denominator`.
    """
    soft = isinstance(target, Tensor) and target.is_floating_point()
    own = {'alpha': alpha, 'gamma': gamma} if soft else {'gamma': gamma}
    return evaluate_everywhere(
        'focal_loss', 'focal' if soft else 'focal_softmax', (input, target), {**own, **options},
        reduction, denominator, group, averaged,
    )  # fmt: skip


def class_range(classes: int, *, group: Group = None) -> slice:
    """The classes that are one's own if all are shared out evenly, in multiples of 64.

    With such shards the `parallel_` functions give the same bits for every number of processes.
    """
    rank, ranks = place('class_range', group)
    if classes < 0:
        raise ValueError(f'class_range: classes: must not be negative, not {classes}')
    blocks = math.ceil(classes / 64)
    first, end = (min(blocks * r // ranks * 64, classes) for r in (rank, rank + 1))
    return slice(first, end)


def parallel_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = 'mean',
    label_smoothing: float = 0.0,
    *,
    group: Group = None,
) -> Tensor:
    """Cross entropy of rows whose classes are shared out over the processes.

    Arguments:
        logits: One's own classes of all rows, (N, C), (N, C, d1, ...) or (C,). They begin where
            those of the rank before end; there may be any number of them, also none.
        labels: Of all rows, in [0, all classes): the same everywhere.
        class_weight: Of all classes: the same everywhere.
        reduction: 'mean', 'sum' or 'none'.
        label_smoothing: Over all classes.

    Beyond the record of every call, it sends 32 bytes a row (f64: 40; smoothing: 96) in two
    all_reduces, whatever the number of classes. Same bits for every number of processes if shards
    begin at multiples of 64 classes (`class_range`); else within the bound of the loss.
    """
    return evaluate_shards(
        'parallel_cross_entropy', 'cross_entropy', logits, labels, class_weight, reduction, group,
        {'smoothing': label_smoothing, 'ignore_index': ignore_index},
    )  # fmt: skip


def parallel_focal_loss(
    logits: Tensor,
    labels: Tensor,
    class_weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = 'mean',
    gamma: float = 2.0,
    *,
    group: Group = None,
) -> Tensor:
    """vloss.focal_softmax of rows whose classes are shared out, like `parallel_cross_entropy`."""
    return evaluate_shards(
        'parallel_focal_loss', 'focal_softmax', logits, labels, class_weight, reduction, group,
        {'gamma': gamma, 'ignore_index': ignore_index},
    )  # fmt: skip


def parallel_entropy(logits: Tensor, reduction: str = 'mean', *, group: Group = None) -> Tensor:
    """vloss.entropy_with_logits of rows whose classes are shared out: 56 bytes a row."""
    return evaluate_shards(
        'parallel_entropy', 'entropy_with_logits', logits, None, None, reduction, group, {}
    )


def dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    reduction: str = 'mean',
    split: str = 'images',
    group: Group = None,
    averaged: bool = True,
    **options: Any,
) -> Tensor:
    """vloss.dice over all processes.

    Arguments:
        split: 'images' (default): each process has other images. 'pixels': each has a part of all
            images, all of their channels.
        options: Of the loss. Groups that go through several processes ('channel', 'batch', all of
            them if pixels are split) have the sums of all, 1752 bytes each, and one loss from them:
            no mean of ratios. Others are averaged as in `mean_loss`.

    The same bits for every number of processes, if parts are whole images or begin at a multiple of
    2,048 numbers of each channel.
    """
    return evaluate_groups(
        'dice_loss', 'dice', input, target, options, reduction, split, group, averaged
    )


def jaccard_loss(
    input: Tensor,
    target: Tensor,
    *,
    reduction: str = 'mean',
    split: str = 'images',
    group: Group = None,
    averaged: bool = True,
    **options: Any,
) -> Tensor:
    """vloss.jaccard over all processes, like `dice_loss`."""
    return evaluate_groups(
        'jaccard_loss', 'jaccard', input, target, options, reduction, split, group, averaged
    )


def tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    reduction: str = 'mean',
    split: str = 'images',
    group: Group = None,
    averaged: bool = True,
    **options: Any,
) -> Tensor:
    """vloss.tversky over all processes, like `dice_loss`."""
    return evaluate_groups(
        'tversky_loss', 'tversky', input, target, options, reduction, split, group, averaged
    )


def focal_tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    reduction: str = 'mean',
    split: str = 'images',
    group: Group = None,
    averaged: bool = True,
    **options: Any,
) -> Tensor:
    """vloss.focal_tversky over all processes, like `dice_loss`."""
    return evaluate_groups(
        'focal_tversky_loss', 'focal_tversky', input, target, options, reduction, split, group,
        averaged,
    )  # fmt: skip
