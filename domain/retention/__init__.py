"""How long each class of record is kept: policies as data, and what they say of one client. Pure."""
