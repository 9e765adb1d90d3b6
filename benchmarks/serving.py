"""A classifier behind `seqloom serve`, beside the same model behind a plain FastAPI handler.

    seqloom train imdb --minutes 3 --out runs/imdb
    python benchmarks/serving.py runs/imdb imdb

64 clients ask for a minute, each for the next review as soon as it has the answer to the last one.
The plain handler is what one would write: FastAPI, `nn.LSTM`, one review a request, on a thread of
its pool; it gives the same probabilities, which is checked. Both servers get all cores, which they
share with the clients. Prints requests a second, the times that clients waited, and the memory of
the server after a tenth of the time and at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pydantic import BaseModel

SEEDED, WARM = 0, 64
PATH = "/v1/classify"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # servers as they come


class Asked(BaseModel):
    """What the plain handler is asked."""

    text: str


def plain_app(run: str) -> Any:
    """The handler that one would write, with the weights of a run."""
    import torch
    from fastapi import FastAPI
    from seqloom_runtime.tasks.classify import clean_text
    from torch import nn

    from seqloom import SequenceClassifier
    from seqloom.evaluate.calibration import probabilities_of

    own = SequenceClassifier.load(run).classifier
    state, settings = own.model.state_dict(), own.settings.model
    if not (settings.encoder == "lstm" and settings.bidirectional and settings.num_layers == 1):
        sys.exit(f"{run}: expected one bidirectional layer of LSTM.")
    embedding = nn.Embedding.from_pretrained(state["embedding.weight"].float())
    lstm = nn.LSTM(embedding.embedding_dim, settings.hidden_size, 1, True, True, 0.0, True)
    with torch.no_grad():
        for name, weight in lstm.named_parameters():
            cell = 1 if name.endswith("_reverse") else 0
            weight.copy_(state[f"encoder.cells.{cell}.{name.split('_l0')[0]}"])
    head = nn.Linear(state["head.weight"].shape[1], len(own.labels))
    head.load_state_dict({"weight": state["head.weight"], "bias": state["head.bias"]})
    kinds = settings.pooling.split("+")
    lstm.eval()

    def pooled(outputs: Any, last: Any) -> Any:
        found = {"mean": outputs.mean(1), "max": outputs.amax(1), "last": torch.cat([*last], 1)}
        return torch.cat([found[kind] for kind in kinds], 1)

    app = FastAPI()

    @app.post(PATH)
    def classify(asked: Asked) -> dict[str, Any]:
        text = own.plain(asked.text)
        ids = torch.from_numpy(own.encode(text).astype(np.int64))[None]
        with torch.inference_mode():
            outputs, (last, _) = lstm(embedding(ids))
            logits = head(pooled(outputs, last)).double().numpy()
        wide = None if own.wide is None else own.wide.scores([clean_text(str(text), own.settings)])
        shares = probabilities_of(own.combination.apply(logits, wide), own.multi)[0]
        best = int(shares.argmax())
        return {
            "label": own.labels[best],
            "probability": float(shares[best]),
            "probabilities": dict(zip(own.labels, shares.tolist(), strict=True)),
        }

    return app


def serve_plain(run: str, port: int) -> None:
    """Run the plain handler."""
    import uvicorn

    uvicorn.run(plain_app(run), port=port, log_level="error", access_log=False)


@dataclass
class Outcome:
    """What the clients saw, and what the server weighed."""

    waited: list[float] = field(default_factory=list)
    errors: int = 0
    seconds: float = 0.0
    memory: list[float] = field(default_factory=list)  # MB, as time goes on
    worked: float = 0.0  # seconds of the server on processors

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.waited) / self.seconds

    def words(self) -> str:
        """A line."""
        p50, p95, p99 = (1_000 * float(np.quantile(self.waited, q)) for q in (0.5, 0.95, 0.99))
        early, late = self.memory[len(self.memory) // 10], self.memory[-1]
        return (
            f"{self.rate:8.1f} requests/s   p50 {p50:6.0f} ms  p95 {p95:6.0f} ms  "
            f"p99 {p99:6.0f} ms   errors {self.errors}   {early:.0f} → {late:.0f} MB   "
            f"{1_000 * self.worked / len(self.waited):.1f} ms of a core a request"
        )


def request(text: str) -> bytes:
    """A request as bytes."""
    body = json.dumps({"text": text}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def ask(reader: Any, writer: Any, sent: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to a request."""
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def load(port: int, texts: list[str], clients: int, seconds: float, pid: int) -> Outcome:
    """Many clients for some time."""
    outcome = Outcome()
    sent = [request(text) for text in texts]
    turn = iter(range(10**9))
    process = psutil.Process(pid)
    end = time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            started = time.perf_counter()
            status, _ = await ask(reader, writer, sent[next(turn) % len(sent)])
            outcome.waited.append(time.perf_counter() - started)
            outcome.errors += status != 200
        writer.close()

    async def weigh() -> None:
        while time.perf_counter() < end:
            outcome.memory.append(process.memory_info().rss / 1e6)
            await asyncio.sleep(seconds / 60)

    started, before = time.perf_counter(), sum(process.cpu_times()[:2])
    await asyncio.gather(weigh(), *(client() for _ in range(clients)))
    outcome.seconds = time.perf_counter() - started
    outcome.worked = sum(process.cpu_times()[:2]) - before
    return outcome


async def answers(port: int, texts: list[str]) -> list[dict[str, Any]]:
    """The answers to some texts, one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = [json.loads((await ask(reader, writer, request(text)))[1]) for text in texts]
    writer.close()
    return found


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def started(command: list[str], port: int) -> subprocess.Popen[bytes]:
    """A server, once it answers."""
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.DEVNULL, env=environment
    )
    for _ in range(600):
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(1)
                return process
        if process.poll() is not None:
            sys.exit("The server did not start.")
        time.sleep(0.1)
    process.kill()
    sys.exit("The server did not answer within a minute.")


def reviews(name: str, count: int) -> list[str]:
    """Texts of a data set as they are, in a fixed order."""
    from seqloom.config import DataSettings
    from seqloom.data.source import open_source
    from seqloom.tasks.classifier import read_for_prediction

    texts = []
    for given, _ in read_for_prediction(open_source(name), DataSettings()):
        texts.append(str(given))
        if len(texts) == 20 * count:
            break
    random.Random(SEEDED).shuffle(texts)
    return texts[:count]


def measure(name: str, command: list[str], port: int, given: Any) -> tuple[Outcome, list[Any]]:
    """One server under load, and what it says of a few texts."""
    process = started(command, port)
    try:
        said = asyncio.run(answers(port, given.texts[:WARM]))
        outcome = asyncio.run(load(port, given.texts, given.clients, given.seconds, process.pid))
    finally:
        process.terminate()
        process.wait(60)
    print(f"{name:16}{outcome.words()}", flush=True)
    return outcome, said


def main() -> None:
    """Measure both servers, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="folder of a run: one bidirectional layer of LSTM")
    parser.add_argument("data", nargs="?", default="imdb", help="where the reviews come from")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--reviews", type=int, default=2_000)
    parser.add_argument("--plain", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plain:
        serve_plain(given.run, given.plain)
        return
    given.texts = reviews(given.data, given.reviews)
    words = np.array([len(text.split()) for text in given.texts])
    print(
        f"{len(words):,} reviews, {words.mean():.0f} words in the mean; {given.clients} clients, "
        f"{given.seconds:g} s; {len(os.sched_getaffinity(0))} cores"
    )
    ports = free_port(), free_port()
    ours, said = measure(
        *(
            "seqloom serve",
            ["-m", "seqloom", "serve", given.run, "--port", str(ports[0]), "--quiet"],
        ),
        *(ports[0], given),
    )
    plain_command = [str(Path(__file__)), given.run, "--plain", str(ports[1])]
    plain, others = measure("plain handler", plain_command, ports[1], given)
    gap = max(
        abs(a["probabilities"][label] - b["probabilities"][label])
        for a, b in zip(said, others, strict=True)
        for label in a["probabilities"]
    )
    print(f"ratio {ours.rate / plain.rate:.1f} x   largest difference of a probability {gap:.1e}")


if __name__ == "__main__":
    main()
