"""Keys as names on a disk: which can be one, on which system, and how a key stays inside its folder.

S3 takes almost any text as a key and never normalises (SE-16); file systems give some of it a meaning of their own.
"""

import os
import re
import unicodedata
from pathlib import Path

from todo_sdk._errors import InvalidRequestError

# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(\..*)?", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_ONLY_WINDOWS_CANNOT = frozenset('<>:"|?*')
NAME_BYTES = 255

ON_WINDOWS = os.name == "nt"


def problem_of(name: str, *, windows: bool = ON_WINDOWS) -> str | None:
    """Say why one part of a key cannot be the name of a file here, or None.

    What Windows would take for something else than a plain name is refused on every system, for files travel: devices
    (`NUL`, `com1.txt`), drives, backslashes, dots and spaces at the end. Characters that Windows merely cannot write
    (`12:30.jpg`) are refused on Windows.
    """
    if not name:
        return "a part of it is empty"
    if name in (".", ".."):
        return f"{name!r} would leave its folder"
    if any(ord(char) < 32 for char in name):
        return "it holds a control character"
    if "\\" in name:
        return "a backslash separates folders on Windows"
    if _DRIVE.match(name) and not name[1:].startswith(": "):
        return f"{name[:2]} is a drive on Windows"
    if _DEVICE.fullmatch(name):
        return f"{name} is a device on Windows, not a file"
    if name[-1] in ". ":
        return "Windows drops a dot or space at the end of a name"
    if windows and _ONLY_WINDOWS_CANNOT & set(name):
        return f"Windows has no names with {', '.join(sorted(_ONLY_WINDOWS_CANNOT & set(name)))}"
    return f"a name has at most {NAME_BYTES} bytes" if len(name.encode(errors="replace")) > NAME_BYTES else None


def local_name(key: str, *, windows: bool = ON_WINDOWS) -> str:
    """Give the last part of a key, as the name of a file.

    Raises:
        InvalidRequestError: it cannot be one.
    """
    name = key.rpartition("/")[2]
    if not name:
        raise InvalidRequestError(f"{key!r} does not end in a name for a file here; say which file to write")
    problem = problem_of(name, windows=windows)
    if problem:
        raise InvalidRequestError(f"{key!r} cannot be the name of a file here: {problem}; say which file to write")
    return name


def local_path(folder: Path, relative_key: str, *, windows: bool = ON_WINDOWS) -> Path:
    """Give the path of a key below a folder.

    Raises:
        InvalidRequestError: a part of the key cannot be a name, or a link on the way leads elsewhere.
    """
    names = relative_key.split("/")
    problem = next((found for name in names if (found := problem_of(name, windows=windows))), None)
    if problem:
        raise InvalidRequestError(
            f"{relative_key!r} cannot be the name of a file here: {problem}; download it by itself, under another name"
        )
    path = folder.joinpath(*names)
    for above in path.parents:
        if above == folder:
            break
        if above.is_symlink():
            raise InvalidRequestError(f"{above} is a link, and links are not followed; remove it, or rename the file")
    return path


def folded(key: str) -> str:
    """Give what two keys have in common that are one name where case, or the form of an accent, does not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())


def ignores_case(folder: Path) -> bool:
    """Tell whether a folder's file system takes `a` and `A` for one name; nothing is written to find out."""
    other = folder.with_name(folder.name.swapcase())
    try:
        return ON_WINDOWS or (other.name != folder.name and other.samefile(folder))
    except OSError:
        return False
