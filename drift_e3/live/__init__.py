"""The asynchronous shell: arranges the waiting around the decision core, which itself never waits."""
