-- Times are milliseconds since 1970 in UTC; ids, refs and oids are text; JSON columns hold what the model writes.

-- Data keys, each wrapped by age to every recipient. At most one is active.
CREATE TABLE keyring (
    id TEXT PRIMARY KEY NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'retired')),
    wrapped TEXT NOT NULL,
    recipients_proof BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;
CREATE UNIQUE INDEX keyring_one_active ON keyring (state) WHERE state = 'active';

-- Public keys that the data keys are wrapped to.
CREATE TABLE recipients (
    recipient TEXT PRIMARY KEY NOT NULL,
    added_at INTEGER NOT NULL
) STRICT;

-- served_at: when a worker last claimed a trigger of it; the least recently served goes first.
CREATE TABLE connections (
    id TEXT PRIMARY KEY NOT NULL,
    provider TEXT NOT NULL,
    label TEXT NOT NULL,
    external_username TEXT NOT NULL,
    url TEXT,
    origin TEXT NOT NULL,
    token_kind TEXT NOT NULL,
    scopes TEXT NOT NULL,
    token_expires_at INTEGER,
    app_id TEXT,
    installation_id INTEGER,
    ca_file TEXT,
    last_synced_at INTEGER,
    invalid_since INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    served_at INTEGER NOT NULL DEFAULT 0,
    token BLOB NOT NULL,
    token_key TEXT NOT NULL REFERENCES keyring (id),
    cached_token BLOB,
    cached_token_key TEXT REFERENCES keyring (id),
    cached_token_expires_at INTEGER
) STRICT;
CREATE INDEX connections_label ON connections (label);
CREATE INDEX connections_token_key ON connections (token_key);
CREATE INDEX connections_cached_token_key ON connections (cached_token_key);

CREATE TABLE repos (
    id TEXT PRIMARY KEY NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    path BLOB NOT NULL UNIQUE,
    created_here INTEGER NOT NULL,
    default_branch TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- version: counts the changes that a person made, so that a run knows that it worked by an older one.
CREATE TABLE syncs (
    id TEXT PRIMARY KEY NOT NULL,
    repo_id TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    remote TEXT NOT NULL,
    remote_id INTEGER,
    settings TEXT NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    last_synced_sha TEXT,
    last_synced_at INTEGER,
    last_error TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (repo_id, label)
) STRICT;
CREATE INDEX syncs_connection ON syncs (connection_id);
CREATE INDEX syncs_label ON syncs (label);

-- The last pair of oids that stood for the same state, shared by every sync of that pair of refs.
CREATE TABLE bases (
    repo_id TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    remote_key TEXT NOT NULL,
    ours TEXT NOT NULL,
    theirs TEXT NOT NULL,
    ours_oid TEXT NOT NULL,
    theirs_oid TEXT NOT NULL,
    managed_by TEXT REFERENCES syncs (id) ON DELETE SET NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (repo_id, remote_key, ours, theirs)
) STRICT, WITHOUT ROWID;
CREATE INDEX bases_managed_by ON bases (managed_by);

-- What a run is about to make stand somewhere, until it is known whether it does.
CREATE TABLE intents (
    sync_id TEXT NOT NULL REFERENCES syncs (id) ON DELETE CASCADE,
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    expected TEXT,
    new TEXT,
    source TEXT,
    PRIMARY KEY (sync_id, run_id, name)
) STRICT, WITHOUT ROWID;

-- fence: grows with every claim and never goes back; attempt: tries of this reason.
CREATE TABLE triggers (
    id TEXT PRIMARY KEY NOT NULL,
    sync_id TEXT NOT NULL REFERENCES syncs (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running')),
    reason TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    waiters TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    lease_until INTEGER
) STRICT;
CREATE UNIQUE INDEX triggers_one_waiting ON triggers (sync_id) WHERE state = 'waiting';
CREATE UNIQUE INDEX triggers_one_running ON triggers (sync_id) WHERE state = 'running';

-- History outlives its sync and its connection, not its repository.
CREATE TABLE runs (
    id TEXT PRIMARY KEY NOT NULL,
    sync_id TEXT NOT NULL,
    repo_id TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    sync_version INTEGER NOT NULL,
    direction TEXT NOT NULL,
    status TEXT NOT NULL,
    message TEXT NOT NULL,
    class TEXT,
    remote_sha TEXT,
    commit_sha TEXT,
    files_changed INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    bytes_sent INTEGER NOT NULL,
    refs TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    completed_at INTEGER
) STRICT;
CREATE INDEX runs_of_repo ON runs (repo_id, id);
CREATE INDEX runs_of_sync ON runs (sync_id, id);

CREATE TABLE receipts (
    id TEXT PRIMARY KEY NOT NULL,
    sync_id TEXT NOT NULL,
    repo_id TEXT NOT NULL REFERENCES repos (id) ON DELETE CASCADE,
    run_id TEXT,
    verified_at INTEGER NOT NULL,
    refs TEXT NOT NULL,
    fingerprint TEXT NOT NULL
) STRICT;
CREATE INDEX receipts_of_sync ON receipts (sync_id, verified_at);
CREATE INDEX receipts_of_repo ON receipts (repo_id);
CREATE INDEX receipts_of_run ON receipts (run_id);

-- Refs that a pusher asked to leave alone, at exactly this oid.
CREATE TABLE holds (
    sync_id TEXT NOT NULL REFERENCES syncs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    oid TEXT NOT NULL,
    PRIMARY KEY (sync_id, name)
) STRICT, WITHOUT ROWID;

-- What is left of a host's limits for one token, shared by all processes.
CREATE TABLE budgets (
    host TEXT NOT NULL,
    token_fingerprint TEXT NOT NULL,
    state TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (host, token_fingerprint)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
