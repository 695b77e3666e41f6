"""Which form a caller gets: RFC 9110, 12.5.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import NotAcceptable
from api.negotiation import preferred

OFFERED = ("image/svg+xml", "image/png", "text/plain")
SVG, PNG, TEXT = OFFERED


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, SVG),
        ("", SVG),
        ("*/*", SVG),
        ("image/*", SVG),
        ("image/png", PNG),
        ("IMAGE/PNG", PNG),
        ("text/plain; charset=utf-8", TEXT),
        ("image/png;q=0.5, image/svg+xml;q=0.4", PNG),
        ("image/png;q=0.5, */*", SVG),
        ("image/svg+xml;q=0, */*;q=0.1", PNG),
        ("image/*;q=0.3, image/png;q=0.9, text/*;q=0.5", PNG),
        ("text/html, application/xhtml+xml, image/avif, image/webp, */*;q=0.8", SVG),
        ("nonsense", SVG),
        ("image/png;q=high, text/plain;q=0.2", TEXT),
        ("image/png ; q=0.7 , text/plain;q=0.7", PNG),
        ("*/png, text/plain", TEXT),
    ],
    ids=str,
)
def test_the_form_liked_best_is_chosen(accept, chosen):
    assert preferred(accept, OFFERED) == chosen


@pytest.mark.parametrize("accept", ["application/pdf", "image/jpeg, text/html", "*/*;q=0", "image/png;q=0.0"])
def test_what_is_not_offered_is_refused_with_what_is(accept):
    with pytest.raises(NotAcceptable) as refused:
        preferred(accept, OFFERED)
    assert refused.value.facts == {"offered": "image/svg+xml, image/png, text/plain"}


@given(st.text(max_size=80))
def test_no_header_is_a_fault_of_ours(accept):
    try:
        assert preferred(accept, OFFERED) in OFFERED
    except NotAcceptable:
        assert "/" in accept
