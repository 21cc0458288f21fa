"""The tables of the replica. A text is what the wire has; JSON where it has a list.

todo       what the user sees. `base` is the service's version that it began from (NULL: never pushed), `place` its
           place among what waits to be pushed (NULL: nothing waits), `sent` a change that may have been sent (it is
           sent again as it is until there is an answer), `touched` when this device changed which field, `problem` why
           the service refused it. Removed ones stay as tombstones for a while.
           `due_seconds` is `due` on one time line; the indexes have the order in which lists are shown.
words      the full-text index over it, where SQLite has FTS5.
journal    what this device changed, one row for each to-do and `step`; undo goes back by steps.
conflict   values that lost; never deleted.
fact       names and values: the position of the sync, whose replica it is.
"""

APPLICATION_ID = 0x746F646F  # "todo"

FIRST = """
CREATE TABLE todo (
    rowid INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    number INTEGER UNIQUE,
    title TEXT NOT NULL,
    notes TEXT NOT NULL,
    status TEXT NOT NULL,
    priority INTEGER NOT NULL,
    due TEXT,
    tags TEXT NOT NULL,
    list TEXT NOT NULL,
    recurrence TEXT,
    attachments TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    completed_at TEXT,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    due_seconds REAL NOT NULL,
    base TEXT,
    touched TEXT NOT NULL DEFAULT '{}',
    place INTEGER,
    queued_at TEXT,
    sent TEXT,
    problem TEXT,
    stale INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX todo_open ON todo (due_seconds, priority, id, list) WHERE deleted = 0 AND status = 'open';
CREATE INDEX todo_done ON todo (completed_at DESC, id, list) WHERE deleted = 0 AND status = 'done';
CREATE INDEX todo_list ON todo (list, status) WHERE deleted = 0;
CREATE INDEX todo_place ON todo (place) WHERE place IS NOT NULL;
CREATE TABLE tag (
    tag TEXT NOT NULL,
    todo INTEGER NOT NULL REFERENCES todo (rowid) ON DELETE CASCADE,
    PRIMARY KEY (tag, todo)
) WITHOUT ROWID;
CREATE INDEX tag_todo ON tag (todo);
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    step INTEGER NOT NULL,
    at TEXT NOT NULL,
    op TEXT NOT NULL,
    todo_id TEXT NOT NULL,
    before TEXT,
    after TEXT,
    undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX journal_step ON journal (step);
CREATE INDEX journal_todo ON journal (todo_id);
CREATE TABLE conflict (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    todo_id TEXT NOT NULL,
    title TEXT NOT NULL,
    field TEXT NOT NULL,
    kept TEXT NOT NULL,
    lost TEXT NOT NULL,
    winner TEXT NOT NULL
);
CREATE INDEX conflict_todo ON conflict (todo_id);
CREATE TABLE fact (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""

# Number n brings a file of schema n to n+1. Never change one that was released; add another.
MIGRATIONS = (FIRST,)

WORDS = """
CREATE VIRTUAL TABLE words USING fts5 (
    title, notes, tags, list,
    content = 'todo', content_rowid = 'rowid', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
)
"""
