"""Why a migration can't run."""


class MigrationRefused(Exception):
    """A migration that can't run, with a stable code and what to do about it. Nothing was changed."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
