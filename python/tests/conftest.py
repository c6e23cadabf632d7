# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

import hypothesis

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # data.py and oracle.py

hypothesis.settings.register_profile('vloss', database=None, derandomize=True)
hypothesis.settings.load_profile('vloss')
