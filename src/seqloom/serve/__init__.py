"""Runs as a server serves them: for each task the way from a checked request to its answer.

The server itself (HTTP, queues, limits, the page) is ``seqloom_runtime.serve``; it knows a model by
the small face of ``seqloom_runtime.serve.served`` alone.
"""
