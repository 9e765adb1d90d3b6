"""The server's paths: an endpoint a task, streams, looks inside, health, metrics and the page.

    POST /v1/TASK           one input, or many under "rows"
    POST /v1/TASK/stream    one input, answered piece by piece as server-sent events
    POST /v1/TASK/look      a page that shows what happens inside, under a name of its own
    POST /v1/TASK/weigh     how much each token mattered
    GET  /v1/models         what is served
    GET  /health  /metrics  /openapi.json  /

    request ─ guards ─ body ─ JSON ─ checked against the model's fields ─ queue ─→ model

A request names a model, never a path or a module; what it holds is checked before it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from seqloom_runtime.errors import SeqloomError
from seqloom_runtime.serve.asked import Asked, ask, models_by_task
from seqloom_runtime.serve.described import describe, operation
from seqloom_runtime.serve.guards import Guards, refused
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.looks import FRAME_HEADERS, PAGE_HEADERS, Aside, LookStore, page_files
from seqloom_runtime.serve.metrics import Metrics
from seqloom_runtime.serve.refused import RefusedError
from seqloom_runtime.serve.served import Looks, Served, Streams, Weighs
from seqloom_runtime.serve.streaming import EVENT_STREAM, Streaming
from seqloom_runtime.serve.waiting import Queue

SEALED = (
    '"{}" is exported: it answers, and keeps gates, states and gradients to itself. To see inside, '
    "serve the run that it was made of."
)

Endpoint = Callable[[Request], Awaitable[Response]]


class Serving:
    """The state of a server: its models, each with a queue, and what is streamed.

    Raises:
        SettingsError: two models have one name, or there is none.
    """

    def __init__(self, models: Sequence[Served], limits: Limits) -> None:
        self.models, self.limits, self.metrics = models, limits, Metrics()
        self.by_task = models_by_task(models)
        self.queues = {one.name: Queue(one, limits, self.metrics) for one in models}
        self.streaming = Streaming(limits, self.metrics)
        self.looks, self.aside = LookStore(), Aside()

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """From the first request to the last."""
        for queue in self.queues.values():
            queue.start()
        yield
        for queue in self.queues.values():
            await queue.stop()
        self.streaming.stop()
        self.aside.stop()

    def endpoint(self, task: str, answer: Callable[[Asked], Awaitable[Response]]) -> Endpoint:
        """An endpoint that reads a request of a task, in bounded time."""

        async def endpoint(request: Request) -> Response:
            try:
                async with asyncio.timeout(self.limits.seconds):
                    return await answer(await ask(request, self.by_task[task], self.limits))
            except TimeoutError:
                raise RefusedError(
                    *(503, f"There was no answer within {self.limits.seconds:g} seconds."),
                    retry_after=max(queue.retry_after() for queue in self.queues.values()),
                    code="no_answer",
                    values=[self.limits.seconds],
                ) from None

        endpoint.__name__ = f"{answer.__name__}_{task}"
        return endpoint

    async def answer(self, asked: Asked) -> Response:
        """Answer all rows of a request."""
        found = await self.queues[asked.model.name].answer(asked.rows, asked.options)
        if asked.single:
            return JSONResponse({"model": asked.model.name, **found[0]})
        return JSONResponse({"model": asked.model.name, "rows": found})

    async def stream(self, asked: Asked) -> Response:
        """Answer piece by piece."""
        model, row = asked.model, asked.only_row()
        if not isinstance(model, Streams):
            raise RefusedError(404, f'"{model.name}" answers at once: POST /v1/{model.task}.')
        self.streaming.begin()
        pieces = model.stream(row, asked.options)
        return StreamingResponse(self.streaming.events(pieces), media_type=EVENT_STREAM)

    async def look(self, asked: Asked) -> Response:
        """Show what happens inside."""
        model, row = asked.model, asked.only_row()
        if not isinstance(model, Looks):
            raise RefusedError(404, SEALED.format(model.name), code="sealed", values=[model.name])
        page = await self.aside(model.look, row, asked.language)
        return JSONResponse({"model": model.name, "page": f"/looks/{self.looks.keep(page)}"})

    async def weigh(self, asked: Asked) -> Response:
        """Say what mattered."""
        model, row = asked.model, asked.only_row()
        if not isinstance(model, Weighs):
            raise RefusedError(404, SEALED.format(model.name), code="sealed", values=[model.name])
        found = await self.aside(model.weigh, row)
        return JSONResponse({"model": model.name, **found})


def make_app(models: Sequence[Served], limits: Limits = Limits(), *, version: str = "") -> FastAPI:
    """The paths of some models, without the guards before them.

    Raises:
        SettingsError: two models have one name, or there is none.
    """
    serving = Serving(models, limits)
    app = FastAPI(
        title="Seqloom",
        version=version or "0",
        description="Small sequence models. An endpoint a task; /v1/models says what is served.",
        lifespan=serving.lifespan,
        docs_url=None,  # both fetch their scripts from elsewhere
        redoc_url=None,
    )
    app.state.serving = serving
    _add_tasks(app, serving)
    _add_pages(app, serving)
    app.add_exception_handler(SeqloomError, _on_error)
    app.add_exception_handler(404, _on_missing)
    app.add_exception_handler(405, _on_missing)
    app.add_exception_handler(500, _on_fault)
    return app


def guarded(app: FastAPI, *, api_key: str = "", hosts: Sequence[str] = ()) -> Guards:
    """An app behind its guards."""
    serving: Serving = app.state.serving
    return Guards(app, limits=serving.limits, metrics=serving.metrics, api_key=api_key, hosts=hosts)


def _add_tasks(app: FastAPI, serving: Serving) -> None:
    for task, models in serving.by_task.items():
        own = list(models.values())
        ways: tuple[tuple[str, Callable[[Asked], Awaitable[Response]], Any], ...] = (
            ("", serving.answer, Served),
            ("/stream", serving.stream, Streams),
            ("/look", serving.look, Looks),
            ("/weigh", serving.weigh, Weighs),
        )
        for path, answer, kind in ways:
            able = not path or any(isinstance(one, kind) for one in own)
            app.add_api_route(
                f"/v1/{task}{path}",
                serving.endpoint(task, answer),
                methods=["POST"],
                response_class=Response,
                include_in_schema=able,  # where no model is able to, asking still says why
                **operation(task, path, own),
            )


def _add_pages(app: FastAPI, serving: Serving) -> None:
    files = page_files()

    @app.get("/v1/models", summary="What is served.")
    async def models() -> JSONResponse:
        return JSONResponse({"models": [describe(one) for one in serving.models]})

    @app.get("/health", summary="Whether the server answers.")
    async def health() -> JSONResponse:
        return JSONResponse({"status": "ok", "models": len(serving.models)})

    @app.get("/metrics", summary="Counts for Prometheus.", response_class=Response)
    async def metrics() -> Response:
        return Response(serving.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return Response(files["index.html"][0], media_type="text/html", headers=PAGE_HEADERS)

    @app.get("/page/{name}", include_in_schema=False)
    async def file(name: str) -> Response:
        if name not in files:  # of a table that was read at the start: no path is made of a request
            raise RefusedError(404, "There is no such file.")
        content, kind = files[name]
        return Response(content, media_type=kind, headers=PAGE_HEADERS)

    @app.get("/looks/{name}", include_in_schema=False)
    async def look(name: str) -> Response:
        return Response(serving.looks.page(name), media_type="text/html", headers=FRAME_HEADERS)


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SeqloomError)
    return refused(error if isinstance(error, RefusedError) else RefusedError.of(error))


async def _on_missing(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    allowed = (getattr(error, "headers", None) or {}).get("Allow", "another method")
    path = request.url.path if len(request.url.path) < 80 else "The path"
    what = "is not here; /openapi.json lists all paths"
    if status == 405:
        what = f"takes {allowed}, not {request.method[:20]}"
    response = refused(RefusedError(status, f"{path} {what}."))
    if status == 405:
        response.headers["Allow"] = allowed
    return response


async def _on_fault(request: Request, error: Exception) -> Response:
    words = "The server made a mistake; its log says more."
    return refused(RefusedError(500, words, code="fault"))
