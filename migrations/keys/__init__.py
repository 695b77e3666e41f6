"""Revisions of the key database: frozen once released."""
