"""Revisions of the view database: frozen once released."""
