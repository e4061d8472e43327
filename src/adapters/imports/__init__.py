"""Readers of other servers' exports: pure functions from a file's bytes to clients."""
