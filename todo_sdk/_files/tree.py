"""A flat list of keys as a tree of folders. Pure."""

from collections.abc import Iterable

from todo_sdk._files.values import FileTree
from todo_sdk._models import FileInfo


def tree_of(prefix: str, files: Iterable[FileInfo]) -> FileTree:
    """Sort files into folders by the slashes behind the prefix; a key that ends in a slash is its folder itself."""
    here: list[FileInfo] = []
    below: dict[str, list[FileInfo]] = {}
    for file in files:
        name, slash, _ = file.key.removeprefix(prefix).partition("/")
        if slash:
            below.setdefault(name, []).append(file)
        elif name:
            here.append(file)
    folders = tuple(tree_of(f"{prefix}{name}/", inside) for name, inside in below.items())
    return FileTree(prefix.rstrip("/").rpartition("/")[2], prefix, folders, tuple(here))
