"""The use cases over plain objects."""

from tests.domain.conftest import house

__all__ = ["house"]
