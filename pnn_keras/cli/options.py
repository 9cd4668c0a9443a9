"""The options that several commands share: their names, types and help.

An option of one command alone stands in its signature.
"""

from __future__ import annotations

import enum
from typing import Annotated

import typer

#: The tables of `train --help`.
DATA, NETWORK, FITTING, OUTPUT = "Data", "Network", "Fitting and scoring", "Output"

#: How a corpus is named.
CORPUS = "Folder, table (CSV, TSV, parquet), NAME=FOLDER, or a name below $PNN_KERAS_DATA."

_TASK = "speaker, gender, emotion, or TASK@CORPUS"


class Lateral(enum.StrEnum):
    """How the target reads a source column."""

    dense = "dense"
    adapter = "adapter"


class Heads(enum.StrEnum):
    """How a column answers that names speakers."""

    open = "open"
    all = "all"


class Scaling(enum.StrEnum):
    """What the scaler of a column is fitted on."""

    training = "training"
    corpus = "corpus"
    speaker = "speaker"


def option(*names: str, panel: str | None = None, **settings):
    """An option, shown by ``--help`` in the table ``panel``."""
    return typer.Option(*names, rich_help_panel=panel, **settings)


Sources = Annotated[
    list[str] | None,
    option(
        "--source",
        metavar="TASK",
        help=f"Task to learn first: {_TASK}. Repeatable, in order.",
        panel=DATA,
    ),
]
Target = Annotated[
    str, option("--target", metavar="TASK", help=f"Task to learn: {_TASK}.", panel=DATA)
]
Corpora = Annotated[
    list[str] | None,
    option(
        "--corpus",
        metavar="SPEC",
        help=f"{CORPUS} Repeatable. Default: the built-in synthetic corpus, which nobody spoke.",
        panel=DATA,
    ),
]
FrontendName = Annotated[
    str | None,
    option(
        "--frontend",
        metavar="NAME",
        help="egemaps, egemaps:eGeMAPSv01b, egemaps:ComParE_2016, logmel, "
        "logmel:longest=SECONDS, or embeddings:TABLE. "
        "Default: egemaps, or that of --from.",
        panel=DATA,
    ),
]
Band = Annotated[
    str | None,
    option(
        "--band",
        metavar="LOW-HIGH",
        help="With --frontend logmel: the frequencies in Hz that are listened to, e.g. 50-5000.",
        panel=DATA,
    ),
]
Augment = Annotated[
    int,
    option(
        "--augment",
        metavar="N",
        min=0,
        help="With --frontend logmel: learn from N more versions of each training row, the "
        "spectrogram masked in other places in each.",
        panel=DATA,
    ),
]
Classes = Annotated[
    str | None,
    option(
        "--classes",
        metavar="A,B,...",
        help="Emotion classes of the target, in order. Default: those of the corpus.",
        panel=DATA,
    ),
]
Merges = Annotated[
    list[str] | None,
    option(
        "--merge",
        metavar="LABEL=CLASS",
        help="Count one emotion as another, e.g. excited=happy. Repeatable.",
        panel=DATA,
    ),
]
ProtocolName = Annotated[
    str,
    option(
        "--protocol",
        metavar="NAME",
        help="speaker-5-fold (or another number), leave-one-speaker-out, leave-one-session-out, "
        "official, cross-corpus:A>B, folds:FILE, or the speaker-dependent paper-10-fold.",
        panel=FITTING,
    ),
]
ScalingName = Annotated[
    Scaling,
    option(
        "--scaling",
        help="Fit scalers on training rows; on whole corpora, the paper's way; or standardise "
        "each speaker's rows. The last two are transductive.",
        panel=FITTING,
    ),
]
Epochs = Annotated[
    int, option("--epochs", min=1, help="Most passes over the training rows.", panel=FITTING)
]
BatchSize = Annotated[
    int, option("--batch-size", min=1, help="Most rows per update.", panel=FITTING)
]
LearningRate = Annotated[
    float, option("--learning-rate", help="Learning rate of Adam.", panel=FITTING)
]
Patience = Annotated[
    int,
    option(
        "--patience",
        min=1,
        help="Epochs without a better stop fold before a fold ends.",
        panel=FITTING,
    ),
]
NoClassWeights = Annotated[
    bool,
    option("--no-class-weights", help="Let frequent classes weigh more.", panel=FITTING),
]
Seed = Annotated[
    int, option("--seed", min=0, help="Of folds, weights, dropout, shuffling.", panel=FITTING)
]
Adapt = Annotated[
    bool,
    option(
        "--adapt",
        help="Scale features by these recordings' own mean and deviation: for another room or "
        "microphone. Takes many recordings of several speakers.",
    ),
]
Strict = Annotated[bool, option("--strict", help="Fail at the first unusable recording.")]
Workers = Annotated[
    int | None,
    option("--workers", min=1, help="Recordings extracted at a time. Default: one per processor."),
]
Quiet = Annotated[bool, option("--quiet", "-q", help="No progress bars and no hints.")]
AsJson = Annotated[bool, option("--json", help="Print JSON, for machines.")]
Embeddings = Annotated[
    list[str] | None,
    option(
        "--embeddings",
        metavar="TABLE",
        help="Vectors of the files, for a chain that hears embeddings; INPUT=TABLE where it "
        "hears several.",
    ),
]
Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A preset's name, folder or address, or a .keras file."),
]
