-- What is kept now. Keys compare as bytes, which is the order of a range.
CREATE TABLE items (
    id       INTEGER PRIMARY KEY,
    key      TEXT    NOT NULL UNIQUE,
    value    BLOB    NOT NULL,
    expires  INTEGER,            -- milliseconds since 1970
    revision INTEGER NOT NULL    -- the number of the change that made it so
) STRICT;
CREATE INDEX items_expires ON items (expires) WHERE expires IS NOT NULL;

-- The newest changes, numbered without gaps; older ones are deleted.
CREATE TABLE changes (
    number  INTEGER PRIMARY KEY,
    key     TEXT    NOT NULL,
    value   BLOB,                -- NULL: the item was deleted
    expires INTEGER
) STRICT;

CREATE TABLE meta (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    epoch  TEXT    NOT NULL,     -- names this history; part of every cursor
    number INTEGER NOT NULL      -- the newest change
) STRICT;
