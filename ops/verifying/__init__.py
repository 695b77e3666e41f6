"""`anamnesis verify`: everything a log claims, re-derived from its rows and held against what was published of it."""
