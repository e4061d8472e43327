"""The store ports in plain values: the contracts' reference, and the double in unit tests.

One event loop runs each step to its end, so every step is atomic as it is
written. Nothing survives the process, which is why no server offers it.
"""
