INSERT INTO connections (workspace_id, integration, state, reason, tenant_id, tenant_name, tenant_connection_id, tokens, grant_version, connected_at, changed_at, change, last_worked_at, refresh_started_at, refresh_fingerprint, retry_at, lease_owner, lease_until)
VALUES ('acme', 'toybooks', 'connected', NULL, 'tenant-acme', 'acme tenant', 'tc-1', 'gAAAAABrBY5bHS7idIKLYCzixVnQrGiVchpgnLdpWTLBIu6OkVMJfGfJjEu71vcx92ktgr-NC_CfJcPO9Z0G-g1FgoAyskfZh6ZMVTG7XntCxUtDoGiW7EL8TaZbNrPp8JuQIBWZEauJxO8pf_Ofvi_VpI0ppK_1VERye5Q4bqrNQwbyS5kPHGeyfHwd7KiMVS4VIY44x_uLTR7tdoAO6rU53vB2SpEVtLRrSDJM-CR6jjXg-lPrnGxGncMoGc12vrGPn0oYidewwqRzYQAr0oPuljNyJdPuz1DgHp9m83eVtWVoRlh7zrp26xG0ut63zvGLUlxs25Csvlve2mfQk5v2h_YB2bxvcXTOmih_7CdH0F6582PkiPWOlsGB_QFuj5hOvEUrRCk-', 2, '2026-11-24 12:30:15.250000', '2026-11-24 12:30:15.250000', 3, '2026-11-24 13:30:15.250000', '2026-11-24 13:30:15.250000', '2222222222222222', '2026-11-24 13:31:45.250000', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '2026-11-24 13:30:30.250000');

INSERT INTO connections (workspace_id, integration, state, reason, tenant_id, tenant_name, tenant_connection_id, tokens, grant_version, connected_at, changed_at, change, last_worked_at, refresh_started_at, refresh_fingerprint, retry_at, lease_owner, lease_until)
VALUES ('globex', 'shybooks', 'disconnected', NULL, 'tenant-globex', 'globex tenant', NULL, NULL, 2, '2026-11-24 12:30:15.250000', '2026-11-24 13:30:15.250000', 7, '2026-11-24 12:30:15.250000', NULL, NULL, NULL, NULL, NULL);

INSERT INTO connections (workspace_id, integration, state, reason, tenant_id, tenant_name, tenant_connection_id, tokens, grant_version, connected_at, changed_at, change, last_worked_at, refresh_started_at, refresh_fingerprint, retry_at, lease_owner, lease_until)
VALUES ('globex', 'toybooks', 'requires_reconnect', 'it was withdrawn there', 'tenant-globex', 'globex tenant', NULL, 'gAAAAABrBY5bPBrFFxMPDo-Bq2X_miJrRfToQyx6gDm28NW55jn8myXBpTlOpShVLFELh8HnoAtalc7Cj0G8jw__dgWuYu72Q-tqa3MreIDs9fviw9Z7LaokS7JjdEWJoizZojDpsCsu5d3k-wKBvbLNttmws01Y9rpblP1tX2Pvd_3HHBF7t9jyQqDzrw5CM9OfIehEWV4WsK_Os1dkT_ngHU9CIhp93cbbdzOw6PDoXpPz3LSuy--S0Cj699_YoXaonbb0gF3E5dVP3LQbYbBXcShMS8xbzYAz3vm5wEQ3xjZUGRQCVCeFxj9b02BokY2Cv-Rd__IKmghBxXmyZcN42r59M3HdKaXSyzTKBTYpaL5U6pF7ckQ=', 1, '2026-11-24 12:30:15.250000', '2026-11-24 13:30:15.250000', 5, '2026-11-24 12:30:15.250000', NULL, NULL, NULL, NULL, NULL);

INSERT INTO login_states (state_hash, session_id, workspace_id, integration, verifier, created_at, expires_at, used_at)
VALUES ('046977fe25d893edf85927c4a038248b161c4b13431d0b5b9489e8bf179d89ae', 'session-1', 'acme', 'toybooks', NULL, '2026-11-24 12:30:15.250000', '2026-11-24 12:45:15.250000', '2026-11-24 12:31:15.250000');

INSERT INTO login_states (state_hash, session_id, workspace_id, integration, verifier, created_at, expires_at, used_at)
VALUES ('f36b45ae818809ee24ae2489edabfe3cf2a12627b6929c07fc7a3b885d414d44', 'session-1', 'acme', 'shybooks', 'gAAAAABrBY5bcF3iiwLavC4CeaIj5WnwgeHgOcUn2xty0oZWWr3dFNH8Rc0LkP2tJ82qQj7WiNFcpNLyhvxvnWyr5yIZuMKISw==', '2026-11-24 12:30:15.250000', '2026-11-24 12:45:15.250000', NULL);

INSERT INTO numbers (name, value)
VALUES ('change', 7);

INSERT INTO numbers (name, value)
VALUES ('schema_version', 1);

INSERT INTO pending_grants (grant_id, session_id, workspace_id, integration, tokens, tenants, created_at, expires_at)
VALUES ('grant-2', 'session-1', 'acme', 'shybooks', 'gAAAAABrBY5bv3oLk38oGO-DLqJeNjg4Wk3IXShuMhmXsxfxlst2VbPyzDECr3i_tRDNVxpD4GyI630d04xGhkaoNA6q90Qllxg7NTlzR1eisFeEliXk9w8ZvjcfxGFYtr8Iop_000xHW0U8J6vqs6A7cnKSt6tjfLddHOGwdpaOXH0CtfUp56JIe9GLBIz62hl6fN7ITCiKetiVMGXEHUS2vh48kdSG6g7XH9E0iyig4LYYMUvFdrzpok1Qfok18_kNJaZlMTl3k2BZtn6jQXY4RantousQY0qVblpoRcGTC0pyGuc_i0trOC_qgUmlmCLjOMQCnb7d2iBz1FAlEZ1k53r3HpCGb8y9DRdBCQlXRUqfoy2l7Y4=', '[["t-1", "One", "c-1"], ["t-2", "Two", null]]', '2026-11-24 12:30:15.250000', '2026-11-24 12:45:15.250000');

INSERT INTO refresh_history (workspace_id, integration, at, outcome, detail, trace_id, token_fingerprint)
VALUES ('acme', 'toybooks', '2026-11-24 12:30:15.250000', 'connected', NULL, NULL, NULL);

INSERT INTO refresh_history (workspace_id, integration, at, outcome, detail, trace_id, token_fingerprint)
VALUES ('acme', 'toybooks', '2026-11-24 13:30:15.250000', 'refreshed', NULL, 'trace-1', '1111111111111111');

INSERT INTO refresh_history (workspace_id, integration, at, outcome, detail, trace_id, token_fingerprint)
VALUES ('acme', 'toybooks', '2026-11-24 13:30:15.250000', 'answer_lost', 'status 502', 'trace-2', '2222222222222222');

INSERT INTO refresh_history (workspace_id, integration, at, outcome, detail, trace_id, token_fingerprint)
VALUES ('globex', 'toybooks', '2026-11-24 12:30:15.250000', 'connected', NULL, NULL, NULL);

INSERT INTO refresh_history (workspace_id, integration, at, outcome, detail, trace_id, token_fingerprint)
VALUES ('globex', 'toybooks', '2026-11-24 13:30:15.250000', 'grant_refused', 'invalid_grant: revoked', 'trace-3', '3333333333333333');

INSERT INTO refresh_history (workspace_id, integration, at, outcome, detail, trace_id, token_fingerprint)
VALUES ('globex', 'shybooks', '2026-11-24 12:30:15.250000', 'connected', NULL, NULL, NULL);

INSERT INTO refresh_history (workspace_id, integration, at, outcome, detail, trace_id, token_fingerprint)
VALUES ('globex', 'shybooks', '2026-11-24 13:30:15.250000', 'disconnected', NULL, NULL, NULL);

INSERT INTO workspaces (workspace_id, name, created_at)
VALUES ('acme', 'Acme Ltd', '2026-11-24 12:30:15.250000');

INSERT INTO workspaces (workspace_id, name, created_at)
VALUES ('globex', 'Globex ''Größe'' Inc', '2026-11-24 12:30:15.250000');
