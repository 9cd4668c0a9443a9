"""The figures of a report: what they are made of, and when there are none."""

from __future__ import annotations

import itertools

import matplotlib.colors
import numpy as np
import pytest
from run_made import EPOCHS, make_run, stopping

from pnn_keras.experiments import Study, make_experiment, read_run
from pnn_keras.experiments.analysis import analyse
from pnn_keras.experiments.named import EXTENDING
from pnn_keras.figure_style import styled
from pnn_keras.methods import METHODS
from pnn_keras.report import course_figures, matrix_figures, score_figures
from pnn_keras.report.drawing import LOOKS, write_drawing

RIGHT = {"dnn": 5, "ptft": [5, 6], "prognet": [7, 8]}


def analyses_of(folder, right=None, **options):
    run = read_run(make_run(folder, right or RIGHT, **options))
    return run, [analyse(study, draws=100) for study in run.studies]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    """Gender and emotion of two corpora, each from the others."""
    tasks = [f"{label}@{corpus}" for corpus in ("one", "two") for label in ("gender", "emotion")]
    studies = [
        Study(target, tuple(t for t in tasks if t != target), ("dnn", "ptft", "prognet"))
        for target in tasks
    ]
    folder = tmp_path_factory.mktemp("matrix")
    return analyses_of(folder, studies=studies, corpora=["one", "two"], speakers=5)


@pytest.fixture(scope="module")
def amounts(tmp_path_factory):
    studies = [
        Study("emotion@two", ("emotion@one",), ("dnn", "ptft", "prognet"), "paper-10-fold", parts)
        for parts in (1, 4, 2)
    ]
    folder = tmp_path_factory.mktemp("amounts")
    return analyses_of(folder, studies=studies, corpora=["one", "two"])


def texts(axis) -> list[str]:
    return [text.get_text() for text in axis.texts]


def test_every_method_looks_unlike_the_others():
    assert set(LOOKS) == set(METHODS)
    colours, markers = zip(*LOOKS.values(), strict=True)
    assert len(set(colours)) == len(set(markers)) == len(METHODS)
    assert all(matplotlib.colors.is_color_like(colour) for colour in colours)


def seen_by(linear: np.ndarray) -> list[np.ndarray]:
    """A colour in CIELAB, as those see it who lack no cone, and who lack one of three."""
    found = []
    for lacking in (np.eye(3), *LACKING):
        white = np.array([0.9505, 1.0, 1.089])
        xyz = TO_XYZ @ np.clip(lacking @ linear, 0, 1) / white
        f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
        found.append(np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]))
    return found


#: Linear sRGB to XYZ, and what is left of a colour without one kind of cones (Machado et al.,
#: 2009).
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
LACKING = np.array(
    [
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ]
)


def test_colour_blind_readers_can_tell_any_two_methods_apart():
    seen = []
    for colour, _ in LOOKS.values():
        encoded = np.array(matplotlib.colors.to_rgb(colour))
        linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
        seen.append(seen_by(linear))
    for one, other in itertools.combinations(seen, 2):
        # 2 is what one just notices when two areas touch.
        assert min(np.linalg.norm(np.subtract(one, other), axis=-1)) > 16


def test_a_long_legend_lies_within_its_figure(tmp_path):
    chain = "a-chain-of-a-rather-long-name"
    studies = [Study("emotion@made", (), EXTENDING, "speaker-5-fold", n, chain) for n in (0, 1)]
    run, analyses = analyses_of(tmp_path, studies=studies, curves=True)
    with styled():
        made = [course_figures.curves(analyses[0]), score_figures.speakers(analyses[0])]
        made += course_figures.amounts(analyses, run.experiment, stopping(run))
        for drawing in made:
            drawing.figure.draw_without_rendering()
            (legend,) = drawing.figure.legends
            area = legend.get_window_extent()
            assert area.x0 >= 0 and area.x1 <= drawing.figure.bbox.x1
            lowest = min(axis.get_tightbbox().y0 for axis in drawing.figure.axes)
            assert area.y1 <= lowest


def test_titles_of_confusions_do_not_run_into_each_other(tmp_path):
    studies = [Study("emotion@made", (), ("dnn", "prognet"), from_model="a-" * 25 + "b")]
    _, (analysis,) = analyses_of(tmp_path, studies=studies)
    with styled():
        drawing = matrix_figures.confusions(analysis)
        drawing.figure.draw_without_rendering()
    (_, dnn), (prognet, _) = (
        a.title.get_window_extent().intervalx for a in drawing.figure.axes[:2]
    )
    assert dnn < prognet


def test_a_dollar_in_a_name_is_a_dollar(tmp_path):
    emotions = ("$a^$", "b$_$", "$\\c$")
    _, (analysis,) = analyses_of(tmp_path, emotions=emotions)
    with styled():
        write_drawing(matrix_figures.confusions(analysis), tmp_path / "drawn")
    assert list((tmp_path / "drawn").glob("*.png"))


def test_bars_are_as_long_as_the_scores(tmp_path):
    run, (analysis,) = analyses_of(tmp_path)
    with styled():
        drawing = score_figures.bars(analysis, run.experiment)
    (axis,) = drawing.figure.axes
    assert [bar.get_width() for bar in axis.patches] == pytest.approx([0.5, 0.55, 0.75])
    assert texts(axis) == ["0.500", "0.550", "0.750 *"]
    assert "ProgNet from gender@made 0.750" in drawing.alt


def test_curves_pool_a_repeats_folds(tmp_path):
    _, (analysis,) = analyses_of(tmp_path, curves=True, repeats=2)
    result = analysis.study.method("prognet", "gender@made")
    curve = course_figures.traced_uar(result)
    assert curve.shape == (EPOCHS, 2)
    assert curve[0] == pytest.approx([1 / 3] * 2) and curve[-1] == pytest.approx([0.75] * 2)


def test_a_curve_is_drawn_for_each_method(tmp_path):
    _, (analysis,) = analyses_of(tmp_path, curves=True)
    with styled():
        drawing = course_figures.curves(analysis)
    lines = [line for line in drawing.figure.axes[0].lines if len(line.get_xdata()) == EPOCHS]
    assert [line.get_label() for line in lines] == ["DNN", "PT/FT", "ProgNet"]
    assert lines[-1].get_ydata()[-1] == pytest.approx(0.75)


def test_without_traces_there_are_no_curves(tmp_path):
    _, (analysis,) = analyses_of(tmp_path)
    assert course_figures.curves(analysis) is None


def test_the_matrix_holds_the_gain_of_every_pair(matrix):
    _, analyses = matrix
    with styled():
        drawing = matrix_figures.transfer(analyses)
    prognet, ptft, _ = drawing.figure.axes
    assert prognet.get_title() == "ProgNet" and ptft.get_title() == "PT/FT"
    # No marks: p of five speakers is at least 2 / 2 ** 5. Three women answer .7 of all clips
    # rightly, two men .8: .74 over emotions, .75 over genders.
    assert texts(prognet).count("+0.240") == 6  # emotions
    assert texts(prognet).count("+0.250") == 6  # genders
    assert [label.get_text() for label in prognet.get_yticklabels()] == [
        "gender@one",
        "emotion@one",
        "gender@two",
        "emotion@two",
    ]


def test_the_colours_of_the_matrix_are_centred_at_no_gain(matrix):
    with styled():
        drawing = matrix_figures.transfer(matrix[1])
    norm = drawing.figure.axes[0].images[0].norm
    assert norm(0) == 0.5 and norm.vmax == -norm.vmin


def test_a_task_is_not_its_own_source_in_the_matrix(matrix):
    with styled():
        drawing = matrix_figures.transfer(matrix[1])
    grid = np.ma.filled(drawing.figure.axes[0].images[0].get_array(), np.nan)
    assert np.isnan(np.diag(grid)).all() and np.isnan(grid).sum() == 4


def test_the_matrix_is_a_table_too(matrix):
    table = matrix_figures.transfer_table(matrix[1])
    assert len(table.rows) == 8 and len(table.columns) == 6


def test_one_target_makes_no_matrix(tmp_path):
    _, analyses = analyses_of(tmp_path)
    assert matrix_figures.transfer(analyses) is None
    assert matrix_figures.transfer_table(analyses) is None


def test_studies_that_differ_in_the_amount_alone_make_one_curve_from_few_to_all(amounts):
    run, analyses = amounts
    (group,) = course_figures.amount_groups(analyses, run.experiment)
    assert [analysis.study.training_parts for analysis in group] == [1, 2, 4]
    with styled():
        (drawing,) = course_figures.amounts(analyses, run.experiment, stopping(run))
    labels = [label.get_text() for label in drawing.figure.axes[0].get_xticklabels()]
    assert [label.split("\n")[0] for label in labels] == ["1", "2", "4"]


def test_of_many_methods_the_controls_are_drawn_beside_what_they_control(tmp_path):
    methods = ("svm", "dnn", "dnn-large", "ptft", "prognet", "prognet-adapter", "prognet-shuffled")
    studies = [
        Study("emotion@two", ("emotion@one",), methods, "paper-10-fold", parts) for parts in (1, 2)
    ]
    run, analyses = analyses_of(tmp_path, studies=studies, corpora=["one", "two"])
    with styled():
        (drawing,) = course_figures.amounts(analyses, run.experiment, stopping(run))
    assert [axis.get_title() for axis in drawing.figure.axes] == [
        "from emotion@one",
        "from emotion@one\nProgNet and its controls",
    ]
    assert [[bars.get_label() for bars in axis.containers] for axis in drawing.figure.axes] == [
        [METHODS[m].title for m in ("svm", "dnn", "ptft", "prognet", "prognet-adapter")],
        [METHODS[m].title for m in ("dnn", "dnn-large", "prognet", "prognet-shuffled")],
    ]


def test_amounts_are_no_matrix(amounts):
    assert matrix_figures.transfer(amounts[1]) is None


def test_the_papers_curve_is_drawn_beside_figure_4(tmp_path):
    experiment = make_experiment("paper-figure-4", ["IEMOCAP", "MSP-IMPROV"], ["a", "b"])
    studies = [study for study in experiment.studies if study.target == "emotion@IEMOCAP"]
    run, analyses = analyses_of(
        tmp_path, studies=studies, corpora=["IEMOCAP", "MSP-IMPROV"], name="paper-figure-4"
    )
    with styled():
        (drawing,) = course_figures.amounts(analyses, run.experiment, stopping(run))
    dotted = [line for line in drawing.figure.axes[0].lines if line.get_linestyle() == ":"]
    assert list(dotted[0].get_ydata()) == [0.552, 0.585, 0.614, 0.640]
    assert "Dotted: the paper" in drawing.caption


def test_cells_of_confusions_are_counts(tmp_path):
    _, (analysis,) = analyses_of(tmp_path)
    with styled():
        drawing = matrix_figures.confusions(analysis)
    dnn, prognet, _ = drawing.figure.axes
    # Ten speakers have ten clips of each class; half, or three in four, are right.
    assert texts(dnn) == ["50", "50", "0", "0", "50", "50", "50", "0", "50"]
    assert texts(prognet)[0] == "75"


def test_other_methods_are_drawn_where_the_paper_s_are_not_asked_for(tmp_path):
    methods = ("svm", "prognet-adapter", "multitask")
    asked = Study("emotion@made", ("gender@made", "speaker@made"), methods)
    right = {"svm": 4, "prognet-adapter": 6, "multitask": 3}
    _, (analysis,) = analyses_of(tmp_path, right, studies=[asked])
    with styled():
        confusions = matrix_figures.confusions(analysis)
        speakers = score_figures.speakers(analysis)
    assert [texts(axis)[0] for axis in confusions.figure.axes[:2]] == ["40", "60"]
    assert "the highest UAR was taken after the fact" in confusions.caption
    (legend,) = speakers.figure.legends
    titles = [text.get_text() for text in legend.get_texts()]
    assert len(titles) == 3 and titles[0] == METHODS["svm"].title


def test_speakers_are_sorted_by_their_scores(tmp_path):
    _, (analysis,) = analyses_of(tmp_path, {"dnn": [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]})
    with styled():
        drawing = score_figures.speakers(analysis)
    labels = [label.get_text() for label in drawing.figure.axes[1].get_yticklabels()]
    assert labels[0] == "s9 (m)" and labels[-1] == "s0 (f)"


def test_many_speakers_are_not_named(tmp_path):
    _, (analysis,) = analyses_of(tmp_path, speakers=41)
    with styled():
        drawing = score_figures.speakers(analysis)
    assert not drawing.figure.axes[1].get_yticklabels()


def test_a_drawing_is_the_same_file_twice(tmp_path):
    _, (analysis,) = analyses_of(tmp_path)
    with styled():
        for name in ("a", "b"):
            write_drawing(matrix_figures.confusions(analysis), tmp_path / name)
    (first,) = (tmp_path / "a").glob("*.svg")
    assert first.read_bytes() == (tmp_path / "b" / first.name).read_bytes()
