"""Begins a worker: `python -m entrypoints.start_worker MODULE`, and what `worker` takes behind it.

It is the first that a worker imports, so it imports next to nothing.
"""

import gc
import sys
from importlib import import_module

from entrypoints.quick_imports import NOT_TO_SERVE, importing_quickly

if __name__ == "__main__":
    with importing_quickly(without=NOT_TO_SERVE):
        module = import_module(sys.argv.pop(1))
    gc.freeze()
    module.serve()
