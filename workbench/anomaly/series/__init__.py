"""Daily series of anything: their panel, their features, and the forest that expects each day."""
