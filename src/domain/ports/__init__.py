"""What the core asks of the world: one small Protocol a file.

An adapter raises `Unavailable` when it cannot answer, and nothing else of
its own; no driver's exception crosses a port.
"""
