CREATE TABLE connections (
	workspace_id VARCHAR(64) NOT NULL,
	integration VARCHAR(64) NOT NULL,
	state VARCHAR(20) NOT NULL,
	reason TEXT,
	tenant_id TEXT NOT NULL,
	tenant_name TEXT NOT NULL,
	tenant_connection_id TEXT,
	tokens TEXT,
	grant_version INTEGER NOT NULL,
	connected_at DATETIME NOT NULL,
	changed_at DATETIME NOT NULL,
	change BIGINT NOT NULL,
	last_worked_at DATETIME,
	refresh_started_at DATETIME,
	refresh_fingerprint VARCHAR(16),
	retry_at DATETIME,
	lease_owner VARCHAR(32),
	lease_until DATETIME,
	PRIMARY KEY (workspace_id, integration)
);

CREATE INDEX connections_by_change ON connections (change);

CREATE TABLE login_states (
	state_hash VARCHAR(64) NOT NULL,
	session_id VARCHAR(64) NOT NULL,
	workspace_id VARCHAR(64) NOT NULL,
	integration VARCHAR(64) NOT NULL,
	verifier TEXT,
	created_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	used_at DATETIME,
	PRIMARY KEY (state_hash)
);

CREATE TABLE numbers (
	name VARCHAR(40) NOT NULL,
	value BIGINT NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE pending_grants (
	grant_id VARCHAR(64) NOT NULL,
	session_id VARCHAR(64) NOT NULL,
	workspace_id VARCHAR(64) NOT NULL,
	integration VARCHAR(64) NOT NULL,
	tokens TEXT NOT NULL,
	tenants TEXT,
	created_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	PRIMARY KEY (grant_id)
);

CREATE TABLE refresh_history (
	id INTEGER NOT NULL,
	workspace_id VARCHAR(64) NOT NULL,
	integration VARCHAR(64) NOT NULL,
	at DATETIME NOT NULL,
	outcome VARCHAR(20) NOT NULL,
	detail TEXT,
	trace_id TEXT,
	token_fingerprint VARCHAR(16),
	PRIMARY KEY (id)
);

CREATE INDEX refresh_history_by_connection ON refresh_history (workspace_id, integration, id);

CREATE TABLE workspaces (
	workspace_id VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (workspace_id)
);
