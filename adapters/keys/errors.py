"""What can be wrong with keys, each with its own code and what to do about it."""

from domain.errors import Conflict, Invalid, KeysUnavailable, Misconfigured


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


class RootKeySucceeded(RootKeyWrong):
    code = "root_key_succeeded"
    message = "Another root key took over from this one, and this process does not hold it."
    hint = "Add the address of the newer one to ANAMNESIS_ROOT_KEY or ANAMNESIS_NOTES_ROOT_KEY."


class RootKeyDestroyed(Misconfigured):
    code = "root_key_destroyed"
    message = (
        "This root key was declared destroyed, and yet it is here: copies of destroyed keys could be opened with it."
    )
    hint = "Remove its address from the settings, and the key itself from wherever it came from."


class RootKeyNotHeld(KeysUnavailable):
    """Keys hang from a root that was deployed after this process began, or taken away before it was retired."""

    code = "root_key_not_held"
    message = "A key hangs from a root key that this process does not hold."
    hint = "Name all root keys in use in ANAMNESIS_ROOT_KEY and ANAMNESIS_NOTES_ROOT_KEY, and restart the process."


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


class RootRotationRefused(Conflict):
    """`hint` and facts say why."""

    code = "root_rotation_refused"
    message = "The root key can't be replaced by this one."


class RootNotRetired(Conflict):
    code = "root_not_retired"
    message = "This root key is still in use: it is not retired."
    hint = "Run `anamnesis keys rotate root` until no key hangs from it; `anamnesis keys status` shows what does."


class RootUnknown(Invalid):
    code = "root_unknown"
    message = "The key database knows no root key of this generation."
    hint = "`anamnesis keys status` lists them."


class KeyKindRefused(Invalid):
    code = "key_kind_refused"
    message = "Keys of this class are not renewed."
    hint = "What the mac key named would not be found under another one."


class SharesUnusable(Invalid):
    code = "shares_unusable"
    message = "These shares don't make up a root key."
    hint = "Give as many different shares of one set as it needs; each says how many that is."


class ShareUnreadable(Invalid):
    code = "share_unreadable"
    message = "A share can't be read: it is no share, or a word in it is wrong."
    hint = "Compare it with the original, word by word; its words are checked against each other."


class SharesOfAnother(Misconfigured):
    code = "shares_of_another_root"
    message = "The shares make up a root key, and not the one this key database was made with."
    hint = "Look for the shares of this deployment; the head of each file names the generation."


class RootAddressWrong(Misconfigured):
    code = "root_address"
    message = "The address of a root key is neither file:/path nor awskms:<ARN of a key>."


class AwsMissing(Misconfigured):
    code = "aws_missing"
    message = "A root key is held by AWS KMS, and the library for it is not installed."
    hint = "Install the extra: pip install 'anamnesis[aws]'."


class KmsDown(KeysUnavailable):
    code = "kms_down"
    message = "AWS KMS does not answer, or asks to be called less often."
    hint = (
        "It is tried again by itself. If it stays so, look at the network, at the region and at the account's quotas."
    )


class KmsRefused(KeysUnavailable):
    code = "kms_refused"
    message = "AWS KMS refuses to work with this key."
    hint = "Check that the key exists and is enabled, and that these credentials may use kms:Encrypt and kms:Decrypt on it."
