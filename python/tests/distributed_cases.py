# SPDX-License-Identifier: Apache-2.0
"""What the processes of test_distributed.py do: function(group, rank, ranks, ...)."""

import os
import runpy
import time

import numpy as np
import torch
import torch.distributed as dist
import vloss.torch.distributed as D


def cut(count, ranks, uneven=False):
    """The bounds of the parts: even, or with an empty one and the others of all sizes."""
    if not uneven:
        return [count * r // ranks for r in range(ranks + 1)]
    inner = {1: [], 2: [count], 3: [1, 1], 4: [count // 3, count // 3, count - 1]}[ranks]
    return [0, *inner, count]


def part(x, bounds, rank, axis=0):
    return x.narrow(axis, bounds[rank], bounds[rank + 1] - bounds[rank])


def numbers(loss, leaf, upstream=None):
    """A loss and its gradient as arrays, which go through a pipe."""
    (loss if upstream is None else loss * upstream).sum().backward()
    return loss.detach().numpy(), leaf.grad.numpy()


def shard(group, rank, ranks, name, logits, arguments, options, bounds, upstream=None):
    """A parallel_ function of the classes from bounds[rank] on."""
    axis = int(logits.dim() > 1)
    if bounds is None:
        own = D.class_range(logits.shape[axis], group=group)
        own = logits.narrow(axis, own.start, own.stop - own.start)
    else:
        own = part(logits, bounds, rank, axis)
    leaf = own.clone().requires_grad_()
    return numbers(getattr(D, name)(leaf, *arguments, group=group, **options), leaf, upstream)


def shards(group, rank, ranks, calls):
    return [shard(group, rank, ranks, *call) for call in calls]


def batch(group, rank, ranks, name, arrays, options, bounds, averaged, axis=0):
    """A function of the rows from bounds[rank] on; a name of a loss is one for mean_loss."""
    x, *others = (part(a, bounds, rank, axis) for a in arrays)
    leaf = x.clone().requires_grad_()
    arguments = (leaf, *others)
    function = getattr(D, name, None)
    if function is None:
        function, arguments = D.mean_loss, (name, *arguments)
    own = {k: part(v, bounds, rank) if k == 'weight_of_each' else v for k, v in options.items()}
    if 'weight_of_each' in own:
        own['weight'] = own.pop('weight_of_each')
    return numbers(function(*arguments, group=group, averaged=averaged, **own), leaf)


def batches(group, rank, ranks, calls):
    return [batch(group, rank, ranks, *call) for call in calls]


def mean(group, rank, ranks, losses, denominators, order):
    leaf = losses[order[rank]].clone().requires_grad_()
    own = None if denominators is None else denominators[order[rank]]
    return numbers(D.mean(leaf, own, group=group, averaged=False), leaf)


def images(seed, count):
    """Detections and targets."""
    random = np.random.default_rng(seed)
    for image in range(count):
        n, m = random.integers(0, 9, 2)
        boxes = [np.sort(random.uniform(0, 90, (k, 2, 2)), 1).reshape(k, 4) for k in (n, m)]
        yield (
            image, boxes[0], random.uniform(size=n), random.integers(0, 3, n), boxes[1],
            random.integers(0, 3, m),
        )  # fmt: skip


def table(summary):
    names = ('precision', 'recall', 'scores', 'classes')
    counts = [summary.detections, summary.targets, str(summary)]
    return [getattr(summary, name).tobytes() for name in names] + counts


def evaluate(group, rank, ranks, seed, count, options):
    """Images in turns; the first two are everybody's, with scores that a model has rounded."""
    evaluator = D.CocoEvaluator(**options)
    for image, boxes, scores, *others in images(seed, count):
        if image % ranks == rank or image < 2:
            apart = 1e-9 * rank * (image < 2)
            evaluator.update(image, boxes, scores + apart, *others)
    return table(evaluator.summarize(group=group)), len(evaluator.gather(group=group))


def evaluate_numbered_by_all(group, rank, ranks):
    """Everyone begins to count images at 0."""
    evaluator = D.CocoEvaluator()
    for image in images(rank, 5):
        evaluator.update(*image)
    return evaluator.summarize(group=group)


def differ(group, rank, ranks, calls):
    """A call for each rank, which others answer with an error."""
    name, arguments, options = calls[rank]
    return getattr(D, name)(*arguments, group=group, **options)


def differ_evaluators(group, rank, ranks, options):
    return D.CocoEvaluator(**options[rank]).summarize(group=group)


def second_derivative(group, rank, ranks, name, arguments, options):
    x = arguments[0].clone().requires_grad_()
    loss = getattr(D, name)(x, *arguments[1:], group=group, **options)
    (grad,) = torch.autograd.grad(loss, x, create_graph=True)
    grad.sum().backward()


def second_derivative_of_squares(group, rank, ranks, x):
    x = x.clone().requires_grad_()
    loss = D.mean(x**2, group=group, averaged=False)
    (grad,) = torch.autograd.grad(loss, x, create_graph=True)
    grad.sum().backward()
    return x.grad.numpy()


def in_other_groups(group, rank, ranks, logits, labels):
    """Processes 3 and 1 share out the classes, the others are left out."""
    group = dist.new_group([3, 1])
    own = D.class_range(logits.shape[1], group=group)
    return D.parallel_cross_entropy(logits[:, own], labels, group=group).numpy()


def strided(group, rank, ranks, name, logits, arguments, options):
    """Of the same numbers in order and strided, conjugated twice and from the last axis on."""
    bounds = cut(logits.shape[1], ranks)
    x = part(logits, bounds, rank, 1)
    others = [torch.stack([a, a], -1)[..., 0] for a in arguments]
    leaf = -torch.complex(torch.zeros(x.shape), x.movedim(1, -1).contiguous().movedim(-1, 1))
    leaf = leaf.conj().imag.detach().requires_grad_()  # is_neg()
    plain = x.contiguous().requires_grad_()
    assert leaf.is_neg() and not leaf.is_contiguous()
    first = numbers(getattr(D, name)(plain, *arguments, group=group, **options), plain)
    return first, numbers(getattr(D, name)(leaf, *others, group=group, **options), leaf)


def transformed(group, rank, ranks, name, arguments):
    def function(x):
        return getattr(D, name)(x, *arguments[1:], group=group)

    return torch.func.grad(function)(arguments[0])


def compiled(group, rank, ranks, name, arguments, options):
    """Gradients of a function, and of the same in a compiled function."""

    def double(x, *others):
        return getattr(D, name)(x * 2, *others, group=group, **options)

    grads = []
    for function in (double, torch.compile(double, backend='aot_eager')):
        leaf = arguments[0].clone().requires_grad_()
        grads.append(numbers(function(leaf, *arguments[1:]), leaf)[1])
    return grads


def leave(group, rank, ranks, who, how, name):
    """One process dies, or does something else, when the others call."""
    started = time.monotonic()
    if rank == who and how == 'die':
        os._exit(1)
    if rank == who and how == 'sleep':
        time.sleep(5)
        return None
    x, y = torch.randn(4, 6), torch.tensor([0, 1, 2, 3])
    try:
        getattr(D, name)(x, y, group=group)
    except RuntimeError as error:
        return str(error), time.monotonic() - started
    return None


def leave_between(group, rank, ranks, who):
    """One process dies after all have agreed."""
    if rank == who:
        dist.all_reduce = lambda *_, **__: os._exit(1)
    return leave(group, rank, ranks, -1, None, 'parallel_cross_entropy')


def script(group, rank, ranks, path, arguments):
    """main() of an example, on the processes that are there."""
    return runpy.run_path(path)['main'](*arguments)
