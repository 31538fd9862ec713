"""
Thousands of workspaces against the sandbox: does it stay right, and what does it cost?

`python -m benchmarks.scale --help` says what is done.
"""
