"""What the platform says of its own data: alerts, and what checks found."""
