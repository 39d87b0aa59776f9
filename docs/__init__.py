"""Generated documents and what generates them (`python -m docs.generate`)."""
