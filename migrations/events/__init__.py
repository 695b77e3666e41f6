"""Revisions of the event database: frozen once released."""
