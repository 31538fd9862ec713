"""`python -m zebbra_pipeline` is the `zebbra` command."""

from zebbra_pipeline.cli import main

if __name__ == "__main__":
    main()
