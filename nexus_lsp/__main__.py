"""`python -m nexus_lsp`."""

from nexus_lsp.cli import main

if __name__ == "__main__":
    main()
