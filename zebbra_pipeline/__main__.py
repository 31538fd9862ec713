"""`python -m zebbra_pipeline` is the `zebbra` command."""

from zebbra_pipeline.cli.app import main

if __name__ == "__main__":
    main()
