"""The language server face: pitfalls over a real pipe, pure text and URIs, an ordinary session."""
