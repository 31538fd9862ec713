"""Routes, pages, problem documents and middleware."""
