# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/distributed.md, small: what they say is so."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip(
    'torch', reason='PyTorch is not installed: examples of torch.distributed are not tested'
)
import distributed_cases as cases  # noqa: E402

EXAMPLES = pathlib.Path(__file__).parents[2] / 'examples' / 'python'


@pytest.fixture
def run(pool):
    """Runs an example on four processes."""
    return lambda name, *arguments: pool.values(
        cases.script, 4, str(EXAMPLES / f'distributed_{name}.py'), arguments
    )


def test_torchrun():
    """As the documentation calls it, with the numbers of one process."""
    script = EXAMPLES / 'distributed_vocabulary.py'
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2', script]
    sizes = ['--rows', '8', '--width', '4', '--classes', '300']
    result = subprocess.run(
        [*command, *sizes], capture_output=True, text=True, timeout=120, check=True
    )
    assert '8 rows x 300 classes in shards of [128, 172]' in result.stdout


def test_vocabulary(run):
    rows, width, classes = 16, 8, 500
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, width, generator=generator, requires_grad=True)
    labels = torch.randint(0, classes, (rows,), generator=generator)
    weight = torch.randn(classes, width, generator=generator).div_(width**0.5).requires_grad_()
    loss = torch.nn.functional.cross_entropy(hidden @ weight.T, labels, label_smoothing=0.1)
    loss.backward()
    for value, grad, to_hidden in run('vocabulary', rows, width, classes):
        assert value == pytest.approx(loss.item(), rel=1e-6)
        np.testing.assert_allclose(grad, weight.grad, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(to_hidden, hidden.grad, rtol=1e-4, atol=1e-6)


def test_digits(run):
    """45 steps, whose gradients differ by the rounding of f32: some 2^-24 of the largest each."""
    pytest.importorskip('sklearn', reason='scikit-learn is not installed: no digits')
    for right, wrong, largest in run('digits', 3):
        assert right < 1e-5 * largest
        assert wrong > 0.01 * largest


@pytest.mark.parametrize(('name', 'sizes'), [('boxes', (30,)), ('dice', (7, 16))])
def test_numbers_of_one_process(run, name, sizes):
    for loss, alone, wrong in run(name, *sizes):
        assert loss == pytest.approx(alone, rel=1e-6)
        assert abs(wrong - alone) > 0.01


def test_coco(run):
    for table, alone, same in run('coco', 10):
        assert table == alone and same
