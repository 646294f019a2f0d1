{{ sales_by('transaction_date', 'sales_date') }}
select {{ as_declared('marts.sales_daily') }} from summed
