import sys
from pathlib import Path

import pytest

from adapters.keys.root_file import FileRootKey

# Test folders are no packages: what several modules here need lies beside them.
sys.path.insert(0, str(Path(__file__).parent))

from views_world import World


@pytest.fixture
def root_key_path(tmp_path) -> Path:
    return tmp_path / "keys" / "root.key"


@pytest.fixture
def world(databases, root_key_path) -> World:
    """A new deployment of this kind of database, views empty."""
    return World(databases, FileRootKey.create(root_key_path))
