"""Values of the core. All are immutable; an instance is the proof that it is well-formed."""
