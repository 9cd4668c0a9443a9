"""Counts and latencies of requests, in Prometheus' text format."""

from __future__ import annotations

import bisect
import collections

#: Upper limits of the latencies' buckets, in microseconds.
LIMITS = tuple(round(10 * 1.8**power, 3) for power in range(33))

_COUNT, _LATENCY = ":tensorflow:serving:request_count", ":tensorflow:serving:request_latency"


class Metrics:
    """What is counted about requests, under TensorFlow Serving's names.

    Example:

    >>> metrics = Metrics()
    >>> metrics.count("voice", "Predict", "REST", "OK", seconds=0.0025)
    >>> print(metrics.text().splitlines()[1])
    :tensorflow:serving:request_count{model_name="voice",status="OK"} 1
    """

    def __init__(self):
        self._counts: collections.Counter = collections.Counter()
        self._sums: collections.Counter = collections.Counter()
        self._buckets: dict[tuple, list[int]] = {}

    def count(self, model: str, api: str, entrypoint: str, status: str, seconds: float) -> None:
        """Counts one request.

        Args:
            model: the model's name; callers count unknown models under one name.
            api: what was asked, e.g. "Predict".
            entrypoint: "REST" or "GRPC".
            status: the name of its status.
            seconds: how long it took.
        """
        microseconds = seconds * 1e6
        key = (model, api, entrypoint)
        self._counts[model, status] += 1
        self._sums[key] += microseconds
        buckets = self._buckets.setdefault(key, [0] * (len(LIMITS) + 1))
        buckets[bisect.bisect_left(LIMITS, microseconds)] += 1

    def text(self) -> str:
        """Everything counted so far."""
        lines = [f"# TYPE {_COUNT} counter"]
        for (model, status), number in sorted(self._counts.items()):
            lines.append(f'{_COUNT}{{model_name="{_label(model)}",status="{status}"}} {number}')
        lines.append(f"# TYPE {_LATENCY} histogram")
        for key, buckets in sorted(self._buckets.items()):
            lines += self._histogram(key, buckets)
        return "\n".join(lines) + "\n"

    def _histogram(self, key: tuple, buckets: list[int]) -> list[str]:
        model, api, entrypoint = key
        labels = f'model_name="{_label(model)}",API="{api}",entrypoint="{entrypoint}"'
        lines, total = [], 0
        for limit, number in zip((*LIMITS, "+Inf"), buckets, strict=True):
            total += number
            lines.append(f'{_LATENCY}_bucket{{{labels},le="{limit}"}} {total}')
        lines.append(f"{_LATENCY}_sum{{{labels}}} {self._sums[key]:.0f}")
        lines.append(f"{_LATENCY}_count{{{labels}}} {total}")
        return lines


def _label(text: str) -> str:
    """A label's value, escaped."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
