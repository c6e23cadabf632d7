# SPDX-License-Identifier: Apache-2.0
"""Threads, processes and memory."""

import gc
import os
import subprocess
import sys
import threading
import time

import data
import numpy as np
import pytest
import vloss


def resident():
    """Bytes of memory in use."""
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


@pytest.fixture
def threads():
    yield vloss.set_num_threads
    vloss.set_num_threads(1)


def run(code):
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize('name', ['mse', 'giou', 'cross_entropy', 'dice'])
def test_results_do_not_depend_on_threads(name, threads):
    shape = {'mse': (300000,), 'giou': (50000, 4), 'cross_entropy': (3000, 100)}
    arrays = data.make(name, shape.get(name, (40, 5000)), 1, 'f4')
    results = []
    for number in (1, 2, 7):
        threads(number)
        assert vloss.get_num_threads() == number
        results.append(getattr(vloss, name)(*arrays))
    for other in results[1:]:
        assert other.loss == results[0].loss
        assert other.grad.tobytes() == results[0].grad.tobytes()


def test_results_do_not_depend_on_the_instruction_set():
    arrays = data.make('cross_entropy', (100, 37), 1, 'f4')
    best, results = vloss.isa(), []
    for name in ('scalar', best):
        vloss.set_isa(name)
        results.append(vloss.cross_entropy(*arrays))
    assert results[0].grad.tobytes() == results[1].grad.tobytes()


def test_two_threads_of_python(threads):
    threads(2)
    arrays = data.make('cross_entropy', (500, 200), 2, 'f4')
    want, failures = vloss.cross_entropy(*arrays), []

    def work():
        for _ in range(50):
            got = vloss.cross_entropy(*arrays)
            if got.grad.tobytes() != want.grad.tobytes():
                failures.append(got)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    assert not failures


def test_other_threads_run_meanwhile():
    """The interpreter's lock is released: another thread counts while a call runs."""
    x, t = np.zeros(1 << 24, 'f4'), np.ones(1 << 24, 'f4')
    grad, counted, done = np.empty_like(x), [0], threading.Event()

    def count():
        while not done.is_set():
            counted[0] += 1
            time.sleep(0)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)  # nobody is made to give the lock away
    worker = threading.Thread(target=count)
    try:
        worker.start()
        before = counted[0]
        vloss.mse(x, t, grad=grad)
        after = counted[0]
    finally:
        sys.setswitchinterval(interval)
        done.set()
        worker.join()
    assert after > before


def test_fork_after_use(threads):
    threads(2)
    arrays = data.make('mse', (300000,), 3, 'f4')
    want = vloss.mse(*arrays)
    child = os.fork()
    if child == 0:
        os._exit(0 if vloss.mse(*arrays).loss == want.loss else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize('case', ['results', 'copies', 'errors', 'labels', 'refused'])
def test_no_leaks(case):
    """A thousand calls more take no more memory: each leak would be of 64 KiB."""
    x, t = data.make('mse', (4096, 2))
    logits, labels = data.make('cross_entropy', (4096, 2))

    def call():
        if case == 'results':
            vloss.mse(x, t, reduction='none')
        elif case == 'copies':
            vloss.mse(x[::-1], t[:, ::-1])
        elif case == 'labels':
            vloss.cross_entropy(logits, labels.astype('i2'))
        elif case == 'refused':
            with pytest.raises(TypeError, match='cannot be read'):
                vloss.mse(x.astype('>f8'), t.astype('M8[s]'))
        else:
            with pytest.raises(ValueError, match='divisor'):
                vloss.mse(x[::-1], t, divisor=-1.0)

    for _ in range(200):
        call()
    gc.collect()
    references, before = sys.getrefcount(None), resident()
    for _ in range(1000):
        call()
    gc.collect()
    assert abs(sys.getrefcount(None) - references) < 100
    assert resident() - before < 8 << 20


def test_without_numpy():
    out = run("""
import sys
sys.modules['numpy'] = None
import array, vloss
x = memoryview(array.array('f', [1, 2, 3, 4])).cast('B').cast('f', [2, 2])
result = vloss.mse(x, memoryview(bytes(16)).cast('f', [2, 2]))
print(result.loss, result.grad.tolist(), vloss.l1(x, x, reduction='none').loss.shape)
print(vloss.cross_entropy(x, array.array('B', [0, 1])).grad.shape)
empty = memoryview(b'').cast('f')
print(vloss.mse(empty, empty).loss)
""")
    assert out == '7.5 [[0.5, 1.0], [1.5, 2.0]] (2, 2)\n(2, 2)\n0.0\n'


def test_import_is_light():
    assert run("import vloss, sys; print('numpy' in sys.modules, 'torch' in sys.modules)") == (
        'False False\n'
    )


def test_the_extension_can_be_imported_again():
    run("""
import sys, vloss
for _ in range(3):
    del sys.modules['vloss._core']
    import vloss._core
""")
