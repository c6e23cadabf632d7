# SPDX-License-Identifier: Apache-2.0
"""What processes tell each other before they exchange data.

Every function of vloss.torch.distributed begins with the same collective: one record of a fixed
size from everyone, whatever the function and its arguments are. So a process that has failed takes
part, and one that disagrees is found before a collective that does not fit.
"""

import ctypes
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

import torch
import torch.distributed as dist

from .._core import __version__, score, state_version
from ._run import plain

Group: TypeAlias = dist.ProcessGroup | None
F = TypeVar('F', bound=Callable[..., Any])

# A compiler must not look into calls that communicate: they break its graphs, no more.
uncompiled: Callable[[F], F] = torch.compiler.disable

EXACT_WORDS = score('exact_sum', 'exact_sum', True, torch.empty(0)).numel()
_AGREED = 8
_FREE = 2 * EXACT_WORDS
# state and package version, function, whether it has failed; what must agree; what need not
_HEAD = 3
RECORD_BYTES = 8 * (_HEAD + _AGREED + _FREE)


class Part(NamedTuple):
    """What a process brings: numbers that must be everybody's, words that are its own, a result."""

    agreed: Mapping[str, int]
    own: torch.Tensor
    result: Any


class Everyone(NamedTuple):
    """What all have brought: words (ranks, ...), one's own result."""

    rank: int
    words: torch.Tensor
    result: Any


def checksum(value: Any) -> int:
    """64 bits of a tensor's numbers, or of what a value looks like."""
    if isinstance(value, torch.Tensor):
        if not value.is_cpu:
            raise TypeError('vloss.torch.distributed takes tensors on the CPU only')
        x = plain(value.detach())
        data: Any = (ctypes.c_char * (x.numel() * x.element_size())).from_address(x.data_ptr() or 1)
        sum_ = hashlib.blake2b(repr((x.dtype, x.shape)).encode(), digest_size=8)
        if x.numel() > 0:
            sum_.update(data)
    else:
        sum_ = hashlib.blake2b(repr(value).encode(), digest_size=8)
    return int.from_bytes(sum_.digest(), 'little', signed=True)


def place(name: str, group: Group) -> tuple[int, int]:
    """One's rank in the group, and how many there are."""
    rank = dist.get_rank(group)
    if rank < 0:
        raise ValueError(f'{name}: group: this process is not in it')
    devices = dist.get_backend_config(group)
    if 'cpu' not in devices:
        raise ValueError(f'{name}: group: has no backend for tensors on the CPU, only {devices}')
    return rank, dist.get_world_size(group)


def collective(name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """A collective, whose failure says what it means."""
    try:
        function(*arguments, **options)
    except RuntimeError as error:
        raise RuntimeError(
            f'{name}: a process of the group has died, is doing something else, or did not answer '
            f'within the timeout of the group: {error}'
        ) from error


def all_reduce(name: str, values: torch.Tensor, how: Any, group: Group) -> None:
    """In place; nothing is sent where there is nothing."""
    if values.numel() > 0 and dist.get_world_size(group) > 1:
        collective(name, dist.all_reduce, values, op=how, group=group)


def all_gather(name: str, values: torch.Tensor, group: Group) -> torch.Tensor:
    """Everybody's, as rows."""
    rows = list(values.new_empty((dist.get_world_size(group), values.numel())).unbind())
    collective(name, dist.all_gather, rows, values, group=group)
    return torch.stack(rows)


def _head(name: str, failed: bool) -> list[int]:
    return [checksum((state_version(), __version__)), checksum(name), int(failed)]


def _failure(name: str, error: Exception) -> torch.Tensor:
    """The record of a process that has failed: its message."""
    text = f'{type(error).__name__}: {error}'.encode()[: 8 * _FREE]
    record = torch.zeros(RECORD_BYTES // 8, dtype=torch.int64)
    record[:_HEAD] = torch.tensor(_head(name, True))
    record[_HEAD + _AGREED :].view(torch.uint8)[: len(text)] = torch.tensor(list(text)).byte()
    return record


def _record(name: str, part: Part) -> torch.Tensor:
    record = torch.zeros(RECORD_BYTES // 8, dtype=torch.int64)
    agreed = list(part.agreed.values())
    record[: _HEAD + len(agreed)] = torch.tensor(_head(name, False) + agreed)
    record[_HEAD + _AGREED :][: part.own.numel()] = part.own.reshape(-1)
    return record


def _message(record: torch.Tensor) -> str:
    text = bytes(record[_HEAD + _AGREED :].view(torch.uint8).tolist())
    return text.rstrip(b'\0').decode(errors='replace')


def _compare(name: str, records: torch.Tensor, rank: int, agreed: Mapping[str, int]) -> None:
    """Raises an error that names the first process that differs."""
    heads = records[:, : _HEAD + _AGREED].tolist()
    own = heads[rank]
    for other, record in enumerate(heads):
        who = f'rank {other} of the group'
        if record[0] != own[0]:
            raise RuntimeError(f'{name}: {who} has another version of vloss')
        if record[1] != own[1]:
            raise RuntimeError(f'{name}: {who} has called another function')
        if record[2]:
            raise RuntimeError(f'{name}: {who} has failed: {_message(records[other])}')
        for k, (field, value) in enumerate(agreed.items(), _HEAD):
            if record[k] != value:
                raise RuntimeError(f'{name}: {who} disagrees with rank {rank} on {field}')


def _bring(name: str, work: Callable[[], Part]) -> Part:
    if torch._C._are_functorch_transforms_active():
        raise NotImplementedError(f'{name}: no transforms of torch.func; use backward()')
    return work()


def exchange(name: str, group: Group, work: Callable[[], Part]) -> Everyone:
    """One all_gather of what `work` gives; where it fails, everyone has an error."""
    rank, ranks = place(name, group)
    if ranks == 1:
        only = _bring(name, work)
        return Everyone(rank, only.own.reshape(1, -1), only.result)
    part: Part | None = None
    failure: Exception | None = None
    try:
        part = _bring(name, work)
        record = _record(name, part)
    except Exception as error:
        failure, record = error, _failure(name, error)
    records = all_gather(name, record, group)
    if failure is not None:
        raise failure
    assert part is not None
    _compare(name, records, rank, part.agreed)
    words = records[:, _HEAD + _AGREED :][:, : part.own.numel()]
    return Everyone(rank, words, part.result)
