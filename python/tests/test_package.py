# SPDX-License-Identifier: Apache-2.0
"""Documentation, stubs and files of the installed package."""

import doctest
import importlib.util
import inspect
import pathlib
import re
import subprocess
import sys

import data
import pytest
import vloss


@pytest.mark.parametrize('name', data.LOSSES)
def test_documentation(name):
    function = getattr(vloss, name)
    text = function.__doc__
    assert not re.search(r'VLOSS_|_f32|_f64|\bNULL\b|->|degenerate`', text), text
    for parameter in list(inspect.signature(function).parameters)[1:]:
        assert re.search(rf'\b{parameter}\b', text.split('Arguments:')[1]) or 'grad_v' in parameter
    assert max(map(len, text.split('\n'))) <= 104
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def test_module_examples():
    assert doctest.testmod(vloss) == doctest.TestResults(0, 2)


def test_listing():
    assert [loss.name for loss in vloss.losses()] == vloss._losses.__all__
    smooth = data.LOSSES['smooth_l1']
    assert smooth.parameters[0][:3] == ('beta', 1.0, 0.0)
    assert data.LOSSES['giou'].parameters[0].choices == ('xyxy', 'xywh', 'cxcywh')
    assert data.LOSSES['kl_div'].parameters[0].default is False


def test_header_is_there():
    header = pathlib.Path(vloss.get_include()) / 'vloss' / 'vloss.h'
    version = vloss.__version__.split('.')
    for part, number in zip(('MAJOR', 'MINOR', 'PATCH'), version, strict=True):
        assert f'#define VLOSS_VERSION_{part} {number}\n' in header.read_text()


def test_the_installed_package_is_tested():
    assert 'site-packages' in vloss.__file__


def has(module):
    return importlib.util.find_spec(module) is not None


@pytest.mark.skipif(not has('mypy'), reason='needs mypy')
def test_stubs(tmp_path):
    allowed = tmp_path / 'allowed'
    # lists to which those of modules are added, which mypy does not follow, Literals, and modules
    # that are their own stubs, whose base classes are unknown without PyTorch's types
    names = ('vloss.__all__', 'vloss.numpy.__all__', 'vloss._choices.*', 'vloss.torch._.*')
    allowed.write_text('\n'.join(names))
    # PyTorch's types, which scripts/test-python's mypy knows, are three quarters of the time
    settings = tmp_path / 'mypy.ini'
    settings.write_text('[mypy]\n[mypy-torch.*]\nfollow_imports = skip\n')
    modules = ['vloss'] if has('torch') else ['vloss.numpy', 'vloss._core', 'vloss._losses']
    command = [sys.executable, '-m', 'mypy.stubtest', *modules, '--allowlist', str(allowed)]
    command += ['--ignore-unused-allowlist', '--mypy-config-file', str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
