"""The record of a therapy: its aggregates, rules, ports and use cases. Knows no framework and no database."""
