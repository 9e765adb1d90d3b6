"""A server for models of every task: HTTP, a page to play with, micro-batches, limits.

    from seqloom_runtime.serve.running import serve
    serve([model], port=8000)

It knows models by ``served.Served`` alone: nothing of how they are trained or kept. Needs FastAPI,
uvicorn and prometheus-client (extra ``serve``).
"""
