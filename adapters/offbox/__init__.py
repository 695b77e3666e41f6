"""Places off the box: a folder (of another machine, a write-once disk), or a bucket."""
