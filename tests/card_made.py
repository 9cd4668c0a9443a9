"""Metadata that hold everything a card can tell, with made-up numbers."""

from chain_made import recorded_metadata

EMOTIONS = ["angry", "happy", "sad"]


def full_metadata() -> dict:
    """What a recipe with every measurement would record."""
    interval = {"low": 0.41, "high": 0.59, "level": 0.95, "speakers": 12}
    few = {**interval, "warning": "Only 12 speakers: the interval is too narrow."}
    metadata = recorded_metadata()
    score = metadata["scores"]["emotion"]["prognet"]
    gender = {
        "uar": 0.9,
        "interval": {**few, "low": 0.85, "high": 0.95},
        "recalls": {"female": 0.95, "male": 0.85},
        "confusion": [[19, 1], [3, 17]],
        "classes": ["female", "male"],
        "utterances": 40,
    }
    return {
        **metadata,
        "licence": "cc-by-nc-sa-4.0",
        "licence_note": "RAVDESS is CC BY-NC-SA 4.0: no commercial use",
        "corpora": [
            corpus("EmoDB", "CC0 1.0 (the site names none)", ["03", "08"]),
            corpus("RAVDESS", "CC BY-NC-SA 4.0", [f"{n:02}" for n in range(1, 25)]),
        ],
        "frontend": {"name": "logmel", "band": [50.0, 5000.0], "longest": 60.0},
        "scores": {
            "gender": {"column": gender},
            "emotion": {
                "prognet": {**score, "interval": few, "absent": 1},
                "dnn": {**score, "uar": 0.4, "interval": few},
                "ptft": {**score, "uar": 0.45},
                "logistic-regression": {**score, "uar": 0.55, "interval": interval},
                "svm": {**score, "uar": 0.35},
            },
        },
        "groups": {"emotion": groups()},
        "calibration": {"emotion": calibration()},
        "elsewhere": elsewhere(),
        "latency": {
            "clip_seconds": 3.0,
            "milliseconds": 41.25,
            "features_milliseconds": 36.5,
            "runs": 30,
            "processor": "x86_64, 2 cores",
        },
        "recipe": "zoo/recipes/made.toml",
        "repeats": 2,
        "epochs": {"gender": 31, "emotion": 248},
        "augment": 3,
        "heard": {"speakers": ["EmoDB/03", "EmoDB/08"], "contents": ["0" * 64]},
    }


def corpus(name: str, licence: str, speakers: list[str]) -> dict:
    return {
        "name": name,
        "licence": licence,
        "citation": f"Somebody: {name}, 2005",
        "clips": 1440,
        "speakers": speakers,
        "synthetic": False,
    }


def groups() -> dict:
    return {
        "method": "prognet",
        "by_gender": {
            "female": {"uar": 0.625, "utterances": 700, "speakers": 13},
            "male": {"uar": 0.5, "utterances": 690, "speakers": 13},
        },
        "by_corpus": {
            "EmoDB": {"uar": 0.7, "utterances": 339, "speakers": 2},
            "RAVDESS": {"uar": 0.55, "utterances": 1051, "speakers": 24},
        },
        "worst_speaker": {"speaker": "RAVDESS/17", "uar": 0.25, "utterances": 44},
        "best_speaker": {"speaker": "EmoDB/08", "uar": 0.875, "utterances": 50},
    }


def calibration() -> dict:
    """Answers in the five surest bins alone."""
    empty = [None] * 10
    return {
        "temperature": 1.75,
        "method": "prognet",
        "utterances": 150,
        "ece_before": 0.1875,
        "ece_after": 0.03125,
        "nll_before": 1.5,
        "nll_after": 1.125,
        "bins": {
            "edges": [number / 15 for number in range(16)],
            "count": [0] * 10 + [10, 20, 30, 40, 50],
            "confidence_before": [*empty, 0.7, 0.77, 0.83, 0.9, 0.97],
            "accuracy_before": [*empty, 0.5, 0.5, 0.6, 0.6, 0.8],
            "count_after": [0] * 10 + [50, 40, 30, 20, 10],
            "confidence_after": [*empty, 0.7, 0.77, 0.83, 0.9, 0.97],
            "accuracy_after": [*empty, 0.7, 0.75, 0.8, 0.9, 1.0],
        },
    }


def elsewhere() -> list[dict]:
    return [
        {
            "task": "emotion",
            "corpus": "CREMA-D",
            "weights": "these",
            "uar": 0.375,
            "interval": {"low": 0.35, "high": 0.4, "level": 0.95, "speakers": 91},
            "recalls": {"angry": 0.5, "happy": 0.25, "sad": None},
            "absent": ["sad"],
            "classes": EMOTIONS,
            "mapped": {"anger": "angry"},
            "left_out": {"disgusted": 1271},
            "utterances": 4900,
            "speakers": 91,
        },
        {"task": "emotion", "corpus": "EmoDB", "weights": "left out", "uar": 0.4375},
    ]
