"""A folder where an operator finds the secrets that were made, a file for each client."""

import os
import stat
from pathlib import Path
from urllib.parse import quote

from adapters.durable_files import sync, write_new
from domain.model.credentials import ClientSecret
from domain.model.identifiers import ClientId
from domain.ports.secret_outlet import SecretNotLeft, SecretOutlet

_LONGEST_FILE_NAME = 255


class SecretFolder:
    """Leaves secrets as files of mode 0600.

    Raises:
        SecretNotLeft: If it is no folder, or if others than its owner have
            access to it.
    """

    def __init__(self, folder: Path) -> None:
        try:
            mode = folder.stat().st_mode
        except OSError as error:
            raise SecretNotLeft(f"{folder} cannot be used: {error.strerror}") from error
        if not stat.S_ISDIR(mode):
            raise SecretNotLeft(f"{folder} is not a directory")
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SecretNotLeft(f"{folder} is open to others than its owner: chmod 700 {folder}")
        self._folder = folder

    def path(self, client_id: ClientId) -> Path:
        """Return the file of a client: its id, with what file names cannot hold percent-encoded."""
        name = quote(client_id, safe=" !$&'()+,;=@[]{}~^")
        return self._folder / (f"%2E{name[1:]}" if name.startswith(".") else name)

    async def find(self, client_id: ClientId, /) -> ClientSecret | None:
        path = self.path(client_id)
        if len(path.name) >= _LONGEST_FILE_NAME:
            raise SecretNotLeft(f"the id of {client_id} is too long for the name of a file")
        try:
            text = path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SecretNotLeft(f"{path} cannot be read as a secret") from error
        secret = ClientSecret(text.removesuffix("\n"))
        if not secret.is_ours:
            raise SecretNotLeft(f"{path} exists and holds no secret of grantd's making")
        sync(self._folder)
        return secret

    async def leave(self, client_id: ClientId, secret: ClientSecret, /) -> None:
        path = self.path(client_id)
        unfinished = path.with_name(f".{path.name}")
        try:
            # What a killed process left half-written was never given to a client.
            unfinished.unlink(missing_ok=True)
            write_new(unfinished, f"{secret.reveal()}\n".encode())
            os.link(unfinished, path)  # refuses to replace
            unfinished.unlink()
            sync(self._folder)
        except OSError as error:
            raise SecretNotLeft(f"{path} cannot be written: {error.strerror}") from error


_: type[SecretOutlet] = SecretFolder
