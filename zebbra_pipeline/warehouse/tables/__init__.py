"""SQL of the tables: how rows are read and written."""
