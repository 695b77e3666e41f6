"""Reading other people's files: AnnoMI's transcripts as CSV, and the project's own JSON."""
