"""What can be wrong with a back-up, and with a restore."""

from domain.errors import Conflict, Invalid, Misconfigured, NotFound, Unavailable


class BackupMissing(NotFound):
    code = "backup_missing"
    message = "There is no finished back-up at this place."
    hint = "`anamnesis backup list FOLDER` names those there are. One without a manifest was cut off, and is none."


class BackupDamaged(Invalid):
    """A file is missing, cut off or altered, or the log in it does not give the root its manifest states."""

    code = "backup_damaged"
    message = "This back-up is not what was written."
    hint = "Use another back-up. Nothing was changed."


class BackupUnfit(Invalid):
    """A whole back-up, but not for this: another deployment, another kind of database, another release."""

    code = "backup_unfit"
    message = "This back-up does not fit here."


class BackupForeign(Conflict):
    """What lies off the box was signed over another history than the one in the back-up."""

    code = "backup_foreign"
    message = "This back-up is not of the log whose checkpoints lie off the box."
    hint = "Its rows were altered, or it belongs to another deployment. Use another back-up; nothing was changed."


class PlaceUnusable(Unavailable):
    code = "backup_place_unusable"
    message = "The place for back-ups can't be used."


class NotEmpty(Conflict):
    """A restore writes over nothing."""

    code = "database_not_empty"
    message = "A database to restore into is not empty."
    hint = "Name empty databases in ANAMNESIS_EVENTS_URL and ANAMNESIS_KEYS_URL; for SQLite files, --replace moves those there are aside."


class StillInUse(Conflict):
    code = "database_in_use"
    message = "A process still has the database open."
    hint = "Stop every process of the deployment, then restore again."


class AnotherRestore(Conflict):
    code = "another_restore_unfinished"
    message = "A restore of another back-up began here and was not finished."
    hint = "Finish it by naming that back-up again, or begin anew with empty databases."


class RegisterUnreadable(Misconfigured):
    """Without the register of erasures, a restore would bring erased clients back."""

    code = "register_unreadable"
    message = "The register of erasures can't be read, so erased clients would come back."
    hint = "Set ANAMNESIS_OFF_BOX and ANAMNESIS_LOG_KEY_FILE as they were, or restore --without-register if nobody was ever erased."


class RestoreNotWanted(Conflict):
    code = "restore_not_confirmed"
    message = "The sentence was not repeated; nothing was changed."
