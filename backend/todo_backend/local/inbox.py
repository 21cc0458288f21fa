"""The mails that the stack would have sent, one JSON line each."""

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from .datadir import append_private
from .options import Mail


class Inbox:
    """A file of mails, oldest first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def deliver(self, to: str, subject: str, text: str) -> None:
        """Put a mail in."""
        sent_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        append_private(self._path, json.dumps(asdict(Mail(to, subject, text, sent_at)), ensure_ascii=False))

    def mails(self) -> list[Mail]:
        """All mails, newest last."""
        found = []
        with suppress(FileNotFoundError), self._path.open(encoding="utf-8") as file:
            for line in file:
                # The last line may be half written at this moment.
                with suppress(ValueError, TypeError):
                    found.append(Mail(**json.loads(line)))
        return found
