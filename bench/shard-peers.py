#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cross entropy and its gradient of rows whose classes are on several processes of this machine:
vloss.torch.distributed.parallel_cross_entropy against PyTorch's loss_parallel. gloo on loopback,
float32, one thread a process. Needs vloss and torch.

The two take turns; of each the least of the runs counts. `kernels` is the CPU time of the thread
outside of collectives, of the process that has most; `collectives` the least wall time in them,
with waiting for each other, which on fewer processors than processes is most of it. `sent` are the
bytes that a process hands to collectives. Gradients are compared first.
"""

import argparse
import datetime
import multiprocessing
import os
import pathlib
import platform
import re
import tempfile
import time

import torch
import torch.distributed as dist
import torch.distributed._functional_collectives as functional
import vloss
import vloss.torch.distributed as ours
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard
from torch.distributed.tensor.parallel import loss_parallel


class Meter:
    """Times and bytes of the collectives of this process."""

    def __init__(self):
        self.reset()
        for module, name in ((dist, 'all_reduce'), (dist, 'all_gather')):
            setattr(module, name, self.wrap(getattr(module, name), name == 'all_gather'))
        reduce = functional.all_reduce
        functional.all_reduce = self.wrap(lambda *a, **k: functional.wait_tensor(reduce(*a, **k)))

    def reset(self):
        self.wall = self.cpu = self.sent = self.calls = 0

    def wrap(self, function, second=False):
        def timed(*arguments, **options):
            wall, cpu = time.perf_counter(), time.thread_time()
            result = function(*arguments, **options)
            self.wall += time.perf_counter() - wall
            self.cpu += time.thread_time() - cpu
            values = arguments[int(second)]
            self.sent += values.numel() * values.element_size()
            self.calls += 1
            return result

        return timed


def run_vloss(logits, labels, mesh):
    leaf = logits.requires_grad_()
    leaf.grad = None
    ours.parallel_cross_entropy(leaf, labels).backward()
    return leaf.grad


def run_torch(logits, labels, mesh):
    leaf = DTensor.from_local(logits.detach(), mesh, [Shard(1)], run_check=False).requires_grad_()
    with loss_parallel():
        torch.nn.functional.cross_entropy(leaf, labels).backward()
    return leaf.grad.to_local()


FUNCTIONS = {'vloss': run_vloss, 'loss_parallel': run_torch}


def measure(rank, ranks, path, options, pipe):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{path}', rank=rank, world_size=ranks)
    mesh = init_device_mesh('cpu', (ranks,))
    generator = torch.Generator().manual_seed(rank)
    own = ours.class_range(options.classes)
    logits = torch.randn(options.rows, own.stop - own.start, generator=generator)
    labels = torch.arange(options.rows) * 7919 % options.classes
    grads = [function(logits, labels, mesh) for function in FUNCTIONS.values()]
    apart = (grads[0] - grads[1]).abs().max().item() * options.rows
    del grads
    meter = Meter()
    best = {}
    for _ in range(options.runs):
        for name, function in FUNCTIONS.items():
            dist.barrier()
            meter.reset()
            wall, cpu = time.perf_counter(), time.thread_time()
            function(logits, labels, mesh)
            times = (
                time.thread_time() - cpu - meter.cpu, meter.wall, time.perf_counter() - wall,
            )  # fmt: skip
            best[name] = [min(pair) for pair in zip(times, best.get(name, times)[:3], strict=True)]
            best[name] += [meter.sent, meter.calls]
    pipe.send((apart, best))
    dist.destroy_process_group()


def processes(ranks, options):
    """What each process has measured."""
    context = multiprocessing.get_context('spawn')
    with tempfile.TemporaryDirectory() as folder:
        pipes, started = [], []
        for rank in range(ranks):
            pipe, other = context.Pipe()
            arguments = (rank, ranks, os.path.join(folder, 'store'), options, other)
            started.append(context.Process(target=measure, args=arguments))
            started[-1].start()
            other.close()
            pipes.append(pipe)
        results = [pipe.recv() for pipe in pipes]
        for process in started:
            process.join()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--rows', type=int, default=2048)
    parser.add_argument('--classes', type=int, default=131072)
    parser.add_argument('--processes', type=int, nargs='+', default=[1, 2, 4])
    parser.add_argument('--runs', type=int, default=5)
    options = parser.parse_args()
    cpu = re.search(
        r'model name\s*: (.*)', pathlib.Path('/proc/cpuinfo').read_text(encoding='utf-8')
    )
    print(
        f'{datetime.date.today()}, {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} '
        f'processors, torch {torch.__version__}, vloss {vloss.__version__} ({vloss.isa()})\n'
        f'{options.rows} rows x {options.classes} classes, least of {options.runs} runs, ms\n'
    )
    print('| processes | | kernels | collectives | all | sent, bytes a row | collectives |')
    print('| ---: | --- | ---: | ---: | ---: | ---: | ---: |')
    for ranks in options.processes:
        results = processes(ranks, options)
        apart = max(result[0] for result in results)
        assert apart < 1e-5, f'gradients are {apart} apart'
        for name in FUNCTIONS:
            kernels = max(best[name][0] for _, best in results) * 1e3
            waited, everything = (min(best[name][k] for _, best in results) * 1e3 for k in (1, 2))
            sent, calls = results[0][1][name][3:5]
            print(
                f'| {ranks} | {name} | {kernels:.0f} | {waited:.1f} | {everything:.0f} | '
                f'{sent / options.rows:.1f} | {calls} |',
                flush=True,
            )


if __name__ == '__main__':
    main()
