# SPDX-License-Identifier: Apache-2.0
"""Evaluation of the images of all processes."""

import torch

from .. import CocoEvaluator as _CocoEvaluator
from .. import CocoSummary
from ._exchange import Group, Part, all_gather, checksum, exchange


class CocoEvaluator(_CocoEvaluator):
    """vloss.CocoEvaluator of the images of all processes.

    `update` is one's own affair; `gather` and `summarize` are collectives. All results of an image
    must be on one process. Images that a sampler hands out twice count once.
    """

    def gather(self, *, group: Group = None) -> _CocoEvaluator:
        """An evaluator of all images, on every process: 48 bytes a detection or target."""

        def work() -> Part:
            agreed = {'the options': checksum(self._settings())}
            return Part(agreed, torch.tensor([len(self._records)]), None)

        sizes = exchange('gather', group, work).words[:, 0].tolist()
        most = max(sizes)
        own = torch.zeros(most, dtype=torch.uint8)
        own[: len(self._records)] = torch.frombuffer(
            self._records or bytearray(1), dtype=torch.uint8
        )[: len(self._records)]
        everything = all_gather('gather', own, group) if most > 0 else own.new_empty(len(sizes), 0)
        result = _CocoEvaluator.__new__(_CocoEvaluator)
        result._options, result._format = self._options, self._format
        result._records = bytearray()
        for records, size in zip(everything, sizes, strict=True):
            result._records += records[:size].numpy().tobytes()
        return result

    def summarize(self, *, group: Group = None) -> CocoSummary:
        """The numbers and tables of all images of all processes."""
        return self.gather(group=group).summarize()
