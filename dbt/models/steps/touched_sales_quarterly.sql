{{ config(tags=['marts']) }}

{{ touched_periods('sales_quarterly', 'quarter', 'quarter_start') }}
