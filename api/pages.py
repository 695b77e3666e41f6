"""Pages of one kind of a client's records: the cursor in, items as their own reads give them, the cursor out."""

from collections.abc import Callable
from uuid import UUID

from starlette.responses import Response

from api.answers import found
from api.asks import Reading
from domain.ports.call import Call
from domain.ports.views import Page


def page_of(  # noqa: PLR0913 - what a list takes
    ask: Reading, client_id: UUID, name: str, read: Callable[..., Page], *, limit: int, cursor: str | None
) -> Response:
    """What `read` finds, from `cursor` on. `name` tells the list from others; a cursor of one is none of another.

    Raises CursorInvalid, and as `read`.
    """
    query = {"of": name, "client": client_id}
    call: Call = ask.call()
    page = read(
        call,
        client_id,
        after=ask.cursors.open(ask.actor.id, query, cursor),
        limit=limit,
        at_least=ask.at_least,
    )
    onward = ask.cursors.seal(ask.actor.id, query, page.after) if page.after is not None else None
    return found({"items": [item.content for item in page.items], "next": onward})
