"""Plain English prose for a base model to learn from: stories, places, instructions, letters and explanations.

Composed, never listed: a text keeps its people, their pronouns, its tense, its place and its things, so that a model has more
to learn than which word follows which.
"""

import random
from dataclasses import dataclass
from typing import Final

from ml.experiments.words import a, generator, listed, maybe, plural, sentence

SHE: Final = ("she", "her", "her", "herself")
HE: Final = ("he", "him", "his", "himself")
NAMES: Final = {
    **dict.fromkeys(("Anna", "Mira", "Ruth", "Clara", "Nadia", "Ellen", "Grace", "Ivy", "Petra", "Leila"), SHE),
    **dict.fromkeys(("Tom", "Jonas", "David", "Omar", "Felix", "Paul", "Marek", "Hugh", "Simon", "Ali"), HE),
}
ROLES: Final = (
    "neighbour", "teacher", "baker", "nurse", "brother", "sister", "farmer", "friend", "cousin", "driver", "doctor", "student",
)  # fmt: skip
# A place and what may be found, done and heard there.
PLACES: Final = {
    "kitchen": (("kettle", "bowl", "knife", "spoon", "loaf"), ("cook", "wash", "bake"), "the clock on the wall"),
    "garden": (("spade", "rose", "bench", "apple", "bucket"), ("dig", "plant", "rest"), "birds in the hedge"),
    "station": (
        ("ticket", "suitcase", "timetable", "bench", "newspaper"),
        ("wait", "call", "walk"),
        "a train far away",
    ),
    "library": (("book", "lamp", "map", "letter", "chair"), ("rest", "study", "work"), "pages being turned"),
    "market": (("basket", "apple", "coin", "scarf", "box"), ("walk", "look", "talk"), "voices from every side"),
    "workshop": (("hammer", "saw", "drawer", "wheel", "lamp"), ("work", "paint", "repair"), "rain on the tin roof"),
    "harbour": (("boat", "rope", "net", "lantern", "anchor"), ("fish", "wait", "paint"), "water against the stones"),
    "school": (("notebook", "pencil", "bell", "desk", "picture"), ("study", "talk", "play"), "children in the yard"),
}
QUALITIES: Final = (
    "old", "small", "heavy", "bright", "broken", "clean", "narrow", "quiet", "yellow", "blue", "wooden", "warm", "empty", "soft",
)  # fmt: skip
TIMES: Final = (
    "in the morning", "at noon", "late in the evening", "after work", "on Sunday", "before dinner", "early one day", "last week",
)  # fmt: skip
WEATHER: Final = (
    "it rained",
    "the sun shone",
    "snow fell",
    "a cold wind blew",
    "the sky was grey",
    "the air was still",
)
FEELINGS: Final = {
    "glad": "smiled", "tired": "sat down", "worried": "frowned", "proud": "laughed", "sad": "looked away", "calm": "nodded",
    "angry": "shut the door", "surprised": "looked up",
}  # fmt: skip
# Present, past, past participle.
FINDING: Final = (
    ("find", "found"),
    ("see", "saw"),
    ("notice", "noticed"),
    ("pick up", "picked up"),
    ("choose", "chose"),
)
GIVING: Final = (("give", "gave"), ("show", "showed"), ("bring", "brought"), ("lend", "lent"), ("send", "sent"))
REASONS: Final = (
    "there was so little time", "nobody else could help", "the work had to be done", "the day had been long", "it was not far",
    "the others were already there", "something had been forgotten",
)  # fmt: skip
MATERIALS: Final = {
    "wood": ("dry", "it bends before it breaks"),
    "bread": ("fresh", "the crust keeps the inside soft"),
    "water": ("clean", "it finds the lowest place"),
    "wool": ("warm", "the air between its threads holds the heat"),
    "glass": ("clear", "light passes through it"),
    "iron": ("strong", "it can be shaped while it is hot"),
    "paper": ("thin", "it takes up ink without letting it run"),
    "soil": ("dark", "what grew last year feeds what grows now"),
}


@dataclass(frozen=True)
class Person:
    name: str
    they: str
    them: str
    their: str
    themself: str


def person(rng: random.Random, *, other_than: str = "") -> Person:
    """Somebody with a name and the pronouns that go with it."""
    name = rng.choice([name for name in NAMES if name != other_than])
    return Person(name, *NAMES[name])


def past(verb: str) -> str:
    """The past tense of the verbs of a place."""
    known = {"dig": "dug", "plant": "planted", "study": "studied"}
    return known.get(verb) or (verb + "d" if verb.endswith("e") else verb + "ed")


def story(rng: random.Random) -> list[str]:
    """Somebody goes somewhere, finds a thing, meets somebody, and the thing changes hands."""
    who, place = person(rng), rng.choice(list(PLACES))
    other = person(rng, other_than=who.name)
    things, doings, sound = PLACES[place]
    thing, quality, feeling = rng.choice(things), rng.choice(QUALITIES), rng.choice(list(FEELINGS))
    role, doing, later = rng.choice(ROLES), rng.choice(doings), rng.choice(list(FEELINGS))
    lines = [
        f"{rng.choice(TIMES)} {who.name} went to the {place} to {doing}",
        rng.choice(
            (
                f"{rng.choice(WEATHER)}, and {who.they} was {feeling}",
                f"{who.they} was {feeling} because {rng.choice(REASONS)}",
            )
        ),
        f"near the door {who.they} {rng.choice(FINDING)[1]} {a(f'{quality} {thing}')}",
        f"{who.they} {FEELINGS[feeling]} and listened to {sound}",
        f'"whose {thing} is this?" {who.they} asked',
        f"{other.name}, {who.their} {role}, {rng.choice(('came in', 'was there too', 'stood behind ' + who.them))}",
        f'"it is {rng.choice(("mine", "for you", "my mother" + chr(39) + "s"))}," said {other.name}',
        f"so {who.name} {rng.choice(GIVING)[1]} {other.them} the {thing}, and {other.they} {FEELINGS[later]}",
        f"then they {past(doing)} together until it was dark",
        f"on the way home {who.name} told {who.themself} that the {quality} {thing} {rng.choice(('had been worth it', 'would be missed', 'was in good hands'))}",
    ]
    return [line for number, line in enumerate(lines) if number in {0, 2, 5, 7} or rng.random() < 0.8]


def view(rng: random.Random) -> list[str]:
    """A place, seen in the present tense: what stands where, how many, and what is heard."""
    place = rng.choice(list(PLACES))
    things, doings, sound = PLACES[place]
    first, second, third = rng.sample(things, 3)
    count = rng.choice(("two", "three", "four", "many"))
    quality = rng.choice(QUALITIES)
    return [
        f"the {place} is {rng.choice(QUALITIES)} and {rng.choice(QUALITIES)}",
        f"there are {count} {plural(first)} beside {a(f'{quality} {second}')}",
        f"the {plural(first)} are {rng.choice(QUALITIES)}, but the {second} is {quality}",
        f"people come here {rng.choice(TIMES[:6])} to {listed(rng.sample(doings, rng.choice((1, 2))))}",
        f"if you are quiet, you can hear {sound}",
        f"nobody {rng.choice(('takes', 'moves', 'uses'))} the {third}, because it belongs to the {rng.choice(ROLES)}",
        f"when {rng.choice(('winter', 'summer', 'night', 'the holiday'))} comes, the {place} {rng.choice(('is closed', 'is full', 'stays open'))}",
    ]


def instructions(rng: random.Random) -> list[str]:
    """How something is done, in order."""
    place = rng.choice(list(PLACES))
    things, doings, _ = PLACES[place]
    tool, part = rng.sample(things, 2)
    quality, doing = rng.choice(QUALITIES), rng.choice(doings)
    minutes = rng.choice((5, 10, 15, 20, 30))
    return [
        f"to {doing} in the {place}, you need {a(tool)} and {a(f'{quality} {part}')}",
        f"first, put the {part} {rng.choice(('on the table', 'beside you', 'in the light'))}",
        f"next, hold the {tool} {rng.choice(('with both hands', 'firmly', 'near the end'))}{maybe(rng, 0.4, ' and breathe slowly')}",
        f"wait for {minutes} minutes{maybe(rng, 0.5, ', not less')}",
        f"if the {part} is still {quality}, wait for {minutes} minutes more",
        f"at last, {rng.choice(('clean', 'dry', 'put away', 'check'))} the {tool} so that it can be used again",
    ]


def letter(rng: random.Random) -> list[str]:
    """A letter in the first person, with thanks, news and a request."""
    who = person(rng)
    reader = person(rng, other_than=who.name)
    place = rng.choice(list(PLACES))
    thing, feeling, role = rng.choice(PLACES[place][0]), rng.choice(list(FEELINGS)), rng.choice(ROLES)
    return [
        f"dear {reader.name},",
        f"thank you for the {thing} that you {rng.choice(GIVING)[1]} me {rng.choice(TIMES)}",
        f"I {rng.choice(('have been', 'was', 'am still'))} {feeling}, because {rng.choice(REASONS)}",
        f"my {role} says that the {place} {rng.choice(('has changed', 'is the same as ever', 'will be sold'))}",
        f"do you remember how we {past(rng.choice(PLACES[place][1]))} there when {rng.choice(WEATHER)}?",
        f"I {rng.choice(('would like', 'hope', 'want'))} to see you soon; please {rng.choice(('write', 'call', 'come'))} when you can",
        f"yours, {who.name}",
    ]


def explanation(rng: random.Random) -> list[str]:
    """Why a material behaves as it does, and what follows."""
    material = rng.choice(list(MATERIALS))
    quality, why = MATERIALS[material]
    other = rng.choice([name for name in MATERIALS if name != material])
    role = rng.choice(ROLES)
    return [
        f"{material} is {quality}, and {why}",
        f"this is why {a(role)} {rng.choice(('prefers', 'keeps', 'asks for'))} it",
        f"{other} is different: it is {MATERIALS[other][0]}, and {MATERIALS[other][1]}",
        f"when {material} and {other} are used together, each {rng.choice(('needs', 'gets', 'has'))} its own {rng.choice(('place', 'time', 'care'))}",
        f"some people think that {material} is {rng.choice(QUALITIES)}; in fact it is only {quality}",
        f"what matters is that {why}",
    ]


GENRES: Final = (story, story, view, instructions, letter, explanation)


def document(seed: int, number: int) -> str:
    """The text of that number: one to three passages."""
    rng = generator("prose", seed, number)
    passages = [rng.choice(GENRES)(rng) for _ in range(rng.choice((1, 2, 3)))]
    return "\n\n".join(" ".join(sentence(line) for line in lines) for lines in passages)
