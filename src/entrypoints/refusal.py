class RefusedToStart(Exception):
    """The configuration and what is there do not fit; one line says what to do."""
