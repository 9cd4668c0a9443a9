"""How large a chain is, and how fast."""

from __future__ import annotations

from collections.abc import Mapping

from pnn_keras.card.markdown import section, table, text


def parameters(chain, metadata: Mapping) -> str:
    """Each column's size, and how long one answer takes."""
    rows = [
        [
            f"`{column.name}`",
            "-" if column.task is None else column.task.name,
            ", ".join(column.sources) or "-",
            " ".join(map(str, column.tap_units)),
            f"{column.count_params():,}",
        ]
        for column in chain.columns
    ]
    head = ["column", "task", "reads", "hidden units", "parameters"]
    body = table(head, rows, right=[4])
    return section(
        "Parameters and latency",
        f"{chain.count_params():,} parameters in all.",
        body,
        _latency(metadata.get("latency") or {}),
    )


def _latency(latency: Mapping) -> str:
    milliseconds = latency.get("milliseconds")
    if milliseconds is None:
        return ""
    clip = latency.get("clip_seconds")
    of = f" of {clip:g} s" if clip is not None else ""
    features = latency.get("features_milliseconds")
    part = f", {features:.1f} ms of them for the features" if features is not None else ""
    runs = f"; median of {latency['runs']} runs, warm" if latency.get("runs") else ""
    on = f", on {text(latency['processor'])}" if latency.get("processor") else ""
    return f"One clip{of} is answered in {milliseconds:.1f} ms{part}{runs}{on}."
