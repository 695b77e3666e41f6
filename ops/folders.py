"""The data folder: made when it is missing, closed to others."""

import os
from pathlib import Path

from domain.errors import Misconfigured


class DataFolderUnusable(Misconfigured):
    code = "data_folder_unusable"
    message = "The data folder can't be made or written into."
    hint = "Set ANAMNESIS_DATA_DIR to a folder that this user may write into."


def make_private(folder: Path) -> None:
    """Make it with mode 0700 if it isn't there. Raises DataFolderUnusable."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        usable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as exc:
        raise DataFolderUnusable(path=folder, reason=os.strerror(exc.errno or 0)) from exc
    if not usable:
        raise DataFolderUnusable(path=folder)
