"""Alembic owns every table. One chain of revisions a database: events, keys, views."""
