{{ config(tags=['measurements']) }}

{{ told_series_days('measurements_daily') }}
