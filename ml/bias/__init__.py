"""Labelled texts about groups, and how well biased statements are told from neutral mentions (docs/bias.md)."""
