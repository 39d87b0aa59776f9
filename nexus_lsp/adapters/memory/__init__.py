"""The team's memory in a file: found by words, by place and, with the extra `embeddings`, by meaning."""
