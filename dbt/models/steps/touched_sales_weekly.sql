{{ config(tags=['marts']) }}

{{ touched_periods('sales_weekly', 'week', 'week_start') }}
