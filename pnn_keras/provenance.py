"""What a chain records of its training: scores, protocol, who was heard."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence

from pnn_keras.base import Base
from pnn_keras.chain_scoring import Scoring
from pnn_keras.corpus import Corpus, Utterance
from pnn_keras.errors import PnnKerasError
from pnn_keras.evaluation import is_recorded
from pnn_keras.material import Material
from pnn_keras.protocol import Protocol
from pnn_keras.schedule import Settings
from pnn_keras.task import Task

#: The libraries whose versions are recorded.
RECORDED = ("pnn-keras", "tensorflow", "keras", "numpy")


def describe_training(
    chain,
    *,
    base: Base | None,
    material: Material,
    tasks: Sequence[Task],
    division: Protocol,
    scaling: str,
    scoring: Scoring,
    settings: Settings,
    command: str | None,
) -> dict:
    """What the card and later commands need to know, JSON-able.

    Args:
        chain: the chain.
        base: the chain that it extends, or None.
        material: what it was trained on.
        tasks: the target and the sources that were trained.
        division: the protocol of the scores.
        scaling: what scalers were fitted on.
        scoring: what the folds say.
        settings: how columns were fitted.
        command: the command line, or None.
    """
    target, scores = tasks[0], scoring.scores
    earlier = base.chain.metadata if base is not None else {}
    # Scores of columns that are scaled anew were taken of others.
    measured = {} if base is not None and base.adapted else earlier
    protocol = {**division.describe(), "transductive": scaling != "training"}
    return {
        "target": target.name,
        "method": "prognet" if "prognet" in scores[target.name] else "dnn",
        "sources": [t.name for t in chain.tasks if t.name != target.name],
        "corpora": [*earlier.get("corpora", []), *map(describe_corpus, material.corpora)],
        "frontend": material.frontend.config(),
        "augment": material.augment,
        "protocol": protocol,
        "protocols": {**measured.get("protocols", {}), **dict.fromkeys(scores, protocol)},
        "scores": {**measured.get("scores", {}), **scores},
        "groups": {**measured.get("groups", {}), **scoring.groups},
        "calibration": {**measured.get("calibration", {}), **scoring.calibration},
        "epochs": scoring.epochs,
        "settings": dataclasses.asdict(settings),
        "heard": _heard(material, tasks, base),
        **({"extends": base.describe()} if base is not None else {}),
        "notes": [w for corpus in material.corpora for w in corpus.warnings],
        "skipped": [list(failure) for failure in material.skipped],
        "versions": {name: version_of(name) for name in RECORDED},
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
    }


def _heard(material: Material, tasks: Sequence[Task], base: Base | None) -> dict:
    """Speakers and recordings that some column of the chain was fitted on.

    Of segments the bounds too, by the digest of their file, so that others that
    overlap with them are known to be heard.
    """
    used = [u for u in material.utterances if any(task.value(u) is not None for task in tasks)]
    before = (base.chain.metadata.get("heard") or {}) if base is not None else {}
    speakers = {u.speaker_id for u in used if u.speaker is not None}
    heard = {
        "speakers": sorted(speakers.union(before.get("speakers", ()))),
        "contents": sorted({u.content for u in used}.union(before.get("contents", ()))),
        **_segments(used, before.get("segments") or {}),
    }
    # A chain that was extended without knowing whom it had heard does not know it now.
    known = base is None or is_recorded(base.chain)
    return heard if known else {**heard, "incomplete": True}


def _segments(
    used: Sequence[Utterance], before: Mapping[str, Sequence[Sequence[float | None]]]
) -> dict:
    """The bounds in seconds of all heard segments, by file; nothing where none was one."""
    bounds = {file: {tuple(each) for each in segments} for file, segments in before.items()}
    for utterance in used:
        if utterance.is_segment:
            bounds.setdefault(utterance.file_content, set()).add((utterance.start, utterance.end))
    # None, the end of the file, sorts after every number.
    order = {
        file: sorted(map(list, each), key=lambda b: (b[0], b[1] is None, b[1]))
        for file, each in sorted(bounds.items())
    }
    return {"segments": order} if order else {}


def describe_corpus(corpus: Corpus) -> dict:
    """What is recorded of a corpus: name, licence, citation, size, speakers, defects."""
    info = corpus.info
    return {
        "name": corpus.name,
        "licence": info.licence,
        "citation": info.citation,
        "synthetic": info.synthetic,
        "clips": len(corpus),
        "speakers": list(corpus.classes("speaker")),
        "warnings": list(corpus.warnings),
        "skipped": [[skipped.id, skipped.reason] for skipped in corpus.skipped],
    }


def digest_of(utterances: Sequence[Utterance], corpus: str) -> str | None:
    """SHA-256 of what a corpus's recordings hold and how they are labelled, in their order.

    None where one of the files cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for u in (u for u in utterances if u.corpus == corpus):
            facts = [u.id, u.content, u.speaker, u.gender, u.emotion, u.start, u.end]
            digest.update(json.dumps(facts).encode())
    except OSError:
        return None
    return digest.hexdigest()


def version_of(name: str) -> str:
    """The installed version of a package.

    Raises:
        PnnKerasError: it is not installed as a package.
    """
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise PnnKerasError(f"{name} is not installed as a package: {error}") from error
