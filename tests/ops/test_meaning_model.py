"""The setting that names a text encoder: used where it holds one, refused at the start where it doesn't."""

from dataclasses import replace
from pathlib import Path

import pytest

from ml.meaning import MeaningModelUnusable
from ops.bootstrap import Part, build
from ops.settings import Settings


def test_without_one_contexts_are_chosen_by_words(founded: Settings) -> None:
    with build(founded, parts=Part.API) as system:
        assert system.services.context.judged_by == ("bm25/1",)


def test_a_folder_with_an_encoder_is_used_and_not_loaded_before_a_question(founded: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "small-encoder"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    with build(replace(founded, meaning_model=folder), parts=Part.API) as system:
        assert system.services.context.judged_by == ("bm25/1", "meaning/small-encoder")


def test_nothing_starts_on_a_folder_without_one(founded: Settings, tmp_path: Path) -> None:
    with pytest.raises(MeaningModelUnusable):
        build(replace(founded, meaning_model=tmp_path), parts=Part.API)


def test_children_get_the_setting_only_where_it_is_set(founded: Settings, tmp_path: Path) -> None:
    assert "ANAMNESIS_MEANING_MODEL" not in founded.environment()
    assert replace(founded, meaning_model=tmp_path).environment()["ANAMNESIS_MEANING_MODEL"] == str(tmp_path)
