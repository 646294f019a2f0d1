"""PostgreSQL's wire protocol: its messages, a connection to PostgreSQL, and its errors in Redshift's words."""
