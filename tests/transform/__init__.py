"""The star schema and the marts, as dbt builds them."""
