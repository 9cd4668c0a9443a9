"""The figures of a report: what they are made of, and when there are none."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import matplotlib.colors
import numpy as np
import pytest
from PIL import Image
from run_made import EPOCHS, make_run, make_run_of_amounts, stopping

from pnn_keras.experiments import Study, make_experiment, read_run
from pnn_keras.experiments.analysis import analyse
from pnn_keras.experiments.named import EXTENDING
from pnn_keras.figure_style import styled
from pnn_keras.methods import METHODS
from pnn_keras.report import course_figures, matrix_figures, score_figures
from pnn_keras.report.drawing import LOOKS, canvas, write_drawing
from pnn_keras.task import PAPER_CLASSES

RIGHT = {"dnn": 5, "ptft": [5, 6], "prognet": [7, 8]}


def analyses_of(folder, right=None, **options):
    return analyses_in(make_run(folder, right or RIGHT, **options))


def analyses_in(folder):
    run = read_run(folder)
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
    return analyses_in(make_run_of_amounts(tmp_path_factory.mktemp("amounts"), RIGHT))


def markers(axis) -> list:
    """What draws the markers of each method."""
    return [line for line in axis.lines if line.get_marker() not in ("", "None")]


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


def test_titles_of_confusions_lie_within_their_figure(tmp_path):
    chain = "speaker-gender-emotion-all-without-emodb"
    studies = [Study("emotion@made", (), ("dnn", "prognet"), from_model=chain)]
    _, (analysis,) = analyses_of(tmp_path, studies=studies, emotions=("a", "b", "c"))
    with styled():
        drawing = matrix_figures.confusions(analysis)
        drawing.figure.draw_without_rendering()
    titles = [axis.title.get_window_extent() for axis in drawing.figure.axes[:2]]
    assert max(title.y1 for title in titles) <= drawing.figure.bbox.y1


def luminance(colour) -> float:
    """What the Web Content Accessibility Guidelines 2 call relative luminance."""
    encoded = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", ["Blues", "PuOr"])
def test_what_stands_in_a_cell_of_any_share_has_a_contrast_of_4_5(colours):
    shares = np.linspace(0, 1, 101)[None]
    with styled():
        axis = canvas(1.0)[1][0, 0]
        drawn = axis.imshow(shares, cmap=colours, vmin=0, vmax=1)
        for column in range(shares.size):
            matrix_figures.write_cell(drawn, 0, column, "1")
    inks = [text.get_color() for text in axis.texts]
    assert {"black", "white"} == set(inks)
    cells = drawn.to_rgba(shares)[0]
    assert min(map(contrast, inks, cells)) >= 4.5


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


def compared(difference: float, low: float, high: float) -> SimpleNamespace:
    """What a figure needs of a comparison with the network from scratch."""
    interval = SimpleNamespace(low=low, high=high)
    return SimpleNamespace(method="ptft", difference=difference, interval=interval, marked=False)


def test_the_axis_of_differences_goes_past_the_intervals_of_all_that_lie_near():
    near = [compared(d, d - 0.02, d + 0.02) for d in (0.0, 0.01, 0.02)]
    wide = compared(0.05, -0.12, 0.2)
    far = compared(-0.4, -0.5, -0.3)
    assert score_figures._reach([*near, wide, far]) == pytest.approx(1.1 * 0.2)


def test_an_interval_that_goes_on_beyond_the_axis_ends_in_an_arrow():
    with styled():
        axis = canvas(1.0)[1][0, 0]
        score_figures._difference(axis, 0, compared(0.05, -0.3, 0.1), reach=0.2)
        score_figures._difference(axis, 1, compared(-0.25, -0.3, -0.1), reach=0.2)
        score_figures._difference(axis, 2, compared(0.05, 0.0, 0.1), reach=0.2)
    arrows = [line for line in axis.lines if line.get_marker() in "<>"]
    assert [(line.get_marker(), *line.get_ydata()) for line in arrows] == [
        ("<", 0),
        ("<", 1),
        ("<", 1),
    ]
    spans = [list(line.get_xdata()) for line in axis.lines if line.get_linestyle() == "-"]
    assert spans == [[-0.2, 0.1], [-0.2, -0.1], [0.0, 0.1]]


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
    lines = [line for line in drawing.figure.axes[0].lines if line.get_linestyle() == "-"]
    assert [line.get_label() for line in lines] == ["DNN", "PT/FT", "ProgNet"]
    assert lines[-1].get_ydata()[-1] == pytest.approx(0.75)


def test_markers_of_curves_stand_at_epochs_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("run_made.EPOCHS", 80)
    _, (analysis,) = analyses_of(tmp_path, curves=True)
    with styled():
        drawing = course_figures.curves(analysis)
    marked = [set(line.get_xdata()) for line in markers(drawing.figure.axes[0])]
    assert [len(epochs) for epochs in marked] == [8, 8, 8]
    assert len(set.union(*marked)) == 3 * 8


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


def test_markers_of_amounts_stand_on_top_of_all_lines_and_intervals(amounts):
    run, analyses = amounts
    with styled():
        (drawing,) = course_figures.amounts(analyses, run.experiment, stopping(run))
    axis = drawing.figure.axes[0]
    on_top = markers(axis)
    others = {*axis.lines, *axis.collections} - set(on_top)
    assert len(on_top) == 3
    assert min(m.get_zorder() for m in on_top) > max(other.get_zorder() for other in others)


def panel_of_amounts(tmp_path, right: dict):
    studies = [
        Study("emotion@made", ("gender@made",), ("dnn", "ptft"), "speaker-5-fold", parts)
        for parts in (1, 2)
    ]
    run, analyses = analyses_of(tmp_path, right, studies=studies)
    with styled():
        (drawing,) = course_figures.amounts(analyses, run.experiment, stopping(run))
    return drawing.figure.axes[0]


def test_what_is_the_same_at_every_amount_and_far_below_all_others_is_named_instead(tmp_path):
    # The DNN answers as well with both amounts, but it is not far below anything.
    axis = panel_of_amounts(tmp_path, {"dnn": [8, 9], "ptft": 2})
    assert texts(axis) == ["not drawn, the same at every amount: PT/FT 0.200"]
    assert axis.get_ylim()[0] > 0.2


def test_what_is_not_far_below_all_others_is_drawn(tmp_path):
    axis = panel_of_amounts(tmp_path, {"dnn": [6, 7], "ptft": 6})
    assert texts(axis) == [] and len(markers(axis)) == 2


def test_amounts_are_no_matrix(amounts):
    assert matrix_figures.transfer(amounts[1]) is None


def test_the_papers_curve_is_drawn_beside_figure_4(tmp_path):
    experiment = make_experiment("paper-figure-4", ["IEMOCAP", "MSP-IMPROV"], ["a", "b"])
    studies = [study for study in experiment.studies if study.target == "emotion@IEMOCAP"]
    run, analyses = analyses_of(
        tmp_path,
        studies=studies,
        corpora=["IEMOCAP", "MSP-IMPROV"],
        emotions=PAPER_CLASSES,
        name="paper-figure-4",
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
    for drawing in (confusions, speakers):
        assert "the highest UAR was taken after seeing the scores" in drawing.caption
    (legend,) = speakers.figure.legends
    titles = [text.get_text() for text in legend.get_texts()]
    assert len(titles) == 3 and titles[0] == METHODS["svm"].title


def test_speakers_are_sorted_by_their_scores(tmp_path):
    _, (analysis,) = analyses_of(tmp_path, {"dnn": [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]})
    with styled():
        drawing = score_figures.speakers(analysis)
    labels = [label.get_text() for label in drawing.figure.axes[1].get_yticklabels()]
    assert labels[0] == "s9 (m)" and labels[-1] == "s0 (f)"


@pytest.mark.parametrize("method", LOOKS)
def test_every_method_s_dots_are_its_scores_and_no_more(method):
    figure, axes = canvas(3)
    score_figures._dots(axes[0, 0], ["a", "b"], {method: {"a": 0.25, "b": 0.75}})
    (line,) = axes[0, 0].lines
    assert list(line.get_xdata()) == [0.25, 0.75] and line.get_linestyle() == "None"


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


def test_files_of_a_figure_say_what_it_shows_and_what_its_scores_are_worth(tmp_path):
    _, (analysis,) = analyses_of(tmp_path)
    with styled():
        drawing = matrix_figures.confusions(analysis)
        write_drawing(drawing, tmp_path)
    assert drawing.foot == "made, n = 300; speaker-disjoint, not transductive"
    svg = ElementTree.parse(tmp_path / f"{drawing.name}.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert svg.find(f"{space}title").text == drawing.caption
    assert svg.find(f"{space}desc").text == drawing.alt
    said = Image.open(tmp_path / f"{drawing.name}.png").text
    assert said == {"Title": drawing.caption, "Description": drawing.alt}


def test_the_foot_of_a_figure_lies_below_all_else_and_within_it(tmp_path):
    run, (analysis,) = analyses_of(tmp_path, curves=True)
    with styled():
        for drawing in (course_figures.curves(analysis), matrix_figures.confusions(analysis)):
            write_drawing(drawing, tmp_path)
            figure = drawing.figure
            figure.set_dpi(100)
            (foot,) = (text.get_window_extent() for text in figure.texts)
            lowest = min(axis.get_tightbbox().y0 for axis in figure.axes)
            for legend in (text.get_window_extent() for text in figure.legends):
                assert legend.y1 <= lowest
                lowest = legend.y0
            assert 0 <= foot.y0 and foot.y1 <= lowest
            assert 0 <= foot.x0 and foot.x1 <= figure.bbox.x1


def test_a_source_is_said_to_be_chosen_only_where_there_are_several(tmp_path):
    _, (analysis,) = analyses_of(tmp_path)
    with styled():
        drawing = score_figures.speakers(analysis)
    assert "several sources" not in drawing.caption
