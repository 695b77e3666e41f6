"""Documentation leads somewhere: every link and every file it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_source_file_it_names_exists(page):
    named = re.findall(r"`((?:domain|adapters|api|ml|migrations|kernels|ops|tests|docs)/[\w/.-]+)`", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_architecture_page_shows_every_folder_of_the_packages():
    text = (ROOT / "docs" / "architecture.md").read_text()
    folders = {
        path.name
        for package in ("domain", "adapters", "api", "ops")
        for path in (ROOT / package).iterdir()
        if path.is_dir() and any(path.glob("*.py"))
    }
    assert {folder for folder in folders if f"{folder}/" not in text} == set()
