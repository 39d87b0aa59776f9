"""`ports.Bus` in a file (`sqlite_bus`) and over Redis (`redis_bus`); `core.mailbox` decides for both."""
