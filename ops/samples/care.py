"""What is treated in the samples, and how: diagnoses, medicines, goals and plans by topic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """`milestones` of the goal that is counted by them; `percentage` the goal that is told by hand."""

    code: str
    description: str
    approach: str
    medicine: tuple[str, str, str]
    percentage: str
    milestone_goal: str
    milestones: tuple[str, str, str]
    interventions: tuple[str, ...]
    discharge: str


EDITION: Final = "icd-10-cm/2026-04"
_SERTRALINE: Final = ("sertraline", "50 mg", "each morning")
_CBT: Final = "cognitive behavioural therapy"
CARE: Final[Mapping[str, Care]] = {
    "panic": Care(code="F41.0", description="Panic disorder [episodic paroxysmal anxiety]", approach=_CBT, medicine=_SERTRALINE,
        percentage="Ride the train to work on every working day.", milestone_goal="Travel to Malmö by train and ferry.",
        milestones=("Two stops on the local train, alone", "To the interchange at the busiest hour", "The ferry, there and back"),
        interventions=("interoceptive exposure", "graded exposure in vivo"), discharge="Three months without leaving a train early."),
    "depression": Care(code="F33.1", description="Major depressive disorder, recurrent, moderate", approach=_CBT, medicine=_SERTRALINE,
        percentage="Four evenings a week with something that matters.", milestone_goal="Ride with the cycling group again.",
        milestones=("A ride alone, ten kilometres", "A ride with one friend", "The Sunday round with the group"),
        interventions=("behavioural activation", "problem solving"), discharge="PHQ-9 below 10 for eight weeks."),
    "grief": Care(code="F43.81", description="Prolonged grief disorder", approach="prolonged grief therapy", medicine=("mirtazapine", "15 mg", "at night"),
        percentage="Use all rooms of the flat again.", milestone_goal="Return to the studio.",
        milestones=("Ten minutes in the studio, door open", "The drawer with the notebooks", "The first film developed"),
        interventions=("imaginal conversation", "situational revisiting"), discharge="The anniversary passed, and plans beyond it."),
    "insomnia": Care(code="F51.01", description="Primary insomnia", approach="cognitive behavioural therapy for insomnia", medicine=("melatonin", "2 mg", "at night"),
        percentage="Asleep within half an hour on most nights.", milestone_goal="Sit the examinations rested.",
        milestones=("Sleep window kept for two weeks", "Efficiency above 85 per cent", "An examination after an ordinary night"),
        interventions=("sleep restriction", "stimulus control"), discharge="Efficiency above 85 per cent for a month."),
    "obsessions": Care(code="F42.2", description="Mixed obsessional thoughts and acts", approach="exposure with response prevention", medicine=_SERTRALINE,
        percentage="Nights without checking.", milestone_goal="Care for the baby alone without safeguards.",
        milestones=("Knives back in the drawer", "Bath alone, door closed", "A week without asking Anton"),
        interventions=("exposure with response prevention",), discharge="Less than half an hour a day taken by checking."),
    "low_mood": Care(code="F33.1", description="Major depressive disorder, recurrent, moderate", approach=_CBT, medicine=_SERTRALINE,
        percentage="Keep the week plan on five days out of seven.", milestone_goal="Be among people again.",
        milestones=("Ring one friend", "An evening out", "Back in the swimming club"),
        interventions=("behavioural activation", "cognitive work on self-criticism"), discharge="PHQ-9 below 10 for eight weeks."),
    "worry": Care(code="F41.1", description="Generalized anxiety disorder", approach=_CBT, medicine=("escitalopram", "10 mg", "each morning"),
        percentage="Decide without asking for reassurance.", milestone_goal="Take the journey without plans for everything.",
        milestones=("One decision a day alone", "A day without the telephone", "The journey booked"),
        interventions=("worry postponement", "behavioural experiments"), discharge="GAD-7 below 10 for eight weeks."),
    "trauma": Care(code="F43.12", description="Post-traumatic stress disorder, chronic", approach="prolonged exposure", medicine=("sertraline", "100 mg", "each morning"),
        percentage="Sleep with the lamp off.", milestone_goal="Drive over the crossing again.",
        milestones=("On foot, accompanied", "As a passenger", "At the wheel, alone"),
        interventions=("prolonged exposure", "imagery rescripting"), discharge="PCL-5 below 31, and the places visited."),
    "drinking": Care(code="F10.20", description="Alcohol dependence, uncomplicated", approach="motivational interviewing and relapse prevention",
        medicine=("naltrexone", "50 mg", "each morning"),
        percentage="Evenings without a drink.", milestone_goal="A summer without drinking.",
        milestones=("Thirty days", "The works outing", "Ninety days"),
        interventions=("motivational interviewing", "relapse prevention"), discharge="Ninety days, and a plan for slips."),
    "shyness": Care(code="F40.10", description="Social phobia, unspecified", approach=_CBT, medicine=_SERTRALINE,
        percentage="Speak up in every meeting.", milestone_goal="Give the talk.",
        milestones=("A question in the seminar", "Lunch with colleagues", "The talk"),
        interventions=("behavioural experiments", "video feedback"), discharge="The talk given, and invitations accepted."),
    "strain": Care(code="F43.23", description="Adjustment disorder with mixed anxiety and depressed mood", approach=_CBT, medicine=("mirtazapine", "15 mg", "at night"),
        percentage="Leave work at five on four days.", milestone_goal="Share the care of the father.",
        milestones=("Thursdays with the brother", "A carer on two days", "A week away"),
        interventions=("assertiveness training", "scheduling recovery"), discharge="Two full months within the agreed hours."),
}  # fmt: skip
REASONS_TO_ABANDON: Final = (
    "No longer what matters most; the client would rather work on what happens at home first.",
    "Set too early. To be taken up again when there is strength for it.",
)
