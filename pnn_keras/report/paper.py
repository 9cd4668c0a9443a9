"""The numbers that Gideon et al. (2017) published, to stand beside one's own.

Table 2 was copied; figure 4 was read off the plot, to within .002. Corpora are
IEMOCAP and MSP-IMPROV with four emotions; folds are speaker-dependent and
features are scaled over the whole corpus (transductive): 10 repeats of 10 folds.
"""

from __future__ import annotations

from pnn_keras.experiments import StudyResult
from pnn_keras.experiments.spec import source_tasks
from pnn_keras.task import PAPER_CLASSES, parse_task

#: Where the numbers are from.
SOURCE = (
    "J. Gideon, S. Khorram, Z. Aldeneh, D. Dimitriadis, E. Mower Provost: Progressive Neural "
    "Networks for Transfer Learning in Emotion Recognition. Interspeech 2017, 1098-1102"
)

#: Table 2: mean and SD over folds of the UAR, by corpus, source and method.
TABLE_2 = {
    "IEMOCAP": {
        ("", "dnn"): (0.640, 0.017),
        ("speaker", "ptft"): (0.645, 0.017),
        ("speaker", "prognet"): (0.657, 0.018),
        ("gender", "ptft"): (0.640, 0.016),
        ("gender", "prognet"): (0.642, 0.018),
    },
    "MSP-IMPROV": {
        ("", "dnn"): (0.584, 0.022),
        ("speaker", "ptft"): (0.592, 0.018),
        ("speaker", "prognet"): (0.605, 0.021),
        ("gender", "ptft"): (0.586, 0.021),
        ("gender", "prognet"): (0.593, 0.022),
    },
}

#: Figure 4: UAR with 1, 2, 4 and 8 training parts of the target, the other corpus as the source.
FIGURE_4 = {
    "IEMOCAP": {
        "dnn": {1: 0.552, 2: 0.585, 4: 0.614, 8: 0.640},
        "ptft": {1: 0.578, 2: 0.601, 4: 0.622, 8: 0.641},
        "prognet": {1: 0.572, 2: 0.600, 4: 0.624, 8: 0.646},
    },
    "MSP-IMPROV": {
        "dnn": {1: 0.500, 2: 0.532, 4: 0.560, 8: 0.584},
        "ptft": {1: 0.508, 2: 0.534, 4: 0.561, 8: 0.589},
        "prognet": {1: 0.516, 2: 0.542, 4: 0.568, 8: 0.594},
    },
}

#: The protocol of the paper's numbers.
PROTOCOL = "paper-10-fold"

#: How closely figure 4 could be read.
FIGURE_4_READING = 0.002


def published(
    experiment: str, study: StudyResult, method: str, source: str
) -> tuple[float, float | None] | None:
    """What the paper reports for a method of a study, or None where it reports nothing.

    It reports nothing on other classes than its four, or on other folds than its ten.

    Args:
        experiment: name of the experiment: ``"paper-table-2"`` or ``"paper-figure-4"``.
        study: one of its studies.
        method: the method.
        source: its sources.

    Returns:
        The UAR and its standard deviation over folds (None in figure 4).
    """
    label, corpus = parse_task(study.target)
    alike = study.classes == PAPER_CLASSES and study.protocol["name"] == PROTOCOL
    if label != "emotion" or corpus is None or not alike:
        return None
    if experiment == "paper-table-2" and not study.training_parts:
        kinds = [parse_task(task) for task in source_tasks(source)] if source else []
        if any(of != corpus for _, of in kinds) or len(kinds) > 1:
            return None
        kind = kinds[0][0] if kinds else ""
        return TABLE_2.get(corpus, {}).get((kind, method))
    if experiment == "paper-figure-4":
        (other,) = {"IEMOCAP", "MSP-IMPROV"} - {corpus} if corpus in FIGURE_4 else {None}
        if other is None or source not in ("", f"emotion@{other}"):
            return None
        value = FIGURE_4[corpus].get(method, {}).get(study.training_parts)
        return None if value is None else (value, None)
    return None
