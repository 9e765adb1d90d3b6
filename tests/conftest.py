"""What all tests share: few threads, the same chances every time, and the way to real data."""

import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from browser import browser as browser  # a fixture

CHECKOUT = Path(__file__).resolve().parents[1]

# Read when torch is first imported, here and in the processes that tests start. Where tests run
# side by side each has a core to itself: two teams on the same cores wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")

os.environ.pop("SEQLOOM_CACHE", None)  # whoever runs the tests keeps a cache of their own


@pytest.fixture(autouse=True)
def same_chances() -> None:
    random.seed(0)
    np.random.seed(0)
    torch = sys.modules.get("torch")  # tests that need no torch do not wait for its import
    if torch is not None:
        torch.manual_seed(0)
        torch.set_num_threads(min(2, torch.get_num_threads()))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    named = os.environ.get("SEQLOOM_DATA")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs real data: {folder} is no folder, and SEQLOOM_DATA names no other")
    return folder
