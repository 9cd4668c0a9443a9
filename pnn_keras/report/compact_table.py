"""The main table of a study as a paper has it: few columns, upright on a page."""

from __future__ import annotations

import dataclasses

from pnn_keras.report.table import Table, without

#: The columns that stay, by their first fields.
_KEPT = ("source", "method", "uar", "difference", "p_holm")

#: What its name ends with, behind that of the main table.
COMPACT = "-compact"


def compact_table(scores: Table) -> Table:
    """Method, UAR, difference and corrected p, with what the notes say of these.

    Args:
        scores: the main table of a study.
    """
    fields = [column.fields[0] for column in scores.columns]
    gone = [field for field in fields if field not in _KEPT]
    # The note on p tells of which test the corrected p is.
    notes = without(scores, [field for field in gone if field != "p"]).notes
    return dataclasses.replace(without(scores, gone), name=f"{scores.name}{COMPACT}", notes=notes)
