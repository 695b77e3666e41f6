"""The Merkle log: arithmetic (RFC 6962) and tiles, checkpoints and signed notes, proofs, publication, the witness."""
