{{ config(meta={'by': ['month_start']}) }}

{{ sales_by('month', 'month_start', 'sales_monthly') }}
