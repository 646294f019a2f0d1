{{ config(tags=['marts']) }}

{{ touched_periods('sales_monthly', 'month', 'month_start') }}
