-- No indexes, no key constraints, no sequences: DuckLake has none. Timestamps are UTC.

CREATE TABLE batches (
    batch_id VARCHAR NOT NULL,
    workspace_id VARCHAR NOT NULL,
    integration VARCHAR NOT NULL,
    tenant_id VARCHAR NOT NULL,
    tenant_name VARCHAR NOT NULL,
    api_type VARCHAR NOT NULL,
    covers VARCHAR[] NOT NULL,
    sequence INTEGER NOT NULL,
    from_month DATE NOT NULL,
    to_month DATE NOT NULL,
    fetched_at TIMESTAMP NOT NULL,
    run_id VARCHAR NOT NULL,
    currency VARCHAR,
    basis VARCHAR,
    lock_date DATE,
    payload_sha256 VARCHAR NOT NULL,
    api_calls INTEGER NOT NULL
);

-- Which months of what are landed, by which batch; also where a statement had no lines.
CREATE TABLE landed_months (
    workspace_id VARCHAR NOT NULL,
    integration VARCHAR NOT NULL,
    statement VARCHAR NOT NULL,
    month DATE NOT NULL,
    currency VARCHAR,
    provisional BOOLEAN NOT NULL,
    batch_id VARCHAR NOT NULL
);

-- section: titles joined by ' / ' for people; section_path: the titles; position: the line's
-- place in its statement, which also tells lines of equal names apart.
CREATE TABLE data_points (
    workspace_id VARCHAR NOT NULL,
    integration VARCHAR NOT NULL,
    statement VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    section VARCHAR NOT NULL,
    section_path VARCHAR[] NOT NULL,
    account_id VARCHAR,
    endpoint VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    month DATE NOT NULL,
    value DECIMAL(18, 4),
    currency VARCHAR NOT NULL,
    provisional BOOLEAN NOT NULL,
    batch_id VARCHAR NOT NULL
);

CREATE TABLE restatements (
    workspace_id VARCHAR NOT NULL,
    integration VARCHAR NOT NULL,
    statement VARCHAR NOT NULL,
    account_id VARCHAR,
    endpoint VARCHAR NOT NULL,
    month DATE NOT NULL,
    old_value DECIMAL(18, 4),
    new_value DECIMAL(18, 4),
    currency VARCHAR NOT NULL,
    old_batch_id VARCHAR NOT NULL,
    new_batch_id VARCHAR NOT NULL,
    detected_at TIMESTAMP NOT NULL,
    after_lock_date BOOLEAN NOT NULL,
    provisional BOOLEAN NOT NULL
);

CREATE TABLE employees (
    workspace_id VARCHAR NOT NULL,
    integration VARCHAR NOT NULL,
    employee_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    department VARCHAR,
    start_date DATE NOT NULL,
    end_date DATE,
    monthly_salary DECIMAL(18, 4) NOT NULL,
    currency VARCHAR NOT NULL,
    batch_id VARCHAR NOT NULL
);

CREATE TABLE payroll_costs (
    workspace_id VARCHAR NOT NULL,
    integration VARCHAR NOT NULL,
    month DATE NOT NULL,
    gross_pay DECIMAL(18, 4) NOT NULL,
    employer_taxes DECIMAL(18, 4) NOT NULL,
    benefits DECIMAL(18, 4) NOT NULL,
    reimbursements DECIMAL(18, 4) NOT NULL,
    total_cost DECIMAL(18, 4) NOT NULL,
    currency VARCHAR NOT NULL,
    provisional BOOLEAN NOT NULL,
    batch_id VARCHAR NOT NULL
);

CREATE TABLE models (
    workspace_id VARCHAR NOT NULL,
    model_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    document JSON NOT NULL,
    merged_at TIMESTAMP NOT NULL,
    rows_resolved INTEGER NOT NULL,
    rows_unresolved INTEGER NOT NULL
);

-- remembered_account_id: what the row's reference resolved to when it last resolved.
CREATE TABLE model_rows (
    workspace_id VARCHAR NOT NULL,
    model_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    sheet VARCHAR NOT NULL,
    section VARCHAR NOT NULL,
    row_id VARCHAR NOT NULL,
    row_name VARCHAR NOT NULL,
    integration VARCHAR NOT NULL,
    endpoint VARCHAR NOT NULL,
    account_id VARCHAR,
    remembered_account_id VARCHAR,
    currency VARCHAR,
    status VARCHAR NOT NULL,
    note VARCHAR NOT NULL
);

CREATE TABLE model_values (
    workspace_id VARCHAR NOT NULL,
    model_id VARCHAR NOT NULL,
    sheet VARCHAR NOT NULL,
    section VARCHAR NOT NULL,
    row_id VARCHAR NOT NULL,
    row_name VARCHAR NOT NULL,
    month DATE NOT NULL,
    value DECIMAL(18, 4),
    currency VARCHAR,
    integration VARCHAR NOT NULL,
    endpoint VARCHAR NOT NULL,
    account_id VARCHAR,
    status VARCHAR NOT NULL,
    batch_id VARCHAR
);

CREATE VIEW data_endpoints AS
SELECT
    workspace_id, integration, endpoint, statement, kind,
    min(month) AS first_month, max(month) AS last_month,
    section, section_path, account_id, label, position, max(currency) AS currency
FROM data_points
GROUP BY
    workspace_id, integration, endpoint, statement, kind,
    section, section_path, account_id, label, position
UNION ALL
SELECT
    workspace_id, integration, names.endpoint, 'payroll_costs' AS statement, names.kind,
    min(month) AS first_month, max(month) AS last_month,
    '' AS section, []::VARCHAR[] AS section_path, NULL AS account_id,
    names.endpoint AS label, names.position, max(currency) AS currency
FROM payroll_costs
CROSS JOIN (
    VALUES
    (0, 'Gross Pay', 'account'),
    (1, 'Employer Taxes', 'account'),
    (2, 'Benefits', 'account'),
    (3, 'Reimbursements', 'account'),
    (4, 'Total Payroll Cost', 'computed_total')
) AS names (position, endpoint, kind)
GROUP BY workspace_id, integration, names.endpoint, names.kind, names.position;
