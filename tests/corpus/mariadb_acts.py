"""Ways out of MariaDB. ``{people}``, ``{phone}`` … are this world's names; the truth is what the client really received."""

from __future__ import annotations

import base64
import binascii

from tests.corpus.act import ALWAYS, NEVER, Act
from tests.corpus.mariadb import Place, client, driver, program, streamed, written
from tests.corpus.postgres import lines
from tests.corpus.world import World


def _all(world: World, _received: str) -> int:
    return len(world.people)


def _decoded(world: World, received: str) -> int:
    """Lines of base64 or hexadecimal digits."""
    found = set()
    for line in received.split("\n"):
        for read in (base64.b64decode, binascii.unhexlify):
            try:
                found |= world.who(read(line.strip()).decode())
            except (ValueError, binascii.Error):
                continue
    return len(found)


def _keyset(place: Place) -> str:
    found: list[tuple[object, ...]] = []
    last = 0
    with place.connect() as connection, connection.cursor() as cursor:
        for _ in range(5):
            cursor.execute(place.fill("select {key}, {name} from {people} where {key} > %s order by {key} limit 60"), [last])
            found += cursor.fetchall()
            last = int(str(found[-1][0]))
    return lines(found)


def _offsets(place: Place) -> str:
    found: list[tuple[object, ...]] = []
    with place.connect() as connection, connection.cursor() as cursor:
        for i in range(6):
            cursor.execute(place.fill(f"select {{name}}, {{phone}} from {{people}} order by {{key}} limit {50 * i}, 50"))
            found += cursor.fetchall()
    return lines(found)


def _lookups(place: Place) -> str:
    found: list[tuple[object, ...]] = []
    first = place.world.people[0].key
    with place.connect() as connection, connection.cursor() as cursor:
        for i in range(50):
            cursor.execute(place.fill("select {phone} from {people} where {key} = %s"), [first + i])
            found += cursor.fetchall()
    return lines(found)


def _out_parameter(place: Place) -> str:
    return place.client("set group_concat_max_len = 10000000; call {schema}.p_out(@x); select @x")


LONG = "set group_concat_max_len = 10000000; "
SELECT = [
    Act(
        "select_all",
        client("select * from {people}"),
        counted=ALWAYS,
        classes=("PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS", "KR_RRN", "ADDRESS"),
    ),
    Act("select_driver", driver("SELECT {name}, {phone} FROM {people}"), counted=ALWAYS),
    Act("select_stream", streamed("select {name}, {phone} from {people}"), counted=ALWAYS),
    Act("select_range", driver("select {name}, {email} from {people} where {key} > %s", arguments=("{third}",))),
    Act("select_between", client("select * from {people} where {key} between {first} and {half}"), counted=ALWAYS),
    Act("select_in", client("select {rrn} from {people} where {key} in ({ids})")),
    Act("select_leads", client("select * from {leads}"), leaves=("leads",), counted=ALWAYS),
    Act("unqualified", client("select {phone} from {people_}"), counted=ALWAYS),
    Act("used_database", client("use {side}; use {schema}; select {phone} from {people_}"), counted=ALWAYS),
    Act("limit", client("select {name}, {phone} from {people} limit 120"), counted=ALWAYS),
    Act("like", client("select {email} from {people} where {email} like '%mail3%'")),
    Act("subquery", client("select t.a from (select {phone} a, {key} k from {people}) t where t.k < {half}")),
    Act(
        "cte", client("with a as (select {key}, {phone} from {people}), b as (select * from a) select b.* from b"), counted=ALWAYS
    ),
    Act(
        "recursive",
        client(
            "with recursive r as (select {first} k union all select k + 1 from r where k < {half}) select {phone} from {people} join r on k = {key}"
        ),
        counted=NEVER,
    ),
    Act("join", client("select m.{name}, m.{phone} from {people} m join {products} p on p.prd_no = m.{key} - {first} + 1")),
    Act(
        "straight_join",
        client("select straight_join m.{name}, m.{phone} from {people} m, {products} p where p.prd_no = m.{key} - {first} + 1"),
    ),
    Act(
        "union",
        client("select {name}, {phone} from {people} union all select {name}, {phone} from {leads}"),
        leaves=("people", "leads"),
        counted=ALWAYS,
    ),
    Act("union_distinct", client("select {phone} from {people} union select {phone} from {leads}"), leaves=("people", "leads")),
    Act("except", client("select {phone} from {people} except select {phone} from {leads}")),
    Act("intersect", client("select {phone} from {people} intersect select {phone} from {orders}")),
    Act("orders_only", client("select {name}, {phone} from {orders}"), leaves=("orders",), counted=ALWAYS),
    Act("group_by_key", client("select {key}, max({phone}) from {people} group by {key}")),
    Act("distinct_phone", client("select distinct {phone} from {people}")),
    Act("window", client("select {name}, row_number() over (order by {key}) from {people}"), counted=ALWAYS),
    Act("first_value", client("select lead({phone}, 0) over (order by {key}) from {people}"), counted=ALWAYS),
    Act("partitions", client("select {phone}, memo from {logs}"), leaves=("logs",), counted=ALWAYS),
    Act("one_partition", client("select {phone} from {logs} partition (p1)"), leaves=("logs",), counted=NEVER),
    Act("calc_rows", client("select sql_calc_found_rows {phone} from {people} limit 100"), counted=ALWAYS),
    Act("for_update", client("begin; select {phone} from {people} for update; rollback"), counted=ALWAYS),
    Act("lock_shared", client("select {phone} from {people} lock in share mode"), counted=ALWAYS),
    Act("index_hint", client("select {phone} from {people} use index (primary) where {key} <= {half}")),
    Act("case_expression", client("select case when grade = 'A' then {phone} else {email} end from {people}"), counted=ALWAYS),
    Act("if_expression", client("select if(grade = 'A', {phone}, {email}) from {people}"), counted=ALWAYS),
    Act(
        "scalar_subquery",
        client(
            "select p.prd_no, (select {phone} from {people} where {key} = p.prd_no - 1 + {first}) from {products} p where p.prd_no <= 150"
        ),
    ),
    Act("one_person", client("select {name}, {phone} from {people} where {key} = {first}"), counted=ALWAYS),
    Act("view", client("select nm, tel from {schema}.v_people"), counted=ALWAYS),
    Act("view_part", client("select tel from {schema}.v_people where {key} between {first} and {half}")),
    Act("view_join", client("select * from {schema}.v_orders where ord_id <= 150")),
    Act(
        "new_view", client("create view {side}.v2 as select {phone} as n from {people}; select n from {side}.v2"), counted=ALWAYS
    ),
    Act(
        "in_subquery",
        client("select {phone} from {people} where {key} in (select {first} union select {half})"),
        counted=NEVER,
    ),
    Act("table_alias", client("select `m`.{phone} from {people} as `m`"), counted=ALWAYS),
    Act("set_statement", client("set statement max_statement_time = 100 for select {phone} from {people}"), counted=ALWAYS),
    Act(
        "select_dual",
        client("select (select group_concat({phone}) from {people} where {key} <= {first} + 20) from dual"),
        counted=NEVER,
        technique="concat_aggregate",
    ),
]
PACKED = [
    Act(
        "group_concat",
        client(LONG + "select group_concat({name}, ';', {phone}) from {people}"),
        technique="concat_aggregate",
        counted=ALWAYS,
    ),
    Act(
        "group_concat_groups",
        client(LONG + "select grade, group_concat({phone}) from {people} group by grade"),
        technique="concat_aggregate",
        counted=ALWAYS,
    ),
    Act(
        "group_concat_limit",
        client(LONG + "select group_concat({phone} order by {key} separator '|' limit 80) from {people}"),
        technique="concat_aggregate",
        counted=NEVER,
    ),
    Act("group_concat_cut", client("select group_concat({phone}) from {people}"), technique="concat_aggregate", counted=NEVER),
    Act(
        "json_arrayagg",
        client(LONG + "select json_arrayagg({phone}) from {people}"),
        technique="concat_aggregate",
        counted=ALWAYS,
    ),
    Act("json_objectagg", client(LONG + "select json_objectagg({key}, {phone}) from {people}"), counted=ALWAYS),
    Act("json_object", client("select json_object('n', {name}, 'p', {phone}) from {people}"), counted=ALWAYS),
    Act("json_array", client("select json_array({name}, {phone}) from {people}"), counted=ALWAYS),
    Act("concat_ws", client("select concat_ws('|', {name}, {phone}) from {people}"), counted=ALWAYS),
    Act("base64", client("select to_base64({phone}) from {people}"), technique="encoding", truth=_decoded, counted=ALWAYS),
    Act("hex", client("select hex({phone}) from {people}"), technique="encoding", truth=_decoded, counted=ALWAYS),
    Act("reverse", client("select reverse({phone}) from {people}"), technique="encoding", truth=_all, counted=ALWAYS),
    Act("halves", client("select left({rrn}, 7) from {people}"), technique="encoding", truth=_all, counted=ALWAYS),
    Act(
        "encrypted",
        client("select hex(aes_encrypt({phone}, 'k')) from {people}"),
        technique="encoding",
        truth=_all,
        counted=ALWAYS,
    ),
    Act("compressed", client("select hex(compress({addr})) from {people}"), technique="encoding", truth=_all, counted=ALWAYS),
    Act("pipes", client("set sql_mode = 'pipes_as_concat'; select {name} || '|' || {phone} from {people}"), counted=ALWAYS),
    Act("extract_value", client("select extractvalue(concat('<a>', {phone}, '</a>'), '/a') from {people}"), counted=ALWAYS),
]
FILES = [
    Act("outfile", written(client("select * from {people} into outfile '{out}'")), technique="server_file", counted=ALWAYS),
    Act(
        "outfile_early",
        written(client("select {name}, {phone} into outfile '{out}' fields terminated by ',' from {people}")),
        technique="server_file",
        counted=ALWAYS,
    ),
    Act(
        "dumpfile",
        written(client(LONG + "select group_concat({phone}) from {people} into dumpfile '{out}'")),
        technique="server_file",
        counted=ALWAYS,
    ),
    Act(
        "outfile_loaded",
        client(
            "select {phone} from {people} into outfile '{out}'; create table {side}.back (x varchar(60)); load data infile '{out}' into table {side}.back; select x from {side}.back"
        ),
        counted=NEVER,
        most=True,
    ),
    Act(
        "load_file",
        client("select {phone} from {people} into outfile '{out}'; select load_file('{out}')"),
        technique="server_file",
        counted=ALWAYS,
        most=True,
    ),
    Act(
        "dump_all",
        program("mariadb-dump", "--databases", "{schema_raw}"),
        leaves=("people", "leads"),
        technique="dump_tool",
        truth=_all,
        counted=NEVER,
        most=True,
    ),
    Act("dump_table", program("mariadb-dump", "{schema_raw}", "{people_raw}"), technique="dump_tool", counted=ALWAYS),
    Act(
        "dump_leads",
        program("mariadb-dump", "--single-transaction", "--skip-extended-insert", "{schema_raw}", "{leads_raw}"),
        leaves=("leads",),
        technique="dump_tool",
        counted=ALWAYS,
    ),
    Act("dump_where", program("mariadb-dump", "{schema_raw}", "{people_raw}", "--where={key} <= {half}"), technique="dump_tool"),
    Act(
        "dump_quick",
        program("mariadb-dump", "--quick", "--no-create-info", "--order-by-primary", "{schema_raw}", "{people_raw}"),
        technique="dump_tool",
        counted=ALWAYS,
    ),
]
CODE = [
    Act("procedure", client("call {schema}.p_all()"), counted=ALWAYS, technique="definer_function"),
    Act("procedure_limit", client("call {schema}.p_some(90)"), counted=NEVER),
    Act("procedure_two", driver("call {schema}.p_two()"), leaves=("people", "leads"), counted=NEVER, most=True, truth=_all),
    Act("procedure_out", _out_parameter, counted=NEVER, most=True),
    Act("procedure_dynamic", client("call {schema}.p_dyn('select {phone} from {people}')"), counted=NEVER, most=True),
    Act("procedure_copy", client("call {schema}.p_copy(); select t from {side}.spool"), leaves=("side.spool",), counted=NEVER),
    Act("procedure_loop", driver("call {schema}.p_loop()"), counted=NEVER, most=True),
    Act("function", client(LONG + "select {schema}.f_text()"), counted=ALWAYS, technique="definer_function"),
    Act(
        "function_each",
        client("select {schema}.f_one({first} + prd_no) from {products} where prd_no < 100"),
        counted=NEVER,
        technique="definer_function",
    ),
    Act(
        "new_procedure",
        client("create procedure {side}.g() sql security definer select {phone} from {people}; call {side}.g()"),
        counted=ALWAYS,
    ),
    Act(
        "prepare",
        client("prepare p from 'select {phone} from {people} where {key} <= ?'; set @a = {half}; execute p using @a"),
        counted=NEVER,
    ),
    Act("prepare_all", client("prepare p from 'select * from {people}'; execute p"), counted=ALWAYS),
    Act(
        "prepare_built",
        client("set @q = concat('select {phone} fr', 'om {people}'); prepare p from @q; execute p"),
        counted=ALWAYS,
    ),
    Act("immediate", client("execute immediate 'select {rrn} from {people}'"), counted=ALWAYS),
    Act("immediate_built", client("set @t = '{people}'; execute immediate concat('select {rrn} from ', @t)"), counted=ALWAYS),
    Act(
        "handler", client("handler {people} open; handler {people_} read next limit 200; handler {people_} close"), counted=ALWAYS
    ),
    Act(
        "handler_steps",
        client("handler {people} open as h; handler h read first limit 50; handler h read next limit 60; handler h close"),
        counted=ALWAYS,
        technique="cursor",
    ),
    Act("variable", client(LONG + "set @x = (select group_concat({phone}) from {people}); select @x"), counted=ALWAYS, most=True),
    Act(
        "variable_select",
        client(LONG + "select group_concat({phone}) into @y from {people}; select @y"),
        counted=ALWAYS,
        most=True,
    ),
    Act(
        "variable_grows",
        client("set @z = ''; select count(@z := concat(@z, {phone}, ',')) from {people}; select @z"),
        counted=NEVER,
        most=True,
    ),
    Act("do_sleep", client("do (select count(*) from {people}); select {phone} from {people}"), counted=ALWAYS),
]
COPIED = [
    Act(
        "ctas",
        client("create table {side}.c1 as select {name} as a, {phone} as b from {people}; select a, b from {side}.c1"),
        leaves=("side.c1",),
        technique="copy_to_new_table",
        counted=ALWAYS,
    ),
    Act(
        "ctas_bare",
        client("create table {side}.c2 select {email} z from {people}; select z from {side}.c2 limit 200"),
        leaves=("side.c2",),
        counted=ALWAYS,
    ),
    Act(
        "insert_select",
        client(
            "create table {side}.c3 (x varchar(60), y varchar(60)); insert into {side}.c3 select {name}, {phone} from {people}; select * from {side}.c3"
        ),
        leaves=("side.c3",),
        technique="copy_to_new_table",
        counted=ALWAYS,
    ),
    Act(
        "replace_select",
        client(
            "create table {side}.c4 (x int primary key, y varchar(60)); replace into {side}.c4 select {key}, {phone} from {people}; select y from {side}.c4"
        ),
        leaves=("side.c4",),
        counted=ALWAYS,
    ),
    Act(
        "temp_table",
        client("create temporary table t1 as select * from {people}; select * from t1"),
        leaves=(),
        counted=ALWAYS,
        technique="copy_to_new_table",
    ),
    Act(
        "temp_like",
        client("create temporary table t2 like {people}; insert into t2 select * from {people}; select {phone} from t2"),
        leaves=(),
        counted=ALWAYS,
    ),
    Act(
        "renamed",
        client(
            "create table {side}.c5 as select {phone} q from {people}; rename table {side}.c5 to {side}.calm; select q from {side}.calm"
        ),
        leaves=("side.calm",),
        counted=ALWAYS,
    ),
    Act(
        "altered_name",
        client("alter table {side}.calm rename to {side}.calmer; select * from {side}.calmer"),
        leaves=("side.calmer",),
        counted=ALWAYS,
    ),
    Act(
        "update_join",
        client(
            "create table {side}.c6 (id int, v varchar(60)); insert into {side}.c6 select {key}, '' from {people}; update {side}.c6 c, {people} p set c.v = p.{phone} where p.{key} = c.id; select v from {side}.c6"
        ),
        leaves=("side.c6",),
        counted=ALWAYS,
    ),
    Act(
        "exchange",
        client("create table {side}.c7 like {people}; insert into {side}.c7 select * from {people}; select {rrn} from {side}.c7"),
        leaves=("side.c7",),
        counted=ALWAYS,
    ),
    Act(
        "insert_returning",
        client("create table {side}.c8 (x varchar(60)); insert into {side}.c8 select {phone} from {people} returning x"),
        counted=ALWAYS,
        technique="returning",
    ),
    Act(
        "delete_returning",
        client("begin; delete from {leads} where lead_id <= 90 returning *; rollback"),
        leaves=("leads",),
        technique="returning",
    ),
    Act(
        "packed_copy",
        client(LONG + "create table {side}.c9 as select group_concat({phone}) j from {people}; select j from {side}.c9"),
        leaves=("side.c9",),
        counted=ALWAYS,
    ),
]
SPELLED = [
    Act("executable_comment", client("/*!50000 select {rrn} from {people} */"), counted=ALWAYS),
    Act("executable_maria", client("/*M!100100 select {rrn} from {people} */"), counted=ALWAYS),
    Act("executable_part", client("select {phone} /*! from */ {people}"), counted=ALWAYS),
    Act(
        "comment_first",
        client("/* select 1 from {products} */ select {phone} /* from */ from {people} # {products}"),
        counted=ALWAYS,
    ),
    Act("dash_comment", client("select {phone} -- from {products}\nfrom {people}"), counted=ALWAYS),
    Act("long_statement", client("select /* " + "x" * 1100 + " */ {rrn} from {people}"), counted=NEVER),
    Act("long_statement_view", client("select /* " + "x" * 1100 + " */ tel from {schema}.v_people"), counted=NEVER),
    Act("ansi_quotes", client("set sql_mode = 'ansi_quotes'; select \"{phone_raw}\" from {people}"), counted=ALWAYS),
    Act("no_escapes", client("set sql_mode = 'no_backslash_escapes'; select '\\', {rrn} from {people} -- '"), counted=ALWAYS),
    Act("high_not", client("select high_priority sql_no_cache {phone} from {people}"), counted=ALWAYS),
    Act("mixed_case", client("SeLeCt {phone} FrOm {people}"), counted=ALWAYS),
    Act("odd_space", client("select\t{phone}\r\nfrom\x0b{people}"), counted=ALWAYS),
    Act("hex_literal", client("select 0x616263, {phone}, _utf8mb4'x' from {people}"), counted=ALWAYS),
]
BROKEN = [
    Act(
        "left_early",
        streamed("select a.{rrn}, repeat('x', 3000) from {people} a, {products} b", stop=150),
        technique="aborted",
        counted=NEVER,
    ),
    Act(
        "timed_out",
        streamed("set statement max_statement_time = 0.2 for select {phone}, sleep(0.001) from {people}"),
        technique="aborted",
        counted=NEVER,
    ),
    Act(
        "late_error",
        streamed(
            "select {phone}, repeat('-', 400), (select 1 from {products} p where p.prd_no <= 1 + (m.{key} > {half})) from {people} m order by {key}"
        ),
        technique="aborted",
        counted=NEVER,
    ),
]
HABITS = [
    Act("keyset", _keyset, technique="paging", counted=ALWAYS),
    Act("offsets", _offsets, technique="paging", counted=ALWAYS),
    Act("lookups", _lookups, counted=ALWAYS),
]
