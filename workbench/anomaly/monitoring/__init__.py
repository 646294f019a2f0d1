"""Whether the models that judge still know the world: drift, alert rate, error, and how the challenger does."""
