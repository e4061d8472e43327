import os
import pwd


def user_name() -> str:
    """Return the user this process runs as, by the system's word; the environment has no say."""
    user = os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
