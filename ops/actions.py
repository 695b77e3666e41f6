"""What commands on the host put on record, in the codes of the audit. Jobs of the worker say so themselves (ops/jobs)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.services.policy import Action

COMMANDS: Final[Mapping[str, tuple[Action, ...]]] = MappingProxyType(
    {
        "account create": (Action.ACCOUNT_BOOTSTRAP,),
        "account create-service": (Action.ACCOUNT_BOOTSTRAP,),
        "account reset-password": (Action.ACCOUNT_RESET_PASSWORD,),
        "erase client": (Action.ERASURE_REQUEST, Action.ERASURE_READ, Action.ERASURE_CARRY_OUT),
        "hold place": (Action.HOLD_PLACE,),
        "hold lift": (Action.HOLD_LIFT,),
        "hold list": (Action.HOLD_READ,),
        "retention plan": (Action.RETENTION_SWEEP,),
        "retention run": (Action.RETENTION_SWEEP, Action.ERASURE_CARRY_OUT),
        "checkpoint": (Action.LOG_CHECKPOINT,),
        "account reset-second-factor": (Action.ACCOUNT_RESET_SECOND_FACTOR,),
        "account secret rotate": (Action.ACCOUNT_ADD_SECRET,),
        "keys rotate root": (Action.KEYS_ROTATE,),
        "keys rotate client": (Action.KEYS_ROTATE,),
        "keys rotate epoch": (Action.KEYS_ROTATE,),
        "keys retire": (Action.KEYS_ROTATE,),
        "keys share": (Action.KEYS_SHARE,),
        "keys recover": (Action.KEYS_RECOVER,),
        "export": (Action.EXPORT_MAKE,),
        "audit search": (Action.AUDIT_SEARCH, Action.AUDIT_EXPORT),
        "audit disclosures": (Action.AUDIT_ACCOUNT_DISCLOSURES,),
        "import transcripts": (Action.IMPORT_RUN,),
        "import json": (Action.IMPORT_RUN,),
        "backup": (Action.BACKUP_TAKE,),
        "restore": (Action.BACKUP_RESTORE,),
    }
)
"""The permission that each command asks for, and what its audit entries say."""

SILENT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "demo": "founds a deployment or starts its processes, which answer for themselves",
        "doctor": "reads settings, not records",
        "serve": "a process: its requests are on record",
        "project": "a process: fills views from the log and adds nothing to it",
        "worker": "a process: its jobs are on record",
        "migrate": "comes before the log, or changes tables alone",
        "rebuild-views": "fills views from the log and adds nothing to it",
        "keys create": "comes before the log",
        "keys status": "counts keys, and opens none",
        "keys check": "looks whether keys open, at no record",
        "erase check": "reads a file that it is given, no record",
        "import schema": "prints a published file",
        "backup list": "reads manifests, not records",
        "backup drill": "works on a copy that is then removed",
        "backup check": "reads what is sealed, and opens nothing of it",
        "verify": "reads the rows of the log as they lie, without opening any, also where nothing can be written",
        "proof": "reads hashes of the log, also where nothing can be written",
        "witness": "knows no record: it sees checkpoints alone",
        "bench": "works on data of its own",
    }
)
"""Commands that leave no audit entry, and why that is right. The name of a group stands for all its commands."""
