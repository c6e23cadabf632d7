# SPDX-License-Identifier: Apache-2.0
"""Evaluation of the images of all processes."""

import torch

from .. import CocoEvaluator as _CocoEvaluator
from .. import CocoSummary
from ._exchange import Group, Part, all_gather, checksum, exchange

_WORDS = 6  # of a record, 64 bits each: of which the first is the image


def _check_targets(records: torch.Tensor, owners: torch.Tensor, copies: torch.Tensor) -> None:
    """Each target must be wherever its image is; `copies` says for each record how often that is.

    The last 32 bits of a record say whether it is of a target.
    """
    both = torch.cat([records, copies[:, None], owners[:, None]], 1)
    targets = both[records.view(torch.int32)[:, -1] != 0].unique(dim=0)
    targets, counts = targets[:, :-1].unique(dim=0, return_counts=True)
    lost = targets[counts != targets[:, -1], 0]
    if len(lost) > 0:
        raise ValueError(
            f'gather: image_id: image {int(lost[0])} has other targets on another process'
        )


def _once(records: torch.Tensor, owners: torch.Tensor) -> torch.Tensor:
    """Of each image those of the first process that has it."""
    images, index = records[:, 0].unique(return_inverse=True)
    first = owners.new_full(images.shape, len(owners)).scatter_reduce(0, index, owners, 'amin')
    kept = owners == first[index]
    if not kept.all():
        places = torch.stack([index, owners], 1).unique(dim=0)
        _check_targets(records, owners, places[:, 0].bincount()[index])
    return records[kept]


class CocoEvaluator(_CocoEvaluator):
    """vloss.CocoEvaluator of the images of all processes.

    `update` is one's own affair; `gather` and `summarize` are collectives. All results of an image
    must be on one process. Images that a sampler hands out twice count once, with the detections of
    the first process that has them; where their targets differ, they are other images of the same
    `image_id`, and that is a ValueError everywhere.
    """

    def gather(self, *, group: Group = None) -> _CocoEvaluator:
        """An evaluator of all images, on every process: 48 bytes a detection or target."""

        def work() -> Part:
            agreed = {'the options': checksum(self._settings())}
            return Part(agreed, torch.tensor([len(self)]), None)

        sizes = exchange('gather', group, work).words[:, 0]
        most = int(sizes.max())
        own = torch.zeros(most * _WORDS, dtype=torch.int64)
        if len(self) > 0:
            own[: len(self) * _WORDS] = torch.frombuffer(self._records, dtype=torch.int64)
        everything = all_gather('gather', own, group) if most > 0 else own.new_empty(len(sizes), 0)
        there = torch.arange(most) < sizes[:, None]
        records = everything.reshape(len(sizes), most, _WORDS)[there]
        owners = torch.arange(len(sizes)).repeat_interleave(sizes)
        result = _CocoEvaluator.__new__(_CocoEvaluator)
        result._options, result._format = self._options, self._format
        result._records = bytearray(_once(records, owners).numpy().tobytes())
        return result

    def summarize(self, *, group: Group = None) -> CocoSummary:
        """The numbers and tables of all images of all processes."""
        return self.gather(group=group).summarize()
