"""The statements that read MariaDB's and MySQL's information_schema. Constants all: nobody's name or value is put into them."""

from __future__ import annotations

import sqlalchemy as sa

SYSTEM = ("mysql", "information_schema", "performance_schema", "sys")
_NOT = "('mysql', 'information_schema', 'performance_schema', 'sys')"

RELATIONS = sa.text(f"""
select t.table_schema as s, t.table_name as n, t.table_type as type, t.engine as engine, t.table_rows as estimated,
       t.data_length as bytes, t.auto_increment as next_id, t.create_time as created, t.update_time as updated,
       t.table_comment as comment, now() as now_,
       (select count(*) from information_schema.partitions p
         where p.table_schema = t.table_schema and p.table_name = t.table_name and p.partition_name is not null) as parts
from information_schema.tables t
where t.table_schema not in {_NOT} and t.table_type in ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')
order by t.table_schema, t.table_name
""")  # noqa: S608 — constants only

COLUMNS = sa.text(f"""
select table_schema as s, table_name as n, column_name as name, data_type as base, column_type as type,
       column_comment as comment, privileges as privileges
from information_schema.columns where table_schema not in {_NOT}
order by table_schema, table_name, ordinal_position
""")  # noqa: S608

# an index over parts of values (sub_part) makes nothing unique; cardinality is the engine's estimate of different values
INDEXES = sa.text(f"""
select table_schema as s, table_name as n, index_name as name, non_unique as non_unique, seq_in_index as place,
       column_name as col, sub_part as part, cardinality as cardinality, index_type as type
from information_schema.statistics where table_schema not in {_NOT}
order by table_schema, table_name, index_name <> 'PRIMARY', index_name, seq_in_index
""")  # noqa: S608

FOREIGN = sa.text(f"""
select table_schema as s, table_name as n, constraint_name as name, column_name as col,
       referenced_table_schema as target_s, referenced_table_name as target_n, referenced_column_name as target_col
from information_schema.key_column_usage
where referenced_table_name is not null and table_schema not in {_NOT}
order by table_schema, table_name, constraint_name, ordinal_position
""")  # noqa: S608

VIEWS = sa.text(f"""
select table_schema as s, table_name as n, view_definition as definition, security_type as security, definer as definer
from information_schema.views where table_schema not in {_NOT}
order by table_schema, table_name
""")  # noqa: S608

ROUTINES = sa.text(f"""
select routine_schema as s, routine_name as n, routine_type as kind, routine_definition as body, security_type as security,
       definer as definer, dtd_identifier as returns, specific_name as specific_
from information_schema.routines where routine_schema not in {_NOT}
order by routine_schema, routine_name, routine_type
""")  # noqa: S608

PARAMETERS = sa.text(f"""
select specific_schema as s, specific_name as specific_, routine_type as kind, parameter_name as name
from information_schema.parameters
where ordinal_position > 0 and parameter_mode in ('IN', 'INOUT') and specific_schema not in {_NOT}
order by specific_schema, specific_name, routine_type, ordinal_position
""")  # noqa: S608

TRIGGERS = sa.text(f"""
select trigger_schema as s, trigger_name as name, event_object_schema as table_s, event_object_table as table_n,
       action_timing as timing, event_manipulation as event, action_statement as body, definer as definer
from information_schema.triggers where trigger_schema not in {_NOT}
order by trigger_schema, event_object_table, action_timing, event_manipulation, action_order, trigger_name
""")  # noqa: S608

EVENTS = sa.text(f"""
select event_schema as s, event_name as name, event_definition as body, definer as definer
from information_schema.events where event_schema not in {_NOT}
order by event_schema, event_name
""")  # noqa: S608

SERVERS = sa.text("""
select server_name as name, wrapper as wrapper, host as host, db as db from mysql.servers order by server_name
""")
