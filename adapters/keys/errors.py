"""What can be wrong with keys, each with its own code and what to do about it."""

from domain.errors import Invalid, Misconfigured


class RootKeyMissing(Misconfigured):
    code = "root_key_missing"
    message = "There is no root key file at this path."
    hint = "Restore the file from its back-up. Only for a new deployment: `anamnesis keys create`."


class RootKeyExists(Misconfigured):
    code = "root_key_exists"
    message = "A root key file is already there; it was left as it is."
    hint = "Everything sealed needs that file. Choose another path for a new deployment."


class RootKeyTooOpen(Misconfigured):
    code = "root_key_too_open"
    message = "Others can reach the root key file."


class RootKeyNotOurs(Misconfigured):
    code = "root_key_not_ours"
    message = "The root key file belongs to another user than the one this process runs as."
    hint = "Run the process as the file's owner, or give the file to this user with chown."


class RootKeyUnreadable(Misconfigured):
    code = "root_key_unreadable"
    message = "The root key file can't be read."


class RootKeyMalformed(Misconfigured):
    code = "root_key_malformed"
    message = "The root key file does not hold 32 random bytes in base64."
    hint = "Restore the file from its back-up; it was cut short, edited, or is another file."


class RootKeyWrong(Misconfigured):
    code = "root_key_wrong"
    message = "The root key is not the one this key database was made with."
    hint = (
        "Point ANAMNESIS_ROOT_KEY_FILE and ANAMNESIS_NOTES_ROOT_KEY_FILE at the files that belong to this deployment."
    )


class RootKeysAlike(Misconfigured):
    code = "root_keys_alike"
    message = "The root key and the notes root key are the same key."
    hint = "Psychotherapy notes need a root of their own: create a second file with `anamnesis keys create`."


class NotesRootNotLoaded(Misconfigured):
    code = "notes_root_not_loaded"
    message = "This process does not hold the notes root key, so psychotherapy notes stay closed to it."
    hint = "Only the API process loads it; elsewhere this is intended."


class KeysOlderThanEvents(Misconfigured):
    code = "keys_older_than_events"
    message = "The key database is older than the event database: keys of the newest events are not in it."
    hint = (
        "Restore the newest back-up of the key database (it is taken after that of the events). "
        "Do not write before: what was sealed under the missing keys could not be read again."
    )


class TokenInvalid(Invalid):
    code = "token_invalid"
    message = "This cursor was not made by this deployment, or for another list."
    hint = "Start the list again without a cursor."
