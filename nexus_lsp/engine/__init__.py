"""The run loop: journals facts, then lets adapters do the work that follows from them."""
