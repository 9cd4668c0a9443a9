"""Protocols by name keep their folds from version to version: hashes pinned on made corpora."""

import pytest
import utterances_made
from utterances_made import everyone

from pnn_keras.protocol import make_protocol

#: Corpus, protocol, repeats, seed, and the hash of the folds dealt since version 0.1.0.
PINNED = [
    (
        "clips",
        "speaker-5-fold",
        1,
        0,
        "0fe59f6f6361126f3757906ea40ffec2ba161a7fde2c26128345bdbdd4a8473e",
    ),
    (
        "clips",
        "speaker-5-fold",
        2,
        3,
        "c54e7b689798da615d0df76c76ddf80c69828f4442eec1afa3f05224f590e14f",
    ),
    (
        "clips",
        "speaker-3-fold",
        1,
        0,
        "94f1a2c30d0840dbd6769e5d98a97e0cd4ee9136e7a6ff1f814df00b5ac3eb4e",
    ),
    (
        "clips",
        "speaker-3-fold",
        2,
        3,
        "b38a55e45f8a4db32bf2e455c0e025e2696315a6542bf00894378151fddf0365",
    ),
    (
        "clips",
        "leave-one-speaker-out",
        1,
        0,
        "24b17daa99914a64e510c82adeab52a0b51684e42133626498167c5e9aa27d0b",
    ),
    (
        "clips",
        "leave-one-speaker-out",
        2,
        3,
        "12039fbb1c687c9bccbc0c9ea31085f7042d272d839726aab39b77525c1e320c",
    ),
    (
        "clips",
        "paper-10-fold",
        1,
        0,
        "7f36c599b1c190dcb1b1e310eb3defea597d7c88c3c3ec43789ee0ff749b4f93",
    ),
    (
        "clips",
        "paper-10-fold",
        2,
        3,
        "ed78ccdc86f59ba619a0844e9dc66f57a9602ed47eb2ba94b54ac66bcf03a8f9",
    ),
    (
        "rough_clips",
        "speaker-5-fold",
        1,
        0,
        "84d7ff34fe484e76300728886bd233816c1d3761f66c6efc854cb6b4c51d3298",
    ),
    (
        "rough_clips",
        "speaker-5-fold",
        2,
        3,
        "d881d719bdef61cb9bb9040e5b345290f959945a8cc5b0cfa5f495711030a84a",
    ),
    (
        "rough_clips",
        "speaker-3-fold",
        1,
        0,
        "c294cf920849209f909d9495d844f13070e6167f83b8342884ed91e52c0ade5c",
    ),
    (
        "rough_clips",
        "speaker-3-fold",
        2,
        3,
        "e6b4b34fe6d2f74acd25b6f9b608d531c9918ef531962bc08be009fc2aaa9b75",
    ),
    (
        "rough_clips",
        "leave-one-speaker-out",
        1,
        0,
        "91120a9144019af44df8c3ea1b18b6cc9c894239e4909580181fa7607f878207",
    ),
    (
        "rough_clips",
        "leave-one-speaker-out",
        2,
        3,
        "314b00290eeb11ba47641f7d2a9c2d280adcd6cdfdce634d3cc3a226dd68f528",
    ),
    (
        "rough_clips",
        "paper-10-fold",
        1,
        0,
        "bcfe74d72f8580e4273c5614bd592536e798a3ab1aee78a22815e93e9bab00ca",
    ),
    (
        "rough_clips",
        "paper-10-fold",
        2,
        3,
        "5b6fd6562d03759ec35395d81d1352a90e730997e80b5a9df43663b661b4a4cd",
    ),
]


@pytest.mark.parametrize("corpus, name, repeats, seed, expected", PINNED)
def test_folds_are_those_of_earlier_versions(corpus, name, repeats, seed, expected):
    utterances = getattr(utterances_made, corpus)()
    labelled = everyone(utterances)
    if corpus == "rough_clips":
        labelled[5::11] = False
    made = make_protocol(name, utterances, labelled, repeats=repeats, seed=seed)
    assert made.hash == expected
