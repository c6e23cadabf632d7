# SPDX-License-Identifier: Apache-2.0
"""What docs/python.md shows, and the programs of examples/python in small: they run."""

import importlib.util
import pathlib
import re

import numpy as np
import pytest
import vloss

ROOT = pathlib.Path(__file__).parents[2]


def load(name, **constants):
    """An example as a module, with other constants."""
    spec = importlib.util.spec_from_file_location(name, ROOT / 'examples' / 'python' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for constant, value in constants.items():
        assert hasattr(module, constant)
        setattr(module, constant, value)
    return module


@pytest.fixture
def one_thread():
    torch = pytest.importorskip('torch')
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(before)


def page():
    """The programs on the page."""
    text = (ROOT / 'docs' / 'python.md').read_text(encoding='utf-8')
    return re.findall('```python\n(.*?)```', text, re.DOTALL)


def boxes(random, n):
    first = random.uniform(0, 50, (n, 2))
    return np.hstack([first, first + random.uniform(5, 20, (n, 2))])


def test_arrays_and_scoring_of_the_page(capsys):
    arrays, scoring, _ = page()
    names = {}
    exec(arrays, names)
    assert names['each'].shape == (4,)
    random = np.random.default_rng(0)
    found = boxes(random, 20)
    classes = np.array([0, 1, 0])
    detections = (found[:2], np.array([0.9, 0.8]), classes[:2])
    images = [(7, detections, (found[:2], classes[:2]))]
    names = {'vloss': vloss, 'boxes': found, 'scores': random.uniform(size=(20, 3))}
    exec(scoring, {**names, 'images': images})
    assert re.match(r'ap +1\.000', capsys.readouterr().out)


def test_tensors_of_the_page():
    torch = pytest.importorskip('torch')
    logits = torch.zeros(2, 4, requires_grad=True)
    exec(page()[2], {'logits': logits, 'labels': torch.tensor([1, 3])})
    assert logits.grad[0].tolist() == [0.125, -0.375, 0.125, 0.125]


def test_session(capsys):
    load('session')
    assert '400 boxes, ' in capsys.readouterr().out


def test_digits(tmp_path, capsys, one_thread):
    pytest.importorskip('matplotlib')
    pytest.importorskip('sklearn')
    load('digits', EPOCHS=2).main(tmp_path / 'digits.png')
    apart = re.search(r'curves at most (\S+) apart', capsys.readouterr().out)
    assert float(apart[1]) < 1e-5
    assert (tmp_path / 'digits.png').read_bytes().startswith(b'\x89PNG')


def test_detector(tmp_path, capsys, one_thread):
    pytest.importorskip('matplotlib')
    load('detector', STEPS=10, TESTS=2).main(tmp_path / 'detector.png')
    assert re.search(r'2 new pictures: AP \d\.\d{3}', capsys.readouterr().out)
    assert (tmp_path / 'detector.png').read_bytes().startswith(b'\x89PNG')
