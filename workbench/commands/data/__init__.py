"""Commands on the warehouse: what is declared, what landed, where a row is."""
