"""What PostgreSQL's own functions do with the values they are given. Names are lower case and unqualified."""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEEPING = _names(
    """string_agg array_agg json_agg jsonb_agg json_agg_strict jsonb_agg_strict json_object_agg jsonb_object_agg
    json_object_agg_strict jsonb_object_agg_strict json_object_agg_unique jsonb_object_agg_unique
    json_object_agg_unique_strict jsonb_object_agg_unique_strict xmlagg range_agg range_intersect_agg
    array_accum textcat_all group_concat array_concat_agg array_cat_agg"""
)
"""Aggregates whose one result holds the values of all its input rows."""

COUNTING = _names(
    """count sum avg stddev stddev_pop stddev_samp variance var_pop var_samp bool_and bool_or every bit_and bit_or bit_xor
    corr covar_pop covar_samp regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    percentile_cont approx_count_distinct"""
)
"""Aggregates from whose result no single value can be told."""

POINT = _names("min max any_value mode percentile_disc first last")
"""Aggregates that return one of their input's values: nothing to speak of over a table, every value over groups of one."""

NUMBERING = _names("row_number rank dense_rank percent_rank cume_dist ntile count")
"""Window functions that return no value of a column."""

MANY_ROWS = _names(
    """unnest generate_series json_array_elements jsonb_array_elements json_array_elements_text jsonb_array_elements_text
    regexp_split_to_table string_to_table regexp_matches json_each jsonb_each json_each_text jsonb_each_text
    json_object_keys jsonb_object_keys json_populate_recordset jsonb_populate_recordset jsonb_path_query dblink each skeys
    generate_subscripts ts_stat"""
)
"""Functions that turn one row into many where they stand in a select list."""

NO_VALUE = _names(
    """count_distinct pg_column_size pg_typeof num_nonnulls num_nulls pg_sleep pg_sleep_for setseed random now
    current_setting pg_backend_pid has_table_privilege has_column_privilege pg_relation_size pg_total_relation_size
    pg_table_size to_regclass array_length cardinality"""
)
"""Functions whose result says nothing personal about their argument."""

WHOLE_ROW = _names(
    """row_to_json to_json to_jsonb json_build_object jsonb_build_object json_build_array jsonb_build_array
    json_object jsonb_object hstore xmlforest xmlelement xmlconcat record_out"""
)
"""Functions that turn rows or values into JSON or XML."""

ENCODING = _names(
    """encode decode convert convert_to convert_from md5 sha224 sha256 sha384 sha512 digest hmac encrypt encrypt_iv
    decrypt decrypt_iv pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt pgp_pub_encrypt_bytea crypt armor translate
    reverse to_hex to_bin to_oct ascii chr substr substring substr_bytea left right overlay split_part get_byte get_bit
    regexp_replace regexp_match regexp_matches regexp_substr rpad lpad hashtext hashtextextended crc32 crc32c
    textsend byteasend unistr quote_literal quote_nullable string_to_array regexp_split_to_table regexp_split_to_array
    string_to_table to_ascii"""
)
"""Functions with which values are disguised, hashed or cut into pieces."""

QUERY_ARGUMENT = {
    "query_to_xml": 0,
    "query_to_xml_and_xmlschema": 0,
    "query_to_xmlschema": 0,
    "ts_stat": 0,
    "ts_rewrite": 1,
    "crosstab": 0,
    "crosstab2": 0,
    "crosstab3": 0,
    "crosstab4": 0,
    "crosstabn": 0,
    "crosstab_hash": 0,
}
"""Functions that run SQL given as text, and the position of that text among their arguments."""

TABLE_ARGUMENT = {"table_to_xml": 0, "table_to_xml_and_xmlschema": 0}
SCHEMA_ARGUMENT = {"schema_to_xml": 0, "schema_to_xml_and_xmlschema": 0}
WHOLE_DATABASE = frozenset({"database_to_xml", "database_to_xml_and_xmlschema"})
CURSOR_ARGUMENT = frozenset({"cursor_to_xml", "cursor_to_xmlschema"})
SCHEMA_ONLY = frozenset(
    {"query_to_xmlschema", "table_to_xmlschema", "schema_to_xmlschema", "database_to_xmlschema", "cursor_to_xmlschema"}
)
"""Of the XML family, those that return a description of columns and no data."""

REPLICATION = _names(
    """pg_logical_slot_get_changes pg_logical_slot_peek_changes pg_logical_slot_get_binary_changes
    pg_logical_slot_peek_binary_changes pg_create_logical_replication_slot pg_create_physical_replication_slot
    pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_replication_slot_advance
    pg_logical_emit_message pg_backup_start pg_backup_stop pg_start_backup pg_stop_backup"""
)
SLOT_READERS = frozenset(name for name in REPLICATION if name.startswith("pg_logical_slot_"))
SERVER_FILE = _names(
    """pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file pg_ls_logdir pg_ls_waldir pg_file_write pg_file_read
    pg_file_rename pg_file_unlink pg_logdir_ls pg_current_logfile pg_ls_tmpdir pg_rotate_logfile"""
)
LARGE_OBJECT = _names(
    """lo_export lo_import lo_get lo_put lo_from_bytea lo_create lo_creat lo_open loread lowrite lo_lseek lo_unlink
    lo_truncate"""
)


def hands_on(name: str) -> bool:
    """Functions by which their arguments leave, though the statement returns nothing of them."""
    return name == "pg_notify" or name == "pg_file_write" or name in LARGE_OBJECT or is_dblink(name)


def is_dblink(name: str) -> bool:
    """dblink's family; the SQL it carries runs elsewhere."""
    return name == "dblink" or name.startswith("dblink_")
