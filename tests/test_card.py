"""What a card says of a chain, from what was recorded of it."""

import copy
import json

import pytest
from card_made import calibration, full_metadata
from chain_made import foreign_chain, made_chain, recorded_metadata, two_ears_chain

from pnn_keras import Chain, Task
from pnn_keras.card import card, overview
from pnn_keras.speaker_scaling import marked

LOGMEL = {"name": "logmel", "version": "1", "band": [50.0, 5000.0], "longest": 60.0}
EGEMAPS = {"name": "egemaps", "feature_set": "eGeMAPSv02"}


@pytest.fixture(scope="module")
def chain():
    return made_chain(frontends={"logmel": LOGMEL})


@pytest.fixture(scope="module")
def full(chain):
    return card(chain, full_metadata(), name="made", sha256="ab" * 32)


def section(text: str, title: str) -> str:
    """The part of a card under a heading."""
    found = [part for part in text.split("\n## ")[1:] if part.startswith(f"{title}\n")]
    assert len(found) == 1, f"{len(found)} sections {title!r}"
    return found[0]


def with_score(**changes) -> dict:
    metadata = recorded_metadata()
    metadata["scores"]["emotion"]["prognet"].update(changes)
    return metadata


def test_summary_says_what_goes_in_and_comes_out(full):
    assert (
        "it hears 5 features of the front-end `logmel` and answers gender and emotion. "
        "It was trained on EmoDB and RAVDESS." in full
    )


def test_answers_name_classes_and_what_counts_as_one(full):
    assert "| `emotion` | angry, happy, sad | excited as happy |" in full


def test_many_classes_are_counted_not_listed():
    chain = Chain()
    chain.add_column(Task("speaker", tuple(f"A/{n}" for n in range(43))), dimension=3, units=[4])
    assert "A/10, A/11, ... (43 in all)" in section(card(chain, {}), "What it answers")


def test_use_names_commands_for_audio(full):
    said = section(full, "How to use it")
    assert 'chain.predict_audio(["a.wav", "b.wav"])[0]["emotion"]["label"]' in said
    for command in ("predict made a.wav", "serve made", "export made", "train --from made"):
        assert f"pnn-keras {command}" in said


def test_use_asks_a_chain_of_brought_vectors_with_vectors():
    said = section(card(two_ears_chain(), {}), "How to use it")
    assert 'chain({"egemaps": egemaps, "embeddings": embeddings})' in said
    assert "predict_audio" not in said and "pnn-keras predict" not in said


def test_use_does_not_serve_what_needs_speaker_statistics():
    said = section(card(made_chain(frontends={"egemaps": marked(EGEMAPS)}), {}), "How to use it")
    assert "speakers=" in said and "serve" not in said and "export" not in said


def test_logmel_states_rate_length_and_band(full):
    said = section(full, "What it takes in")
    assert "4 to 192 kHz, resampled to 16 kHz" in said
    assert "0.1 s to 60 s" in said
    assert "50 to 5000 Hz" in said and "below 10 kHz" in said


def test_logmel_is_resampled_to_the_rate_that_the_card_states():
    from pnn_keras.frontends.contours_graph import SAMPLING_RATE

    assert SAMPLING_RATE == 16000


def test_egemaps_states_that_opensmile_is_needed():
    said = section(card(made_chain(frontends={"egemaps": EGEMAPS}), {}), "What it takes in")
    assert "openSMILE computes the features (eGeMAPSv02)" in said and "not for products" in said


def test_brought_vectors_are_described_by_their_size():
    assert "Vectors of 5 numbers that you bring" in card(made_chain(), {})


def test_speakers_are_named(full):
    said = section(full, "Training data")
    assert "The 2 speakers of EmoDB: 03, 08." in said
    assert "<summary>The 24 speakers of RAVDESS</summary>\n\n01, 02, 03," in said


def test_licences_and_why_the_weights_are_bound(full):
    said = section(full, "Training data")
    assert "| RAVDESS | 1440 | 24 | English, acted | CC BY-NC-SA 4.0 |" in said
    assert "Licence of the weights: cc-by-nc-sa-4.0." in said
    assert "**Not free for any use**: RAVDESS is not." in said


def test_recipe_decides_whether_any_use_is_allowed(chain):
    metadata = {**full_metadata(), "any_use": True}
    assert "Any use is allowed" in section(card(chain, metadata), "Training data")


def test_protocol_tells_folds_and_hash(full):
    said = section(full, "Protocol")
    assert "- Folds: 2" in said and "- Digest of the folds: ab12" in said
    assert "Speaker-disjoint: no test speaker was heard in training." in said


def test_speaker_dependent_scores_are_stamped(chain):
    metadata = recorded_metadata()
    metadata["protocol"]["speaker_disjoint"] = False
    assert "Speaker-dependent: every test speaker was heard" in card(chain, metadata)


def test_each_task_is_stamped_with_the_protocol_that_scored_it(chain):
    metadata = recorded_metadata()
    metadata["scores"]["gender"] = {"column": {"uar": 0.5}}
    metadata["protocols"] = {"gender": {"name": "paper-10-fold", "speaker_disjoint": False}}
    emotion, gender = section(card(chain, metadata), "Scores").split("### ")[1:]
    assert "Speaker-disjoint" in emotion and "Speaker-dependent" in gender


def test_a_score_on_stop_rows_is_not_stamped_speaker_disjoint(chain):
    metadata = recorded_metadata()
    metadata["scores"] = {"speaker": {"column": {"uar": 0.9, "role": "stop"}}}
    said = section(card(chain, metadata), "Scores")
    assert "Scored on its own stop rows: other clips of the speakers" in said
    assert "Speaker-disjoint" not in said


def test_every_method_has_its_uar_with_interval(full):
    said = section(full, "Scores")
    assert "| ProgNet | 0.500 | [0.410, 0.590] | 0.480 ± 0.030 (1 absent class) | 12 |" in said
    assert "| DNN from scratch, same split | 0.400 | [0.410, 0.590] |" in said
    assert "| pre-trained, fine-tuned | 0.450 | - |" in said
    assert "| SVM | 0.350 | - |" in said


def test_intervals_are_explained_with_their_warning(full):
    said = section(full, "Scores")
    assert "95 % bootstrap over 12 speakers" in said
    assert said.split("### emotion")[1].count("the interval is too narrow.") == 1


def test_interval_without_speakers_is_over_utterances(chain):
    interval = {"low": 0.4, "high": 0.6, "level": 0.9, "speakers": None, "warning": None}
    assert "90 % bootstrap over utterances" in card(chain, with_score(interval=interval))


def test_scores_without_intervals_have_no_column_for_them(chain):
    said = section(card(chain, recorded_metadata()), "Scores")
    assert "| method | UAR | mean ± SD of folds | utterances |" in said
    assert "Intervals" not in said


def test_plain_reference_that_reaches_more_is_said_aloud(full):
    assert (
        "**A plain reference reaches as much or more:** logistic regression on the same features "
        "and folds has 0.550, ProgNet 0.500." in full
    )


def test_plain_reference_that_reaches_less_is_not(chain):
    metadata = recorded_metadata()
    metadata["scores"]["emotion"]["svm"] = {"uar": 0.3}
    assert "A plain reference" not in card(chain, metadata)


def test_recalls_stand_side_by_side(chain):
    said = section(card(chain, recorded_metadata()), "Scores")
    assert "| recall of | ProgNet | DNN from scratch, same split |" in said
    assert "| happy | 0.250 | 0.250 |" in said


def test_recalls_of_many_classes_are_summed_up(chain):
    recalls = {f"A/{n}": n / 20 for n in range(20)}
    said = card(chain, with_score(recalls=recalls))
    assert "Recalls of ProgNet: 0.000 (A/0) to 0.950 (A/19), 20 classes" in said


def test_confusion_is_a_table_where_no_picture_lies_beside(chain):
    said = card(chain, recorded_metadata())
    assert "| **happy** | 2 | 1 | 1 |" in said and "![" not in said


def test_only_pictures_that_lie_beside_are_shown(chain):
    said = card(chain, full_metadata(), pictures=["confusion-emotion.png"])
    assert "](confusion-emotion.png)" in said
    assert "](confusion-gender.png)" not in said and "](calibration" not in said


def test_unheard_corpora_tell_chance_and_what_was_scored(full):
    said = section(full, "On corpora that it never heard")
    assert (
        "| `emotion` | CREMA-D | these weights | 0.375 | [0.350, 0.400] | 0.500 | 4900 | 91 | "
        "anger as angry; without disgusted (1271) |" in said
    )
    assert "| `emotion` | EmoDB | the same recipe without that corpus | 0.438 |" in said


def test_unheard_corpora_tell_what_adapting_brings(chain):
    metadata = full_metadata()
    metadata["elsewhere"][0]["adapted"] = {"uar": 0.625}
    said = section(card(chain, metadata), "On corpora that it never heard")
    assert "| 0.375 | [0.350, 0.400] | 0.625 | 0.500 |" in said
    assert "without their labels: transductive" in said


def test_groups_tell_sex_corpus_and_worst_speaker(full):
    said = section(full, "Who is heard how well")
    assert "| sex | female | 0.625 | 700 | 13 |" in said
    assert "| corpus | RAVDESS | 0.550 | 1051 | 24 |" in said
    assert "UAR is 0.125 higher for female than for male speakers." in said
    assert "Worst speaker: RAVDESS/17, UAR 0.250 (44 utterances)." in said


def test_groups_without_a_worst_speaker_do_without(chain):
    metadata = full_metadata()
    metadata["groups"]["emotion"]["worst_speaker"] = None
    assert "Worst speaker" not in card(chain, metadata)


def test_calibration_tells_before_and_after(full):
    said = section(full, "Calibration")
    assert "| `emotion` | ProgNet | 1.750 | 0.188 | 0.031 | 1.500 | 1.125 | 150 |" in said


def test_calibration_with_nothing_to_measure_on_has_dashes(chain):
    metadata = {"calibration": {"emotion": {**calibration(), "ece_after": None}}}
    assert "| 1.750 | 0.188 | - | 1.500 |" in card(chain, metadata)


def test_latency_names_clip_runs_and_processor(full):
    assert (
        "One clip of 3 s is answered in 41.2 ms, 36.5 ms of them for the features; "
        "median of 30 runs, warm, on x86_64, 2 cores." in full
    )


def test_provenance_names_recipe_command_and_digest(full):
    said = section(full, "How it was made")
    assert "- Recipe: `zoo/recipes/made.toml`" in said
    assert "- Command: `pnn-keras train --source gender --target emotion`" in said
    assert f"- SHA-256 of `model.weights.h5`: `{'ab' * 32}`" in said
    assert "It has heard 2 speakers and 1 recording" in said
    assert "learned from 3 masked versions" in said


def test_limits_follow_from_corpora_and_tasks(full):
    said = section(full, "Intended use and limits")
    assert "26 speakers: acted German (EmoDB) and acted English (RAVDESS)" in said
    assert "All of it was acted" in said
    assert "*Gender* is the sex that the corpora note" in said
    assert "article 5(1)(f)" in said
    assert "*Speaker*" not in said


def test_limits_of_a_speaker_column_say_that_it_identifies_nobody_else():
    chain = Chain()
    chain.add_column(Task("speaker", ("A/1", "A/2")), dimension=3, units=[4])
    said = section(card(chain, {}), "Intended use and limits")
    assert "knows the 2 speakers of its training data" in said
    assert "*Emotion*" not in said and "2024/1689" not in said


def test_limits_of_unknown_corpora_claim_no_language(chain):
    said = section(card(chain, recorded_metadata()), "Intended use and limits")
    assert "the speech of Made" in said and "acted" not in said


def test_what_the_recipe_says_of_use_and_limits_stands_there(chain):
    metadata = {"intended_use": "For tests.", "limits": ["It is made up."]}
    said = section(card(chain, metadata), "Intended use and limits")
    assert "For tests." in said and "- It is made up." in said


def test_defects_of_the_data_are_named(chain):
    text = card(chain, {**recorded_metadata(), "notes": ["Two clips are the same."]})
    assert "Known defects:\n\n- Two clips are the same." in text


def test_synthetic_data_are_said_to_be(chain):
    metadata = recorded_metadata()
    metadata["corpora"][0]["synthetic"] = True
    text = card(chain, metadata)
    assert "**Trained on synthetic audio.**" in text
    assert "It has heard no human voice." in text


def test_a_chain_without_metadata_says_what_is_missing(chain):
    text = card(chain, {})
    assert text.count("Not recorded.") == 3
    assert "Not measured." in section(text, "On corpora that it never heard")
    assert "not calibrated" in section(text, "Calibration")
    assert "\n## Who is heard" not in text and "\n## How it was made" not in text


@pytest.mark.parametrize("made", [foreign_chain, two_ears_chain, Chain])
def test_every_kind_of_chain_has_a_card(made):
    assert card(made(), recorded_metadata()).startswith("---\nlicense: ")


def paths(value, at=()):
    """The path of every value in nested dictionaries and lists, the containers' too."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*at, key)
        if isinstance(item, (dict, list)):
            yield from paths(item, (*at, key))


def without(value: dict, path: tuple, null: bool) -> dict:
    """A copy in which what is at a path is missing, or null."""
    changed = copy.deepcopy(value)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    if null:
        holder[path[-1]] = None
    else:
        del holder[path[-1]]
    return changed


@pytest.mark.parametrize("null", [False, True], ids=["missing", "null"])
def test_anything_may_be_missing_or_null(chain, null):
    metadata = full_metadata()
    for path in paths(metadata):
        if isinstance(path[-1], str):
            changed = without(metadata, path, null)
            try:
                text = card(chain, changed)
                overview("made", changed)
            except Exception as error:
                raise AssertionError(f"no card without {path}") from error
            assert text.startswith("---\nlicense: ")


def test_the_same_metadata_give_the_same_text(chain):
    metadata = full_metadata()
    again = json.loads(json.dumps(metadata))
    assert card(chain, metadata, name="a") == card(chain, again, name="a")


def test_a_bar_in_a_name_does_not_break_a_table(chain):
    metadata = recorded_metadata()
    metadata["corpora"][0]["name"] = "A|B\n<script>"
    row = next(line for line in card(chain, metadata).splitlines() if line.startswith("| A"))
    assert row.startswith("| A\\|B &lt;script> |")
