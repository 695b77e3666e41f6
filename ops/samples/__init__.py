"""Sample clients for the demo: invented people, half a year of weekly sessions each, written through the real services."""
