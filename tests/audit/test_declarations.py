"""Each background job and each command on the host says what it asks for and what it puts on record, or why it is silent."""

import typer

from domain.ports.call import Role
from domain.services.policy import RULES, Action
from ops.actions import COMMANDS, SILENT
from ops.cli import app
from ops.jobs import JOBS

UNRECORDED_JOBS = {"projection_health"}  # looks at positions of views, at no record
BEFORE_SIGN_IN = {Action.SIGN_IN_OPEN, Action.SIGN_IN_REFRESH, Action.SIGN_IN_SIGN_OUT}


def commands(group, prefix=""):
    """Every command of the program as it is typed, those of groups too."""
    if not hasattr(group, "commands"):
        yield prefix.strip()
        return
    if prefix and group.invoke_without_command:
        yield prefix.strip()
    for name, command in group.commands.items():
        yield from commands(command, f"{prefix} {name}")


def silent(command):
    return command in SILENT or command.partition(" ")[0] in SILENT


def test_every_background_job_declares_what_it_puts_on_record():
    assert {job.name for job in JOBS if not job.actions} == UNRECORDED_JOBS


def test_every_command_declares_what_it_puts_on_record_or_why_it_puts_nothing_there():
    known = set(commands(typer.main.get_command(app)))
    assert {command for command in known if command not in COMMANDS and not silent(command)} == set()
    assert {command for command in COMMANDS if command not in known} == set()
    assert {name for name in SILENT if not any(one == name or one.startswith(f"{name} ") for one in known)} == set()


def test_what_jobs_and_commands_ask_for_is_in_the_table_for_the_worker_and_the_host():
    ruled = {action for rule in RULES if Role.SERVICE in rule.roles for action in rule.actions}
    asked = {action for job in JOBS for action in job.actions} | {one for many in COMMANDS.values() for one in many}
    assert asked <= ruled
    assert all(reason for reason in SILENT.values())
