"""Reports as pictures (Altair, vl-convert) and on paper (typst)."""
