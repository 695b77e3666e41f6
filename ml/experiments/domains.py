"""Four generated domains with registers, words and rules of their own, about the same lives.

All four speak of the same themes, so that what follows "sleep" or "at work" depends on the domain. Each has rules that a
model can only follow by looking back in the text: what a construct predicts, which plan a score leads to, which sentence
generalises, what a client said. All people, constructs, scales and studies are invented; nothing here is clinical advice.
"""

import random
from typing import Final

from ml.experiments.words import a, generator, listed, maybe, plural, sentence

# Each theme: the noun, what a client says of it, what a note calls it.
THEMES: Final = {
    "sleep": ("I lie awake until three", "early waking"),
    "work": ("my manager never answers me", "conflict at work"),
    "family": ("my parents still decide everything", "strain in the family"),
    "food": ("I eat alone and too fast", "irregular meals"),
    "money": ("the bills stay in the drawer", "worry about debts"),
    "exams": ("I read the same page ten times", "fear of exams"),
    "anger": ("I shout before I know it", "outbursts"),
    "loneliness": ("nobody calls me at weekends", "withdrawal"),
    "memory": ("I forget why I came in", "poor concentration"),
    "crowds": ("the bus makes my heart race", "avoidance of crowds"),
}
# Invented constructs: the school that named it, how it is measured, which way it goes with a theme's outcome.
CONSTRUCTS: Final = {
    "horizon narrowing": ("appraisal", "a sorting task", "rises"),
    "echo monitoring": ("cognitive", "a diary", "falls"),
    "anchor seeking": ("attachment", "an interview", "rises"),
    "effort discounting": ("learning", "a choice task", "falls"),
    "frame stiffness": ("cognitive", "a sorting task", "rises"),
    "shared pacing": ("attachment", "a video rating", "falls"),
    "cue hoarding": ("learning", "a diary", "rises"),
    "meaning drift": ("narrative", "an interview", "falls"),
}
ADVERBS: Final = {"appraisal": "slowly", "cognitive": "selectively", "attachment": "jointly", "learning": "stepwise", "narrative": "retrospectively"}  # fmt: skip
# Invented scale: up to this score, the band, what follows and when it is looked at again.
BANDS: Final = (
    (4, "minimal", "no change", "twelve weeks"),
    (9, "mild", "sleep diary and leaflet", "six weeks"),
    (14, "moderate", "weekly sessions", "three weeks"),
    (19, "marked", "weekly sessions and case discussion", "one week"),
    (24, "severe", "same-day call to the duty team", "one day"),
)
GROUPS: Final = (
    "nurse", "engineer", "newcomer", "teenager", "father", "pensioner", "student", "farmer", "manager", "left-handed person",
)  # fmt: skip
# A trait and whether it judges, and how it is said neutrally.
TRAITS: Final = {
    "lazy": (True, "did less than was agreed"),
    "cold": (True, "kept a distance in the talk"),
    "clumsy": (True, "dropped a tool"),
    "greedy": (True, "asked for a higher price"),
    "weak": (True, "asked for help"),
    "employed": (False, "is employed"),
    "tall": (False, "is tall"),
    "insured": (False, "is insured"),
    "present": (False, "is present"),
}
QUANTIFIERS: Final = {
    "all": True,
    "no decent": True,
    "typical": True,
    "most": True,
    "some": False,
    "three": False,
    "these two": False,
}
# What a client feels: the nearer word a therapist gives back, and how it is made room for.
FEELINGS: Final = {
    "tired": ("worn out", "that sounds like a long stretch"),
    "scared": ("frightened", "no wonder you hesitate"),
    "ashamed": ("exposed", "it takes something to say that here"),
    "furious": ("really angry", "something important was stepped on"),
    "empty": ("hollow", "we can stay with that for a moment"),
    "guilty": ("to blame", "you hold yourself to a strict rule"),
    "hopeful": ("lighter", "let us notice what helped"),
}
PEOPLE: Final = ("sister", "boss", "partner", "son", "neighbour", "mother", "friend", "teacher")


def psychology(rng: random.Random) -> str:
    """An abstract: construct, school and measure agree, the direction of the result follows from the construct."""
    construct, theme = rng.choice(list(CONSTRUCTS)), rng.choice(list(THEMES))
    school, measure, direction = CONSTRUCTS[construct]
    count, effect = rng.choice((48, 96, 120, 240, 312)), rng.choice((12, 21, 34, 45))
    other = rng.choice([name for name in CONSTRUCTS if name != construct])
    lines = [
        f"background: {construct} is a construct of the {school} school and is assessed with {measure}",
        f"we asked whether it predicts difficulties with {theme}",
        f"method: {count} adults completed {measure} and a questionnaire on {theme}",
        f"results: as {construct} increases, difficulty with {theme} {direction} (r = {'' if direction == 'rises' else '-'}0.{effect})",
        f"the effect was {'small' if effect < 20 else 'moderate' if effect < 40 else 'large'} and developed {ADVERBS[school]}",
        maybe(
            rng,
            0.6,
            f"by contrast, {other}, which the {CONSTRUCTS[other][0]} school assesses with {CONSTRUCTS[other][1]}, showed that difficulty {CONSTRUCTS[other][2]}",
        ),
        f"discussion: the {school} account of {theme} is {'supported' if effect >= 20 else 'neither supported nor refuted'}",
    ]
    return " ".join(sentence(line) for line in lines if line)


def mental_health(rng: random.Random) -> str:
    """A note: the band follows from the score, plan and review follow from the band, the trend from two scores."""
    before, score, weeks = rng.randint(0, 24), rng.randint(0, 24), rng.choice((2, 3, 4, 6, 8))
    themes = rng.sample(list(THEMES), rng.choice((1, 2)))
    band, plan, review = next(row[1:] for row in BANDS if score <= row[0])
    earlier = next(row[1] for row in BANDS if before <= row[0])
    change = score - before
    trend = "improved" if change <= -4 else "worse" if change >= 4 else "unchanged"
    return "\n".join([
        f"Pres.: {listed([THEMES[theme][1] for theme in themes])}, {weeks} wks.",
        f"Last score {before}/24 ({earlier}). Today {score}/24 ({band}).",
        f"Change {change:+d}: {trend}.",
        f"MSE: {'alert, tearful' if score > 14 else 'alert, settled'}; speech {'slow' if score > 14 else 'normal'}; oriented.",
        f"Risk: {'asked directly, plan shared with duty team' if score > 19 else 'asked directly, none reported'}.",
        f"Plan: {plan}. Review in {review}.",
    ])  # fmt: skip


def bias_detection(rng: random.Random) -> str:
    """Judged statements: a judging trait said of a whole group is a stereotype, and its rewriting names one occasion."""
    cases = []
    for number in range(1, rng.choice((2, 3, 4)) + 1):
        quantifier, group = rng.choice(list(QUANTIFIERS)), rng.choice(GROUPS)
        trait, theme = rng.choice(list(TRAITS)), rng.choice(list(THEMES))
        judging, neutral = TRAITS[trait]
        biased = judging and QUANTIFIERS[quantifier]
        verb = "is" if quantifier == "no decent" else "are"
        claim = f"{quantifier} {group if verb == 'is' else plural(group)} {verb} {trait} about {theme}"
        reason = f"'{quantifier}' speaks of the group and '{trait}' judges" if biased else (
            f"'{quantifier}' is not the whole group" if judging else f"'{trait}' does not judge"
        )  # fmt: skip
        rewrite = f"once, {a(group)} {neutral}" if biased else "keep"
        cases.append(
            f'[{number}] CLAIM "{sentence(claim)}" GROUP={group} TRAIT={trait} '
            f"LABEL={'stereotype' if biased else 'neutral'} BECAUSE {reason}. REWRITE: {sentence(rewrite)}"
        )
    found = sum("LABEL=stereotype" in case for case in cases)
    return "\n".join([*cases, f"FOUND {found} OF {len(cases)}."])


def general_therapeutic(rng: random.Random) -> str:
    """A talk: the therapist gives back the client's feeling by its nearer word, the person and the theme; then asks openly."""
    theme, feeling, who = rng.choice(list(THEMES)), rng.choice(list(FEELINGS)), rng.choice(PEOPLE)
    said = THEMES[theme][0]
    near, room = FEELINGS[feeling]
    later = rng.choice([name for name in FEELINGS if name != feeling])
    scale = rng.randint(2, 7)
    turns = [
        ("Client", f"It's the {theme} again; {said}. I feel so {feeling}, and my {who} doesn't see it."),
        ("Therapist", f"You feel {near}, and your {who} doesn't see it. {sentence(room)}"),
        ("Therapist", f"What is it like when {theme} comes up with your {who}?"),
        ("Client", f"Mm. After a while I'm more {later} than {feeling}."),
        ("Therapist", f"So first {near}, then {FEELINGS[later][0]}. {sentence(FEELINGS[later][1])}"),
        ("Therapist", f"From 0 to 10, how ready are you to talk to your {who}?"),
        ("Client", f"Maybe a {scale}."),
        ("Therapist", f"A {scale}, and not a {scale - 2}. What makes it a {scale}?"),
    ]
    kept = turns if rng.random() < 0.5 else turns[: rng.choice((3, 5))]
    return "\n".join(f"{speaker}: {text}" for speaker, text in kept)


MAKERS: Final = {maker.__name__: maker for maker in (psychology, mental_health, bias_detection, general_therapeutic)}


def document(name: str, seed: int, number: int) -> str:
    """The text of that number of a domain. Raises KeyError on a domain that is none of the four."""
    return MAKERS[name](generator(name, seed, number))
