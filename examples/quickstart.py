"""Sign up, keep a to-do, keep a file: the main job of MyTodoList in one screen.

Start a stack first (`todo up`), then: python examples/quickstart.py me@example.com
The confirmation code is in the mail, on an embedded stack in `todo inbox`.
"""

import secrets
import sys
import tempfile
from pathlib import Path

from todo_sdk import TodoClient, TodoError


def main(email: str) -> None:
    """Make a user with a throw-away password and walk the main job."""
    password = f"{secrets.token_urlsafe(12)}-Aa1"
    with TodoClient.from_profile() as client:
        sent_to = client.auth.sign_up(email, password).sent_to
        client.auth.confirm_sign_up(email, input(f"Code sent to {sent_to}: "))
        print("signed in as", client.auth.sign_in(email, password).email)

        milk = client.todos.add("Buy milk", tags=["home"], priority=1)
        client.todos.edit(milk.id, notes="2 litres")
        for todo in client.todos.list(status="open"):
            print(todo.priority, todo.title, todo.notes)
        client.todos.done(milk.id)

        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder, "hello.txt")
            local.write_text("hello")
            client.files.upload(local)
            print("kept", *(file.key for file in client.files.list()))
            client.files.download("hello.txt", Path(folder, "copy.txt"))

        client.auth.sign_out()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} EMAIL")
    try:
        main(sys.argv[1])
    except TodoError as error:
        sys.exit(f"quickstart: {error}")
