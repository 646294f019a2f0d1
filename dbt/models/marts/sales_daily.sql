{{ config(meta={'by': ['sales_date']}) }}

{{ sales_by('day', 'sales_date', 'sales_daily') }}
