"""Composition: what is started, with which settings, out of which parts."""
