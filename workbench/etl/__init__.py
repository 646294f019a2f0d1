"""From landing to raw, and the customer and product workflows."""
