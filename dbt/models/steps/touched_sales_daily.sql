{{ config(tags=['marts']) }}

{{ touched_periods('sales_daily', 'day', 'sales_date') }}
