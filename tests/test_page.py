"""The page to try a model, in a real browser: by file, by microphone, by keyboard, by ear."""

import io

import numpy as np
import pytest
import soundfile
from audio_made import tone, write
from browser_made import browsing
from serving_made import PAGE, clip

IS_READY = "!document.querySelector('#model').disabled"
HAS_ANSWERED = "!document.querySelector('#answers').hidden"
HAS_FAILED = "document.querySelector('#error').textContent != ''"


@pytest.fixture(scope="module")
def started_browser():
    with browsing() as browser:
        yield browser


@pytest.fixture
def page(started_browser, made):
    """The page, just opened, as wide as a window; nothing is wrong in it at the end."""
    started_browser.events.clear()
    started_browser.show(1000)
    started_browser.open(made.rest + "/")
    started_browser.wait(IS_READY)
    yield started_browser
    assert [wrong for wrong in started_browser.complaints() if "status of" not in wrong] == []


def hear(page, path):
    page.choose(path)
    page.wait(HAS_ANSWERED)


def asked_wav(made):
    """The recording that the server was asked about last: samples as int16, and their rate."""
    (content,) = made.asked[-1]["audio_bytes"]
    assert soundfile.info(io.BytesIO(content)).subtype == "PCM_16"
    return soundfile.read(io.BytesIO(content), dtype="int16")


def test_a_file_is_answered(page, tmp_path):
    hear(page, clip(tmp_path / "a.wav", 0.25))
    assert page.text("#tasks").split() == (
        "level quiet class probability quiet 75.0 % loud 25.0 %".split()
    )


def test_bars_are_as_long_as_probabilities(page, tmp_path):
    hear(page, clip(tmp_path / "a.wav", 0.25))
    shares = (
        "[...document.querySelectorAll('.bar')].map("
        "bar => bar.clientWidth / bar.parentElement.clientWidth)"
    )
    assert page.evaluate(shares) == pytest.approx([0.75, 0.25], abs=0.01)


def test_a_16_bit_wav_goes_as_it_is(page, made, tmp_path):
    path = clip(tmp_path / "a.wav", 0.25)
    hear(page, path)
    assert made.asked[-1]["audio_bytes"] == [path.read_bytes()]


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_other_files_become_16_bit_at_their_own_rate(page, made, tmp_path, name):
    signal = tone(220, seconds=0.5, sampling_rate=22050)
    options = {"subtype": "FLOAT"} if name == "a.wav" else {}
    hear(page, write(tmp_path / name, np.stack([signal, signal], axis=1), 22050, **options))
    samples, sampling_rate = asked_wav(made)
    assert sampling_rate == 22050
    assert samples.ndim == 1
    assert np.abs(samples / 32768 - signal).max() < 2 / 32768


def test_a_vorbis_file_keeps_its_rate(page, made, tmp_path):
    hear(page, write(tmp_path / "a.ogg", tone(220, sampling_rate=22050), 22050))
    assert asked_wav(made)[1] == 22050


def test_the_waveform_is_drawn_and_told(page, tmp_path):
    hear(page, clip(tmp_path / "a.wav", 0.5))
    assert page.accessible("image") == ["Waveform: 1.0 seconds, peak -6 decibels of full scale"]
    inked = (
        "(canvas => { const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, "
        "canvas.height).data; return pixels.filter((v, i) => i % 4 == 3 && v > 0).length / "
        "canvas.width / canvas.height; })(document.querySelector('canvas'))"
    )
    assert page.evaluate(inked) == pytest.approx(0.25, abs=0.02)  # the upper half's half


def test_the_microphone_is_recorded_by_keyboard_alone(page, made):
    page.press("Tab", 9)
    page.press("Tab", 9)
    assert page.evaluate("document.activeElement.id") == "record"
    page.press("Enter", 13, "\r")
    page.wait("document.querySelector('#elapsed').textContent == '0:01'")
    assert page.accessible("button")[0] == "Stop"
    page.press(" ", 32, " ")
    page.wait(HAS_ANSWERED)
    samples, sampling_rate = asked_wav(made)
    assert len(samples) / sampling_rate > 0.5
    assert np.abs(samples).max() > 1000  # the beeps of the browser's made microphone
    assert page.accessible("button")[0] == "Record"


def test_a_recording_is_cut_at_the_longest_that_is_taken(page):
    cut = (
        "import('./sound.js').then(({ cut }) => [4, 2].map((seconds) => "
        "cut({ samples: new Float32Array(24000), samplingRate: 8000 }, seconds).samples.length))"
    )
    assert page.evaluate(cut) == [24000, 16000]


def test_focus_goes_from_model_to_recording_to_file_and_is_seen(page):
    order, outlines = [], []
    for _ in range(3):
        page.press("Tab", 9)
        order.append(page.evaluate("document.activeElement.id"))
        shown = "(document.activeElement.closest('label') ?? document.activeElement)"
        outlines.append(page.evaluate(f"getComputedStyle({shown}).outlineStyle"))
    assert order == ["model", "record", "file"]
    assert outlines == ["solid"] * 3


def test_a_screen_reader_meets_names_and_numbers(page, tmp_path):
    hear(page, clip(tmp_path / "a.wav", 0.25))
    assert page.accessible("combobox") == ["Model"]
    assert page.accessible("button")[:2] == ["Record", "Choose a file"]
    assert page.accessible("heading") == ["Try a model", "Recording", "Answers"]
    assert page.accessible("table") == ["level quiet"]
    assert page.accessible("columnheader") == ["class", "probability"]
    assert page.accessible("rowheader") == ["quiet", "loud"]
    assert page.accessible("cell") == ["75.0 %", "25.0 %"]


def test_answers_are_announced_in_a_sentence(page, tmp_path):
    hear(page, clip(tmp_path / "a.wav", 0.25))
    assert page.text("[role=status]") == "made: level quiet, 75.0 %."


def test_another_model_answers_the_same_recording(page, made, tmp_path):
    made.models = ["made", "other"]
    page.open(made.rest + "/")
    page.wait(IS_READY)
    hear(page, clip(tmp_path / "a.wav", 0.25))
    page.press("Tab", 9)
    page.press("ArrowDown", 40)
    page.wait("document.querySelector('[role=status]').textContent.startsWith('other: ')")
    assert len(made.asked) == 2


def test_the_first_model_that_takes_audio_is_chosen(page, made):
    made.models = ["ears", "made"]
    page.open(made.rest + "/")
    page.wait(IS_READY)
    assert page.evaluate("document.querySelector('#model').value") == "made"


def test_a_model_that_takes_no_audio_says_what_to_do(page, made):
    made.models = ["ears"]
    page.open(made.rest + "/")
    page.wait(HAS_FAILED)
    assert f"pnn-keras predict --server {made.rest} ears FILE" in page.text("[role=alert]")


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (("UNAVAILABLE", "loading"), "not ready. Try again in a moment. It says: loading"),
        (("RESOURCE_EXHAUSTED", "full"), "Try a shorter one. It says: full"),
        (("INVALID_ARGUMENT", "no"), "refused the recording (400). It says: no"),
    ],
)
def test_a_refusal_is_told_in_words(page, made, tmp_path, refusal, words):
    made.refusals = [refusal]
    page.choose(clip(tmp_path / "a.wav", 0.25))
    page.wait(HAS_FAILED)
    assert words in page.text("[role=alert]")


def test_a_recording_without_an_answer_says_why(page, made, tmp_path):
    made.unanswered = "the recording is silent"
    page.choose(clip(tmp_path / "a.wav", 0.25))
    page.wait(HAS_FAILED)
    assert page.text("[role=alert]").endswith("recording: the recording is silent")


def test_a_file_that_is_no_audio_is_told_and_a_good_one_follows(page, tmp_path):
    bad = tmp_path / "notes.txt"
    bad.write_text("no audio")
    page.choose(bad)
    page.wait(HAS_FAILED)
    assert "notes.txt is not audio" in page.text("[role=alert]")
    hear(page, clip(tmp_path / "a.wav", 0.25))
    assert page.text("[role=alert]") == ""


def test_nothing_is_asked_of_other_servers(page, made, tmp_path):
    hear(page, clip(tmp_path / "a.wav", 0.25))
    own = (made.rest + "/", f"blob:{made.rest}/", "data:")
    assert [url for url in page.requested() if not url.startswith(own)] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 800])
def test_nothing_is_cut_off(page, tmp_path, width, scheme):
    page.show(width, scheme=scheme)
    hear(page, clip(tmp_path / "a.wav", 0.25))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(page, tmp_path, scheme):
    page.show(800, scheme=scheme)
    hear(page, clip(tmp_path / "a.wav", 0.25))
    script = "(s => getComputedStyle(document.querySelector(s)))"
    sheet = luminance(page.evaluate(f"{script}('section').backgroundColor"))
    ground = luminance(page.evaluate(f"{script}('body').backgroundColor"))
    for selector, behind in {
        "h1": ground,
        "header p": ground,
        "footer": ground,
        ".button": sheet,
        ".task": sheet,
        ".label": sheet,
        ".error": sheet,
    }.items():
        ink = luminance(page.evaluate(f"{script}({selector!r}).color"))
        low, high = sorted([ink, behind])
        assert (high + 0.05) / (low + 0.05) >= 4.5, selector  # WCAG 2.2, 1.4.3


def luminance(color):
    """The relative luminance of ``rgb(r, g, b)``, as WCAG defines it."""
    parts = [int(part) / 255 for part in color.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_page_lies_in_the_package():
    assert {path.suffix for path in PAGE.iterdir()} == {".html", ".css", ".js"}
