"""Commands on what runs in the background, and on its queue."""
