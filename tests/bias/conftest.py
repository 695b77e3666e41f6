import json

import pytest

WORDS = ("northern", "southern", "coastal", "inland", "tall", "upland", "eastern", "western", "valley", "island")


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """A folder in the format of HolisticBias, with ten groups that nobody is in and what must be left out."""
    folder = tmp_path_factory.mktemp("fairness")
    places = [
        *WORDS[:-2],
        {"descriptor": "valley", "preference": "reviewed"},
        {"descriptor": "island", "gender": "female"},
    ]
    axes = {
        "places": {
            "all": [*places, {"descriptor": "lowly", "preference": "dispreferred"}, "Northern"],
        },
        "nonce": {"all": ["blarg"]},
        "body_type": {"hair": ["curly"], "skin_color": ["freckled"]},
        "characteristics": {"addictions": ["drunkard"], "other": ["south-western"]},
    }
    nouns = {
        "female": [["woman", "women"]],
        "male": [["man", "men"], ["son", "sons"]],
        "neutral": [["person", "people"]],
    }
    (folder / "holistic-bias-descriptors.json").write_text(json.dumps(axes), "utf-8")
    (folder / "holistic-bias-nouns.json").write_text(json.dumps(nouns), "utf-8")
    return folder
