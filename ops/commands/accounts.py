"""`account`: accounts made and mended on the host, where there may be nobody yet to sign in."""

from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import typer

if TYPE_CHECKING:
    from ops.console import Voice

app = typer.Typer(help="Accounts, from the host.", no_args_is_help=True, rich_markup_mode="rich")
secrets = typer.Typer(help="Secrets of service accounts.", no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(secrets, name="secret")
# What an account made on the host may be; those tied to a client or a supervisor are made by an operator, over the API.
HostRole = Literal["operator", "compliance_officer", "supervisor", "clinician", "ml_engineer"]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command("create")
def create(
    login: Annotated[str, typer.Argument(help="An address, such as noor@practice.example.")],
    name: Annotated[str, typer.Option("--name", help="The name others see.")],
    role: Annotated[HostRole, typer.Option(help="What the account is for.")] = "operator",
    password_stdin: PasswordStdin = False,
    as_json: AsJson = False,
) -> None:
    """Make an account. The first one is an operator's, who makes the others over the API.

    The password is asked for on a terminal; it is never an argument, which other users of the machine could see.
    """
    from ops.console import voice

    speaker = voice(as_json=as_json)
    password = _password(speaker, from_stdin=password_stdin)

    from domain.ports.call import Role
    from ops.hosting import create_account

    account_id = create_account(login=login, name=name, role=Role(role), password=password)
    speaker.say("account_created", f"Made the account {account_id} ({role}).", account_id=account_id, role=role)


@app.command("create-service")
def create_service(
    name: Annotated[str, typer.Argument(help="What others see, such as 'Practice platform'.")],
    scope: Annotated[list[str], typer.Option(help="What it may be used for, such as changes:read; repeat for more.")],
    as_json: AsJson = False,
) -> None:
    """Make an account for another program, with its first secret, which is shown this once."""
    from ops.console import voice

    speaker = voice(as_json=as_json)

    from domain.errors import Invalid
    from domain.ports.call import Scope
    from ops.hosting import create_service_account

    try:
        scopes = [Scope(one) for one in scope]
    except ValueError:
        raise Invalid("There is no such scope; there are " + ", ".join(Scope) + ".", field="scope") from None
    account_id, issued = create_service_account(name=name, scopes=scopes)
    speaker.say(
        "service_account_created",
        f"Made the service account {account_id}. Its secret, shown this once: {issued.secret}",
        account_id=account_id,
        client_secret=issued.secret,
        scopes=sorted(scopes),
    )


@app.command("reset-password")
def reset_password(
    login: Annotated[str, typer.Argument(help="The account's login.")],
    password_stdin: PasswordStdin = False,
    as_json: AsJson = False,
) -> None:
    """Set a new password for somebody who forgot theirs. Their sign-ins end, and a lock is lifted."""
    from ops.console import voice

    speaker = voice(as_json=as_json)
    password = _password(speaker, from_stdin=password_stdin)

    from ops.hosting import reset_account_password

    account_id = reset_account_password(login=login, password=password)
    speaker.say("password_reset", f"The account {account_id} has a new password.", account_id=account_id)


@app.command("reset-second-factor")
def reset_second_factor(
    login: Annotated[str, typer.Argument(help="The account's login.")],
    as_json: AsJson = False,
) -> None:
    """Take the second factor away from somebody whose telephone and recovery codes are gone. Their sign-ins end."""
    from ops.console import voice
    from ops.hosting import reset_second_factor

    account_id = reset_second_factor(login=login)
    voice(as_json=as_json).say(
        "second_factor_reset",
        f"The account {account_id} has no second factor; its sign-ins have ended.",
        account_id=account_id,
    )


@secrets.command("rotate")
def rotate_secret(
    account_id: Annotated[UUID, typer.Argument(help="The service account's id, which is its client_id.")],
    overlap_hours: Annotated[int, typer.Option(help="How long the secret before stays good.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Make a new secret, shown this once. The one before it ends by itself after the overlap."""
    from ops.console import voice
    from ops.hosting import rotate_secret

    issued = rotate_secret(account_id=account_id, overlap_hours=overlap_hours)
    voice(as_json=as_json).say(
        "secret_rotated",
        f"The new secret of {account_id}, shown this once: {issued.secret}\n"
        f"It is good until {issued.expires_at:%Y-%m-%d}; the one before it for another {overlap_hours} hours.",
        account_id=account_id,
        client_secret=issued.secret,
        expires_at=issued.expires_at.isoformat(),
    )


def _password(speaker: "Voice", *, from_stdin: bool) -> str:
    import sys

    from domain.errors import Invalid

    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not (speaker.terminal and sys.stdin.isatty()):
        raise Invalid("There is no terminal to ask for the password; use --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
