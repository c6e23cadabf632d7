# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

import hypothesis
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # data.py and oracle.py

hypothesis.settings.register_profile('vloss', database=None, derandomize=True)
hypothesis.settings.load_profile('vloss')


@pytest.fixture(scope='session')
def pool():
    """Four processes of torch.distributed."""
    import processes  # and PyTorch

    pool = processes.Pool(4)
    yield pool
    pool.close()
