"""The tables of a study: scores, controls, recalls, forgetting, choices, speakers, every test."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from pnn_keras.experiments import Experiment
from pnn_keras.experiments.analysis import (
    CONTROLS,
    EXTENDING_CONTROLS,
    GAIN_CONTROLS,
    LEVEL,
    Analysis,
    Comparison,
)
from pnn_keras.report import numbers, paper
from pnn_keras.report.chosen_table import chosen_table
from pnn_keras.report.compared import compared_cells, compared_columns, over_speakers
from pnn_keras.report.naming import (
    file_name,
    full_title,
    in_order,
    method_title,
    source_cell,
    source_title,
)
from pnn_keras.report.run_tables import MOST_CLASSES
from pnn_keras.report.table import (
    Cell,
    Column,
    Table,
    mean_sd,
    one_score,
    text_columns,
    whole,
    with_interval,
    words,
)


def study_tables(analysis: Analysis, experiment: Experiment) -> list[Table]:
    """Every table of a study that has something to show."""
    made = [
        scores_table(analysis, experiment),
        controls_table(analysis),
        recalls_table(analysis),
        forgetting_table(analysis),
        chosen_table(analysis.study),
        repeats_table(analysis),
        speakers_table(analysis),
        all_tests_table(analysis),
    ]
    stamp = analysis.study.stamp
    # What is left of a source has the stamp of the source's rows, which it brings.
    shown = [t for t in made if t is not None and t.rows]
    return [t if t.stamp else dataclasses.replace(t, stamp=stamp) for t in shown]


def scores_table(analysis: Analysis, experiment: Experiment) -> Table:
    """Sources by methods, with the difference to the network from scratch: the main table."""
    study = analysis.study
    known = {
        (score.method, score.source): paper.published(
            experiment.name,
            study,
            score.method,
            "" if source_title(score.method, score.source) == numbers.NONE else score.source,
        )
        for score in analysis.scores
    }
    several, compared = study.protocol["repeats"] > 1, compared_columns(analysis)
    columns = [
        *text_columns("Source", "Method"),
        Column("UAR [95 %]", ("uar", "uar_low", "uar_high")),
        *([Column("SD of repeats", ("repeats_sd",))] if several else []),
        Column("UAR of folds", ("folds_mean", "folds_sd")),
        Column("Absent", ("absent_classes",)),
        Column("Weights", ("trained_weights",)),
        Column("Epoch", ("median_best_epoch",)),
        *compared,
    ]
    if any(known.values()):
        columns.insert(-len(compared) - 3, Column("In the paper", ("paper_uar", "paper_sd")))
    rows = []
    for score in in_order(analysis.scores):
        comparison = analysis.comparison(score.method, score.source)
        row = [
            source_cell(score.method, score.source),
            words(method_title(score.method, score.source)),
            with_interval(score.uar, score.interval.low, score.interval.high),
            *([one_score(float(np.std(score.by_repeat, ddof=1)))] if several else []),
            mean_sd(score.folds_mean, score.folds_sd),
            whole(score.absent),
            whole(score.parameters),
            whole(score.best_epoch),
            *compared_cells(analysis, comparison),
        ]
        if any(known.values()):
            published = mean_sd(*(known[score.method, score.source] or (None, None)))
            row.insert(-len(compared) - 3, published)
        rows.append(tuple(row))
    notes = [
        "UAR: unweighted average recall of one repeat's pooled answers, averaged over repeats; "
        f"{_interval_words(analysis)}. UAR of folds: mean of the folds' own UARs over the classes "
        "present ± SD over a repeat's folds, averaged over repeats; Absent: classes missing from "
        "test folds, over all folds. Weights: those trained for the target, biases included. "
        "Epoch: median of the best epochs." + _comparison_words(analysis)
    ]
    if any(known.values()):
        notes.append(
            f"In the paper: {paper.SOURCE}. UAR of folds; speaker-dependent, transductive, 10 "
            "repeats of 10 folds."
            + (
                f" Read off figure 4, to within {paper.FIGURE_4_READING}."
                if experiment.name == "paper-figure-4"
                else ""
            )
        )
    title = f"{study.name}: UAR of {len(study.targets)} utterances ({study.stamp})"
    return Table(
        file_name(study, "scores"), title, tuple(columns), tuple(rows), tuple(notes), grouped=True
    )


def controls_table(analysis: Analysis) -> Table:
    """The progressive network against what tells where a gain comes from."""
    study = analysis.study
    rows = []
    for comparison in analysis.comparisons:
        if comparison.other == "dnn" or comparison.method not in CONTROLS:
            continue
        own = analysis.score(comparison.method, comparison.source)
        other = analysis.score(comparison.other, comparison.other_source)
        rows.append(
            (
                source_cell(comparison.method, comparison.source),
                words(method_title(comparison.method, comparison.source)),
                one_score(own.uar),
                words(method_title(comparison.other, comparison.other_source)),
                one_score(other.uar),
                *compared_cells(analysis, comparison),
            )
        )
    columns = (
        *text_columns("Source", "Method"),
        Column("UAR", ("uar",)),
        Column("Control", ("control",), text=True),
        Column("Its UAR", ("control_uar",)),
        *compared_columns(analysis),
    )
    note = (
        f"{_gain_words(analysis)} Difference: ProgNet less control. "
        f"{_test_words(analysis, 'controls')}"
    )
    title = f"{study.name}: ProgNet against its controls ({study.stamp})"
    return Table(file_name(study, "controls"), title, columns, tuple(rows), (note,), grouped=True)


def _gain_words(analysis: Analysis) -> str:
    """What the controls of a study can say about where a gain comes from."""
    asked = {each.other for each in analysis.comparisons}
    telling = {c for controls in EXTENDING_CONTROLS.values() for c in controls} | {*GAIN_CONTROLS}
    if not asked & telling:
        return (
            "This study asks no network as large and no random or shuffled column: it cannot say "
            "where a gain comes from."
        )
    needed = (
        "what the chain learned only where ProgNet beats a network as large and random columns "
        "that are scaled as the chain's are"
        if analysis.study.preset
        else "what the source learned only where ProgNet beats a network as large, a random "
        "column and a column that learned shuffled labels"
    )
    return (
        f"A gain is due to {needed}; and it is little worth where a plain classifier does as well."
    )


def recalls_table(analysis: Analysis) -> Table | None:
    """The recall of each class, and the UAR of each sex."""
    study = analysis.study
    if len(study.classes) > MOST_CLASSES:
        return None
    sexes = study.comparable_sexes
    columns = (
        *text_columns("Source", "Method"),
        *(Column(name, (f"recall_{name}",)) for name in study.classes),
        *(Column(f"UAR, {sex}", (f"uar_{sex}",)) for sex in sexes),
    )
    rows = tuple(
        (
            source_cell(score.method, score.source),
            words(method_title(score.method, score.source)),
            *(one_score(float(recall)) for recall in score.recalls),
            *(one_score(score.by_gender.get(sex)) for sex in sexes),
        )
        for score in in_order(analysis.scores)
    )
    shown = "recall of each class" + (", UAR of each sex" if sexes else "")
    title = f"{study.name}: {shown} ({study.stamp})"
    return Table(file_name(study, "recalls"), title, columns, rows, grouped=True)


def forgetting_table(analysis: Analysis) -> Table:
    """What is left of the source once the target was learned."""
    study = analysis.study
    columns = (
        *text_columns("Source", "Method", "Asked again", "On"),
        Column("Rows", ("rows",)),
        Column("UAR before", ("uar_before",)),
        Column("UAR after", ("uar_after",)),
        Column("Lost", ("uar_lost",)),
        Column("Unchanged", ("unchanged",), text=True),
    )
    rows = tuple(
        (
            source_cell(each.method, each.source),
            words(method_title(each.method, each.source)),
            words(each.task),
            words(f"{each.role} rows, {each.voices}"),
            whole(each.rows),
            one_score(each.before),
            one_score(each.after),
            Cell(numbers.signed(each.lost).removeprefix("+"), (each.lost,)),
            Cell("yes" if each.unchanged else "no", (each.unchanged,)),
        )
        for each in analysis.forgetting
    )
    note = (
        "The source task on its own rows before and after the target was learned, heard through "
        "the scaling that it was trained with; of several sources the last one. A frozen column "
        "cannot change; that it does not is measured here, not assumed. On test rows: UAR of one "
        "repeat's pooled answers, averaged over repeats. Stop rows, of a source that has no test "
        "rows, overlap between folds: mean of the folds' UARs; and they chose its epoch, so that "
        "their UAR flatters, before and after alike. Rows: in one repeat. Unchanged: every single "
        "answer is the same."
    )
    scaling = study.scaling_stamp
    title = f"{study.name}: what is left of the source ({scaling}; whose voices: see the rows)"
    return Table(
        file_name(study, "forgetting"), title, columns, rows, (note,), grouped=True, stamp=scaling
    )


def repeats_table(analysis: Analysis) -> Table:
    """The pooled UAR of every repeat with every method; for files alone."""
    study = analysis.study
    columns = (
        *text_columns("Source", "Method"),
        Column("Repeat", ("repeat",)),
        Column("UAR", ("uar",)),
    )
    rows = tuple(
        (
            source_cell(score.method, score.source),
            words(method_title(score.method, score.source)),
            whole(repeat),
            one_score(float(value)),
        )
        for score in in_order(analysis.scores)
        for repeat, value in enumerate(score.by_repeat, start=1)
    )
    title = f"{study.name}: UAR of each repeat's pooled answers ({study.stamp})"
    return Table(file_name(study, "repeats"), title, columns, rows, on_page=False)


def speakers_table(analysis: Analysis) -> Table:
    """Every speaker's UAR with every method; for files alone."""
    study = analysis.study
    scores = in_order(analysis.scores)
    speakers = list(scores[0].by_speaker) if scores else []
    sex_of = dict(zip(study.speakers, study.genders, strict=True))
    columns = (
        *text_columns("Speaker", "Sex"),
        Column("Utterances", ("utterances",)),
        *(Column(full_title(s.method, s.source), (_field(s),)) for s in scores),
    )
    rows = tuple(
        (
            words(speaker),
            words(sex_of[speaker] or "unknown"),
            whole(int(np.sum(study.speakers == speaker))),
            *(one_score(score.by_speaker[speaker]) for score in scores),
        )
        for speaker in speakers
    )
    title = f"{study.name}: UAR of each speaker over the classes that it has ({study.stamp})"
    return Table(file_name(study, "speakers"), title, columns, rows, on_page=False)


def all_tests_table(analysis: Analysis) -> Table:
    """Every test of every comparison, the primary one first; for files alone."""
    study = analysis.study
    columns = (
        *text_columns("Source", "Method", "Against", "Test"),
        Column("Primary", ("primary",), text=True),
        Column("Mean difference", ("mean_difference",)),
        Column("Statistic", ("statistic",)),
        Column("df", ("df",)),
        Column("n", ("n",)),
        Column("p", ("p",)),
        Column("Smallest p", ("smallest_p",)),
        Column("p (Holm)", ("p_holm",)),
    )
    rows = []
    for each in analysis.comparisons:
        for number, test in enumerate((each.primary, *each.others)):
            first = number == 0
            rows.append(
                (
                    source_cell(each.method, each.source),
                    words(method_title(each.method, each.source)),
                    words(method_title(each.other, each.other_source)),
                    words(test.name),
                    Cell("yes" if first else "no", (first,)),
                    Cell(numbers.signed(test.difference), (test.difference,)),
                    Cell(numbers.signed(test.statistic), (test.statistic,)),
                    whole(test.df),
                    whole(test.n),
                    _p(test.p),
                    _p(test.smallest_p),
                    _p(each.adjusted if first else None),
                )
            )
    title = f"{study.name}: every test ({study.stamp})"
    return Table(
        file_name(study, "tests"), title, columns, tuple(rows), on_page=False, grouped=True
    )


def _p(value: float | None) -> Cell:
    return Cell(numbers.p_value(value), (value,))


def _interval_words(analysis: Analysis) -> str:
    if not analysis.scores:
        return "in brackets the 95 % bootstrap interval"
    found = analysis.scores[0].interval
    units = "utterances" if found.speakers is None else f"{found.speakers} speakers"
    return (
        f"in brackets the 95 % percentile interval over {found.draws} bootstrap draws of {units}, "
        "the trained models held fixed"
    )


def _comparison_words(analysis: Analysis) -> str:
    """How the columns of the difference to the network from scratch are to be read."""
    tested = _test_words(analysis, "dnn")
    return f" Difference: to the DNN. {tested}" if tested else ""


def _test_words(analysis: Analysis, family: str) -> str:
    """Which test the p values are of, and over how many they were corrected."""
    own = [c for c in analysis.comparisons if (c.other == "dnn") == (family == "dnn")]
    if not own:
        return ""
    tested = sum(not math.isnan(c.primary.p) for c in own)
    corrected = f"p (Holm): corrected over {tested} comparisons; " if tested > 1 else ""
    unit = "speakers" if analysis.study.knows_speakers else "folds"
    telling = next((c for c in own if not c.primary.untested), own[0])
    return (
        f"p: {_primary_words(analysis, telling)}; {corrected}{_folds_words(analysis)}d_z: mean "
        f"difference in standard deviations over {unit}; *: p (Holm) below {LEVEL}."
    )


def _folds_words(analysis: Analysis) -> str:
    """What the p over folds is, where it stands beside one over speakers."""
    if not over_speakers(analysis):
        return ""
    if analysis.study.single_split:
        return "p (folds): none over a single split; "
    return (
        "p (folds): corrected repeated cross-validation test of the mean of the folds' own "
        "differences, which asks about the methods and not these models, not corrected for "
        "several comparisons; "
    )


def _primary_words(analysis: Analysis, comparison: Comparison) -> str:
    """What the primary test is, what it is of, and what its p is about."""
    test, study = comparison.primary, analysis.study
    if "sign-flip" in test.name:
        return (
            f"two-sided {test.name}, of that difference: each speaker's two answers swapped, for "
            "the models as trained here"
        )
    if test.untested:
        return f"none, since {test.untested}"
    of = f"two-sided {test.name} (df = {test.df}), of the mean of the folds' own differences"
    if study.protocol["speaker_disjoint"]:
        return f"{of}, since some speakers are not known"
    other = "utterances of the same" if comparison.interval.speakers is None else "test"
    return (
        f"{of}. It asks whether the difference would hold with other training rows of the same "
        f"speakers, where the interval asks about other {other} speakers"
    )


def _field(score) -> str:
    return f"uar_{score.method}" + (f"_from_{score.source}" if score.source else "")
