import importlib.util
import sys
from pathlib import Path

import pytest

from adapters.keys.root_file import FileRootKey

# Test folders are no packages; what several modules here need is loaded by path.
_PATH = Path(__file__).with_name("world.py")
_SPEC = importlib.util.spec_from_file_location("views_world", _PATH)
world_module = importlib.util.module_from_spec(_SPEC)
sys.modules["views_world"] = world_module
_SPEC.loader.exec_module(world_module)


@pytest.fixture
def root_key(tmp_path) -> FileRootKey:
    return FileRootKey.create(tmp_path / "keys" / "root.key")


@pytest.fixture
def world(databases, root_key):
    """A new deployment of this kind of database, views empty."""
    return world_module.World(databases, root_key)
