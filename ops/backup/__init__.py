"""Back-ups of the event and the key database, and how a deployment is restored from them."""
