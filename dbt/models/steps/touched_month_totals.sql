{{ config(tags=['marts']) }}

{{ touched_periods('month_totals', 'month', 'month_start') }}
