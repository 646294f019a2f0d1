"""Which customer ids are one person: probabilistic record linkage, its weights estimated from the customers themselves."""
