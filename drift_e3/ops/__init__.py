"""The daemon to whoever looks after it: status server, page, metrics, alerts, word to the service manager."""
