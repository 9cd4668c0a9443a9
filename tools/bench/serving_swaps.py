"""Versions swapped every few seconds under mixed load: failed requests, and memory over time.

    tools/run python tools/bench/serving_swaps.py [MODEL] [--minutes 10] [--every 5]

MODEL is a preset, exported first, or a folder of exported versions. Its version
is copied to the next number every few seconds, and the oldest taken away, while
clients ask through REST and gRPC, joined and alone, rightly and wrongly. Prints
the requests, those that failed (another answer than the one that is due), the
versions swapped and the server's resident memory, every half minute. Exit code 1
where a request failed.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import serving_load


def main() -> None:
    """Reads the command line, runs, and says how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="gender-emotion-emodb")
    parser.add_argument("--signature", default="features")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=5, help="seconds between versions")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--wav", type=Path, help="folder of WAV files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        first = serving_load.exported(arguments.model, Path(scratch) / "exported")
        version = max(
            (p for p in first.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name)
        )
        base = Path(scratch) / "served"
        base.mkdir()
        shutil.copytree(version, base / "1")
        flags = [f"--model_base_path={base}", "--port=auto", "--rest_api_port=auto"]
        with serving_load.process(
            ["-m", "pnn_keras.serving", *flags, "--enable_batching"]
        ) as addresses:
            counts = asyncio.run(run(addresses, base, arguments))
    sys.exit(1 if counts["failed"] else 0)


async def run(addresses: dict, base: Path, arguments) -> collections.Counter:
    """Asks and swaps until the time is over."""
    values = serving_load.questions(base / "1", arguments)
    counts: collections.Counter = collections.Counter()
    end = time.monotonic() + arguments.minutes * 60
    work = [swap(base, arguments.every, end, counts)]
    drain = asyncio.ensure_future(asyncio.to_thread(addresses["process"].stderr.read))
    for number in range(arguments.clients):
        client = serving_load.grpc_client if number % 2 else serving_load.rest_client
        address = addresses["gRPC ModelServer at" if number % 2 else "REST API at"]
        work.append(ask_on(client, address, values, arguments.signature, number, end, counts))
    work.append(ask_wrongly(addresses["REST API at"], end, counts))
    work.append(tell(addresses["process"].pid, end, counts))
    await asyncio.gather(*work)
    addresses["process"].terminate()
    await drain
    return counts


async def ask_on(client, address, values, signature, number, end, counts) -> None:
    """Asks until the end; whatever is not answered rightly counts as failed."""
    async with contextlib.AsyncExitStack() as stack:
        ask = await stack.enter_async_context(client(address, values, signature))
        while time.monotonic() < end:
            counts["requests"] += 1
            try:
                await ask(number)
            except (Exception, SystemExit) as error:
                counts["failed"] += 1
                print(f"failed: {type(error).__name__}: {error}", flush=True)
                ask = await stack.enter_async_context(client(address, values, signature))
            number += 1


async def ask_wrongly(address: str, end: float, counts) -> None:
    """Asks what must be refused; an answer other than 400 counts as failed."""
    host, port = address.rsplit(":", 1)
    bodies = [b"{", b"[]", json.dumps({"instances": [["a"]]}).encode(), b'{"instances": [NaN']
    while time.monotonic() < end:
        for body in bodies:
            reader, writer = await asyncio.open_connection(host, port)
            head = "POST /v1/models/default:predict HTTP/1.1\r\nHost: x\r\nConnection: close"
            writer.write(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = await reader.read()
            counts["requests"] += 1
            if not answer.startswith(b"HTTP/1.1 400"):
                counts["failed"] += 1
                print(f"failed: {answer[:100]!r} for {body!r}", flush=True)
            writer.close()
        await asyncio.sleep(0.5)


async def swap(base: Path, every: float, end: float, counts) -> None:
    """Makes the next version of the last, and takes the one before the last away."""
    number = 1
    while time.monotonic() + every < end:
        await asyncio.sleep(every)
        part = base / f".{number + 1}"
        await asyncio.to_thread(shutil.copytree, base / str(number), part)
        part.rename(base / str(number + 1))
        if number > 1:
            await asyncio.to_thread(shutil.rmtree, base / str(number - 1))
        number += 1
        counts["swaps"] += 1


async def tell(pid: int, end: float, counts) -> None:
    """Prints how it goes every half minute."""
    start = time.monotonic()
    while time.monotonic() < end:
        await asyncio.sleep(min(30, max(0.1, end - time.monotonic())))
        print(
            f"{time.monotonic() - start:4.0f} s: {counts['requests']:7} requests, "
            f"{counts['failed']} failed, {counts['swaps']:3} versions swapped, "
            f"{resident(pid):6.0f} MiB resident",
            flush=True,
        )


def resident(pid: int) -> float:
    """A process's resident memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


if __name__ == "__main__":
    main()
