"""One process of several that share a session: says "ready", waits for a line, then asks for a token in 8 threads.

renewing_process.py CONFIG.json STORE.json
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

from todo_sdk import Config, FileTokenStore, TodoClient

THREADS = 8


def main(settings: dict[str, Any], store: Path) -> None:
    """Print the tokens that the threads got, as one JSON array."""
    with TodoClient(Config(**settings), store=FileTokenStore(store)) as client:
        client.auth.user()
        print("ready", flush=True)
        sys.stdin.readline()
        together, tokens = threading.Barrier(THREADS), []

        def ask() -> None:
            together.wait(60)
            tokens.append(client.auth._session.id_token())

        threads = [threading.Thread(target=ask) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(json.dumps(tokens))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
