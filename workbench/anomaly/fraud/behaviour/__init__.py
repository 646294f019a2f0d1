"""What was known of customers and stores at the moment of each receipt."""
