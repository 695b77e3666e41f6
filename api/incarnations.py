"""Entity tags after a restore: a version that was read before it is none of those counted since.

Versions of what a restore lost are given out again, to other content. So from the second incarnation of the log on an
ETag is `"<version>.<incarnation>"`, and only one of the current incarnation matches; any other is a version that is gone.
"""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TAG: Final = re.compile(rb'"([0-9]{1,9})"')
_ASKED: Final = re.compile(rb'"([0-9]{1,9})(?:\.([0-9]{1,6}))?"')
_ETAG: Final = b"etag"
_IF_MATCH: Final = b"if-match"


class TagsOfIncarnation:
    """Around the routes, which know plain versions alone."""

    def __init__(self, app: ASGIApp, incarnation: int) -> None:
        self._app = app
        self._incarnation = str(incarnation).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, self._told(value) if name.lower() == _ETAG else value)
                    for name, value in message.get("headers", ())
                ]
            await send(message)

        # In place: what the router finds out about the request is read from the same scope by what surrounds this.
        scope["headers"] = [
            (name, self._asked(value) if name == _IF_MATCH else value) for name, value in scope["headers"]
        ]
        await self._app(scope, receive, tagged)

    def _told(self, tag: bytes) -> bytes:
        match = _TAG.fullmatch(tag)
        return tag if match is None else b'"%s.%s"' % (match[1], self._incarnation)

    def _asked(self, tag: bytes) -> bytes:
        """A plain version; one of another incarnation becomes a weak tag, which matches nothing (RFC 9110 §13.1.1)."""
        match = _ASKED.fullmatch(tag.strip())
        if match is None:
            return tag
        return b'%s"%s"' % (b"" if match[2] == self._incarnation else b"W/", match[1])
