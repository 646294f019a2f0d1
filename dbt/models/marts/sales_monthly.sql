{{ sales_by(dbt.date_trunc('month', 'transaction_date'), 'month_start') }}
select {{ as_declared('marts.sales_monthly') }} from summed
