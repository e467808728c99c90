import itertools
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from lab import Lab

_numbers = itertools.count()
MISSING = [tool for tool in ("ip", "nft", "conntrack", "haproxy") if shutil.which(tool) is None]


@pytest.fixture
def lab():
    """A prefix of its own: sandboxes are called cs<slot>, so none can be hit."""
    if os.geteuid() != 0 or MISSING:
        pytest.fail(f"the data plane's kernel tests need root and {MISSING or 'nothing else'}")
    # short: the path of a unix socket may have 107 bytes
    root = Path(tempfile.mkdtemp(prefix="lab"))
    made = Lab(f"ck{os.getpid()}-{next(_numbers)}", root)
    yield made
    made.close()
    shutil.rmtree(root)
