"""Sources that are declared in ``sources.yaml``: APIs and databases that are pulled, and files that are fetched, into landing."""
