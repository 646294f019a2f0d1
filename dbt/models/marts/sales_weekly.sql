{{ sales_by(dbt.date_trunc('week', 'transaction_date'), 'week_start') }}
select {{ as_declared('marts.sales_weekly') }} from summed
