"""The OpenAPI document and the page made from it: whole, true, and readable by everybody."""

import re
import shlex
from html.parser import HTMLParser

import jsonschema_rs
import pytest

from api.app import Application


@pytest.fixture(scope="module")
def document(house):
    return house.http.get("/openapi.json").json()


@pytest.fixture(scope="module")
def page(house):
    return house.http.get("/reference").text


class Outline(HTMLParser):
    """Ids, links, headings, and what a page loads."""

    def __init__(self, html):
        super().__init__()
        self.ids, self.links, self.headings, self.loads, self.tags = [], [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.loads += [given[name] for name in ("src", "srcset", "data") if name in given]
        if tag == "link":
            self.loads.append(given["href"])


def bodies(document):
    """(operation id, content object) of every JSON body and answer."""
    for methods in document["paths"].values():
        for operation in methods.values():
            carriers = [operation.get("requestBody", {}), *operation["responses"].values()]
            for carrier in carriers:
                for media_type, content in carrier.get("content", {}).items():
                    yield operation["operationId"], media_type, content


def test_every_operation_says_what_it_does(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            assert len(operation["description"]) > 15, path
            assert len(operation["tags"]) == 1
            assert any(int(status) < 300 for status in operation["responses"])


def test_every_body_and_answer_has_an_example_that_fits_it(document):
    count = 0
    for operation, media_type, content in bodies(document):
        if media_type == "text/plain" or content["schema"].get("format") == "binary":
            continue
        validator = jsonschema_rs.Draft202012Validator(
            content["schema"] | {"components": document["components"]}, validate_formats=True
        )
        examples = [content["example"]] if "example" in content else []
        known = document["components"]["examples"]
        named = [reference["$ref"].rpartition("/")[2] for reference in content.get("examples", {}).values()]
        examples += [known[name]["value"] for name in named]
        assert examples, (operation, media_type)
        for example in examples:
            validator.validate(example)
            count += 1
    assert count > 200


def test_bounds_count_one_thing_as_one(page):
    assert "at least 1 character," in page
    assert "at least 1 entry," in page
    assert not re.search(r"(?<![0-9])1 (characters|entries)", page)


def test_every_parameter_is_explained_or_bounded(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                assert (
                    parameter.get("description")
                    or parameter["schema"].get("format") == "uuid"
                    or "anyOf" in (parameter["schema"])
                ), (path, parameter["name"])


def test_no_two_models_share_a_name(document):
    """FastAPI would name both after their modules."""
    assert not [name for name in document["components"]["schemas"] if "__" in name]


def test_models_of_answers_refuse_what_they_do_not_name(document):
    for name, schema in document["components"]["schemas"].items():
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, name


def test_operation_ids_are_unique(document):
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids) > 40


def test_document_holds_no_default_error_of_the_framework(document):
    assert "HTTPValidationError" not in str(document)


def test_page_shows_every_operation_and_every_error(document, page):
    outline = Outline(page)
    for path, methods in document["paths"].items():
        assert path in page
        for operation in methods.values():
            assert operation["summary"] in page.replace("&#39;", "'")
    for code in document["components"]["examples"]:
        assert f"error-{code}" in outline.ids


def test_links_on_the_page_lead_somewhere(house, page):
    outline = Outline(page)
    assert len(set(outline.ids)) == len(outline.ids)
    for link in set(outline.links):
        if link.startswith("#"):
            assert link[1:] in outline.ids, link
        else:
            assert house.http.get(link).status_code == 200, link


@pytest.mark.parametrize("path", ["/", "/reference"])
def test_pages_work_without_script_and_load_only_from_here(house, path):
    answer = house.http.get(path)
    outline = Outline(answer.text)
    assert not [tag for tag, _ in outline.tags if tag in ("script", "iframe", "object", "form")]
    assert not [name for _, given in outline.tags for name in given if name.startswith("on") or name == "style"]
    assert outline.loads == ["/static/style.css"]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/reference"])
def test_pages_can_be_read_by_everybody(house, path):
    html = house.http.get(path).text
    outline = Outline(html)
    assert '<html lang="en">' in html
    assert re.search("<title>[^<]+</title>", html)
    assert outline.links[0] == "#content"
    assert "content" in outline.ids
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    for tag, given in outline.tags:
        if tag == "th":
            assert given["scope"] in ("col", "row")
        if tag == "nav" or given.get("role") == "region":
            assert given["aria-label"]
        if tag == "section":
            assert given["aria-labelledby"] in outline.ids
        if tag == "pre":
            assert given["tabindex"] == "0", "what scrolls must be reachable by keyboard"


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_can_be_told_apart_in_light_and_dark(house):
    style = house.http.get("/static/style.css").text
    schemes = [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]
    assert len(schemes) == 2
    for scheme in schemes:
        for ground in ("ground", "raised", "sunken"):
            assert contrast(scheme["text"], scheme[ground]) >= 7
            for name in ("muted", "link", "good", "warn", "bad"):
                assert contrast(scheme[name], scheme[ground]) >= 4.5, (name, ground)
            assert contrast(scheme["focus"], scheme[ground]) >= 3


def test_lines_to_paste_are_whole_commands(house, clinician, page):
    lines = [
        block.replace("&#34;", '"').replace("&#39;", "'")
        for block in re.findall(r"<code>(curl .*?)</code>", page, re.DOTALL)
    ]
    assert len(lines) > 40
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "curl"
        assert any(word.startswith("$ANAMNESIS/") for word in words)


def test_line_to_paste_for_a_session_is_taken_by_the_server(clinician, client_id, page):
    block = next(block for block in re.findall(r"<code>(curl .*?)</code>", page, re.DOTALL) if "/sessions" in block)
    words = shlex.split(block.replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&"))
    answer = clinician.house.request(
        "POST",
        f"/v1/clients/{client_id}/sessions",
        content=words[words.index("-d") + 1].encode(),
        headers=clinician.headers() | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 201, answer.text


def test_pages_are_sent_again_only_when_they_changed(house):
    for path in ("/reference", "/openapi.json", "/static/style.css"):
        first = house.http.get(path)
        assert first.headers["cache-control"] == "no-cache"
        again = house.http.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_home_page_repeats_no_host_that_no_server_has(house):
    assert "127.0.0.1:8000" in house.http.get("/", headers={"Host": "x`rm -rf`"}).text
    assert "practice.example:444" in house.http.get("/", headers={"Host": "practice.example:444"}).text


def test_two_applications_live_side_by_side(house):
    assert isinstance(house.app, Application)
    assert house.app.openapi() is house.app.openapi()
