"""Settings of a session that only Redshift has: they are kept and shown, and change nothing here."""

from __future__ import annotations

SETTINGS = {
    "query_group": "unset", "query_label": "", "wlm_query_slot_count": "1", "enable_result_cache_for_session": "on",
    "analyze_threshold_percent": "10", "enable_case_sensitive_identifier": "off",
    "describe_field_name_in_uppercase": "off", "mv_enable_aqmv_for_session": "on", "autocommit": "on",
    "json_serialization_enable": "off", "use_fips_ssl": "off", "error_on_nondeterministic_update": "off",
    "spectrum_enable_pseudo_columns": "on", "downcase_delimited_identifier": "on", "require_ssl": "off",
}  # fmt: skip
"""Names and what they are at the beginning of a session."""
