-- Moments are microseconds since 1970 (UTC); bodies are JSON of the domain's values.

-- One received mail on its way. What lists and facts ask for stands here as columns, so that no
-- question about many mails has to open a body.
CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox TEXT NOT NULL,
    uid TEXT NOT NULL,
    thread INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    message_id_given INTEGER NOT NULL,
    digest TEXT NOT NULL,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- The mail says of itself that a machine wrote it.
    machine INTEGER NOT NULL,
    -- When it was written, or came where it does not say.
    dated INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'received', 'screened', 'drafted', 'approved', 'sending',
        'sent', 'skipped', 'held', 'rejected', 'parked'
    )),
    revision INTEGER NOT NULL,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    due INTEGER NOT NULL,
    language TEXT NOT NULL,
    instruction TEXT NOT NULL,
    uncertain INTEGER NOT NULL,
    disposition TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- Version of the newest draft, row of the newest reply.
    draft INTEGER,
    reply INTEGER REFERENCES reply (id),
    -- Whose answer left, may have left or is about to leave.
    answered TEXT NOT NULL CHECK (answered IN ('', 'person', 'automatic')),
    recipient TEXT NOT NULL,
    -- The ledger entry in which a rule stopped automatic answers in this thread.
    stopped_by INTEGER REFERENCES entry (id),
    -- Dispositions: where the mail lies, and where its state wants it.
    lies INTEGER NOT NULL,
    belongs INTEGER NOT NULL,
    findings TEXT NOT NULL,
    UNIQUE (mailbox, uid)
) STRICT;

CREATE INDEX job_due ON job (state, due);
CREATE INDEX job_state ON job (state);
CREATE INDEX job_thread ON job (thread);
CREATE INDEX job_message_id ON job (mailbox, message_id);
CREATE INDEX job_digest ON job (mailbox, digest);
CREATE INDEX job_answered ON job (mailbox, changed) WHERE answered = 'automatic';
CREATE INDEX job_unfiled ON job (mailbox, id) WHERE lies <> belongs;

CREATE TABLE message (
    job INTEGER PRIMARY KEY REFERENCES job (id),
    body TEXT NOT NULL
) STRICT;

-- Which thread a Message-ID belongs to, known or only referred to.
CREATE TABLE link (
    mailbox TEXT NOT NULL,
    message_id TEXT NOT NULL,
    thread INTEGER NOT NULL,
    PRIMARY KEY (mailbox, message_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX link_thread ON link (thread);

CREATE TABLE draft (
    job INTEGER NOT NULL REFERENCES job (id),
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE reply (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES job (id),
    entry INTEGER NOT NULL REFERENCES entry (id),
    message_id TEXT NOT NULL,
    automatic INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX reply_message_id ON reply (message_id);
CREATE INDEX reply_job ON reply (job);

-- The ledger.
CREATE TABLE entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    job INTEGER NOT NULL REFERENCES job (id),
    before TEXT,
    after TEXT NOT NULL,
    actor TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;

CREATE INDEX entry_job ON entry (job);
CREATE INDEX entry_person ON entry (job) WHERE actor <> 'daemon';

CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TRIGGER entry_is_never_deleted BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TABLE cursor (
    mailbox TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers to commands, for repeats of their UUID.
CREATE TABLE command (
    uuid TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX command_at ON command (at);
