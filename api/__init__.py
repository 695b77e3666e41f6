"""HTTP: parse, call a use case, answer. Sees the domain alone; `ops.bootstrap` hands it the rest."""
