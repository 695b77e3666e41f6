"""After a restore an ETag names the incarnation too: a version that was lost never matches one that came after it."""

import asyncio

import pytest

from api.incarnations import TagsOfIncarnation


def through(incarnation: int, *, asked: str = "", told: str = "") -> tuple[str, str]:
    """What the routes see of If-Match, and what callers see of the ETag."""
    seen: dict[str, str] = {}

    async def routes(scope, _receive, send):
        seen.update({name.decode(): value.decode() for name, value in scope["headers"]})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"etag", told.encode())]})

    async def send(message):
        seen.update({name.decode(): value.decode() for name, value in message["headers"]})

    headers = [(b"if-match", asked.encode())] if asked else []
    asyncio.run(TagsOfIncarnation(routes, incarnation)({"type": "http", "headers": headers}, None, send))
    return seen.get("if-match", ""), seen["etag"]


def test_a_version_is_told_with_its_incarnation_and_asked_for_by_it():
    assert through(2, told='"7"')[1] == '"7.2"'
    assert through(2, asked='"7.2"')[0] == '"7"'


@pytest.mark.parametrize("asked", ['"7"', '"7.1"', '"7.3"'])
def test_a_version_of_another_incarnation_matches_nothing(asked):
    assert through(2, asked=asked)[0] == 'W/"7"'


@pytest.mark.parametrize("other", ['"a1b2"', "*", "", 'W/"7"', '"7.2.1"', "7"])
def test_what_is_no_version_is_left_as_it_is(other):
    assert through(2, asked=other, told=other) == (other, other)
