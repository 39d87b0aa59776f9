"""What NEXUS costs, each figure beside a peer's in the same run: `make bench`, or `--quick` for a taste."""
