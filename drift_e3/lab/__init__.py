"""The synchronous shell: the same core over recorded markets, as fast as it goes."""
