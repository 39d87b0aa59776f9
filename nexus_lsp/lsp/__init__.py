"""The language-server face: the only place that knows pygls and lsprotocol."""
