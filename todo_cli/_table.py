"""Columns of text: as wide as the terminal, one cell folded where they are too wide. Pure; no colours of its own.

Written out by hand, since a list must be there before a drawing library is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

GAP = "  "
NARROWEST_FOLD = 16  # a folded column is not made narrower; on a narrower terminal each row becomes several lines


def columns(rows: Sequence[Sequence[str]], *, width: int | None = None, folded: int | None = None) -> list[list[str]]:
    """Lay rows out in columns; each row gives one line, or several where its folded cell needs them.

    Args:
        width: cells of the terminal; None for no limit.
        folded: the column that gives way when the others leave too little room; the last one if None.
    """
    if not rows:
        return []
    fold_at = len(rows[0]) - 1 if folded is None else folded
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    room = None if width is None else width - sum(widths) - len(GAP) * (len(widths) - 1) + widths[fold_at]
    if room is not None and room < widths[fold_at]:
        if room < NARROWEST_FOLD:
            return [_stacked(row, width or 0, fold_at) for row in rows]
        widths[fold_at] = room
    return [_laid_out(row, widths, fold_at) for row in rows]


def cells(text: str) -> int:
    """Count the cells that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def fold(text: str, width: int) -> list[str]:
    """Break a text into lines, between words where there are any."""
    if cells(text) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while cells(line) > width:
            cut = _cut(line, width)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line]


def _laid_out(row: Sequence[str], widths: Sequence[int], fold_at: int) -> list[str]:
    parts = fold(row[fold_at], widths[fold_at])
    if len(parts) == 1:
        return [_joined(row, widths)]
    lines = [[*row[:fold_at], parts[0], *row[fold_at + 1 :]]]
    lines += [["" if place != fold_at else part for place in range(len(row))] for part in parts[1:]]
    return [_joined(line, widths) for line in lines]


def _joined(line: Sequence[str], widths: Sequence[int]) -> str:
    filled = [
        cell.ljust(width) if cell.isascii() else cell + " " * (width - cells(cell))
        for cell, width in zip(line, widths, strict=True)
    ]
    return GAP.join(filled).rstrip()


def _stacked(row: Sequence[str], width: int, fold_at: int) -> list[str]:
    others = GAP.join(cell for place, cell in enumerate(row) if cell and place != fold_at)
    return [line for text in (others, row[fold_at]) for line in fold(text, max(width, 1))]


def _cut(text: str, width: int) -> int:
    taken = 0
    for place, char in enumerate(text):
        taken += cells(char)
        if taken > width:
            return max(place, 1)
    return len(text)
