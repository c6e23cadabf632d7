# SPDX-License-Identifier: Apache-2.0
"""Processes of torch.distributed (gloo, loopback) that run one function after the other."""

import datetime
import multiprocessing
import tempfile

import torch
import torch.distributed as dist

# What takes seconds to import is imported once, by the process that all others are forked from.
_PRELOADED = ['torch._functorch.aot_autograd', 'sklearn.datasets', 'vloss.torch.distributed']


def _serve(rank, ranks, path, seconds, pipe):
    torch.set_num_threads(1)
    patience = datetime.timedelta(seconds=120)  # a busy machine starts them one by one
    dist.init_process_group('gloo', f'file://{path}', rank=rank, world_size=ranks, timeout=patience)
    groups = [dist.new_group(range(n + 1), timeout=patience) for n in range(ranks)]
    for group in groups[rank:]:
        timeout = datetime.timedelta(seconds=seconds)
        dist.distributed_c10d._set_pg_timeout(timeout, group)
    while True:
        function, count, arguments = pipe.recv()
        try:
            result = function(groups[count - 1], rank, count, *arguments)
        except Exception as error:
            result = error
        pipe.send(result)


class Pool:
    """`run` calls a function in the first processes: function(group, rank, ranks, *arguments)."""

    def __init__(self, ranks, seconds=30):
        context = multiprocessing.get_context('forkserver')
        context.set_forkserver_preload(_PRELOADED)
        self.folder = tempfile.TemporaryDirectory()
        self.pipes, self.processes = [], []
        for rank in range(ranks):
            pipe, other = context.Pipe()
            arguments = (rank, ranks, f'{self.folder.name}/store', seconds, other)
            process = context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            other.close()
            self.pipes.append(pipe)
            self.processes.append(process)

    def run(self, function, ranks, *arguments, patience=120):
        """What each returned or raised; None of one that has died."""
        for pipe in self.pipes[:ranks]:
            pipe.send((function, ranks, arguments))
        results = []
        for pipe in self.pipes[:ranks]:
            assert pipe.poll(patience), f'{function.__name__}: no answer after {patience} s'
            try:
                results.append(pipe.recv())
            except EOFError:
                results.append(None)
        return results

    def values(self, function, ranks, *arguments):
        """The same where all must succeed."""
        results = self.run(function, ranks, *arguments)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results

    def close(self):
        for process in self.processes:
            process.kill()
            process.join()
        self.folder.cleanup()
