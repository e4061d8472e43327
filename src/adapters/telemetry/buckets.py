"""The bounds of histograms."""

from typing import Final

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""From a request that an embedded store answers to one that has waited for a store in vain."""
