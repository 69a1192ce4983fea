"""Ways out of PostgreSQL. ``{people}``, ``{phone}`` … are this world's names; the truth is what the client really received."""

from __future__ import annotations

import base64
import binascii
import re

import psycopg

from tests.corpus.act import ALWAYS, NEVER, ROWS, Act
from tests.corpus.postgres import SUPER, Site, copy, extended, lines, named, portal, program, psql, simple, written
from tests.corpus.world import World

BOTH = ("people",)


def _all(world: World, _received: str) -> int:
    return len(world.people)


def _everyone(world: World, _received: str) -> int:
    return len(world.people) + len(world.leads)


def _decoded(world: World, received: str) -> int:
    """Lines of base64 or hexadecimal digits."""
    found = set()
    for line in received.split("\n"):
        for read in (base64.b64decode, binascii.unhexlify):
            try:
                found |= world.who(read(line.strip().removeprefix("\\x")).decode())
            except (ValueError, binascii.Error):
                continue
    return len(found)


def _rows(_world: World, received: str) -> int:
    return sum(bool(line.strip()) for line in received.split("\n"))


def _backwards(world: World, received: str) -> int:
    return len(world.whose(lambda p: p.phone[::-1])(received))


def _joined(world: World, received: str) -> int:
    return len(world.who(re.sub(r"[~^=]", "|", received)))


def _mismatched(site: Site) -> str:
    """A cursor that goes forth and back: every row once more does not make more people."""
    with site.connect() as connection:
        connection.execute("begin")
        connection.execute(site.fill("declare c scroll cursor for select {name}, {phone} from {people}"))  # type: ignore[call-overload]
        found = connection.execute("fetch 300 from c").fetchall()
        connection.execute("fetch backward 100 from c")
        found += connection.execute("fetch forward 100 from c").fetchall()
        connection.execute("commit")
    return lines(found)


def _held(site: Site) -> str:
    with site.connect() as connection:
        connection.execute("begin")
        connection.execute(site.fill("declare held cursor with hold for select * from {people} order by {key}"))  # type: ignore[call-overload]
        connection.execute("commit")
        return lines(connection.execute("fetch all from held").fetchall())


def _moved(site: Site) -> str:
    with site.connect() as connection:
        connection.execute("begin")
        connection.execute(site.fill("declare m scroll cursor for select * from {people}"))  # type: ignore[call-overload]
        connection.execute("move 400 in m")
        found = connection.execute("fetch 50 from m").fetchall()
        found += connection.execute("fetch absolute 10 from m").fetchall()
        found += connection.execute("fetch last from m").fetchall()
        connection.execute("commit")
    return lines(found)


def _two_cursors(site: Site) -> str:
    found = []
    with site.connect() as connection:
        connection.execute("begin")
        connection.execute(site.fill("declare a cursor for select {phone} from {people}"))  # type: ignore[call-overload]
        connection.execute(site.fill("declare b cursor for select {email} from {leads}"))  # type: ignore[call-overload]
        for _ in range(3):
            found += connection.execute("fetch 60 from a").fetchall()
            found += connection.execute("fetch 40 from b").fetchall()
        connection.execute("commit")
    return lines(found)


def _ref_cursor(site: Site) -> str:
    with site.connect() as connection:
        connection.execute(
            site.fill(
                "create function {side}.open_it() returns refcursor language plpgsql as "  # type: ignore[call-overload]
                "$$declare r refcursor := 'rc'; begin open r for select {name}, {phone} from {people}; return r; end$$"
            )
        )
        connection.execute("begin")
        connection.execute(site.fill("select {side}.open_it()"))  # type: ignore[call-overload]
        found = connection.execute("fetch all from rc").fetchall()
        connection.execute("commit")
    return lines(found)


def _pipeline(site: Site) -> str:
    found = []
    with site.connect() as connection, connection.pipeline():
        cursors = [
            connection.execute(site.fill("select {name}, {phone} from {people} where {key} = %s"), [key])  # type: ignore[call-overload]
            for key in range(site.world.people[0].key, site.world.people[0].key + 40)
        ]
        found = [row for cursor in cursors for row in cursor.fetchall()]
    return lines(found)


def _executemany(site: Site) -> str:
    first = site.world.people[0].key
    found: list[tuple[object, ...]] = []
    with site.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            site.fill("select {email} from {people} where {key} between %s and %s"),  # type: ignore[arg-type]
            [(first + 10 * i, first + 10 * i + 9) for i in range(8)],
            returning=True,
        )
        while True:
            found += cursor.fetchall()
            if not cursor.nextset():
                break
    return lines(found)


def _keyset(site: Site) -> str:
    found: list[tuple[object, ...]] = []
    last = 0
    with site.connect() as connection:
        for _ in range(5):
            part = connection.execute(
                site.fill("select {key}, {name} from {people} where {key} > %s order by {key} limit 60"), [last]
            ).fetchall()  # type: ignore[call-overload]
            found += part
            last = part[-1][0]
    return lines(found)


def _offsets(site: Site) -> str:
    with site.connect() as connection:
        return "\n".join(
            lines(
                connection.execute(
                    site.fill(f"select {{name}}, {{phone}} from {{people}} order by {{key}} limit 50 offset {50 * i}")
                ).fetchall()
            )
            for i in range(6)
        )  # type: ignore[call-overload]


def _lookups(site: Site) -> str:
    first = site.world.people[0].key
    with site.connect(cursor_factory=psycopg.ClientCursor) as connection:
        return "\n".join(
            lines(connection.execute(site.fill("select {phone} from {people} where {key} = %s"), [first + i]).fetchall())
            for i in range(50)
        )  # type: ignore[call-overload]


def _listened(site: Site) -> str:
    with site.connect() as listener, site.connect() as sender:
        listener.execute("listen ch")
        sender.execute(
            site.fill("select pg_notify('ch', (select string_agg({phone}, ',') from (select {phone} from {people} limit 100) x))")
        )  # type: ignore[call-overload]
        return next(listener.notifies(timeout=10)).payload


def _noticed(site: Site) -> str:
    heard: list[str] = []
    with site.connect() as connection:
        connection.add_notice_handler(lambda d: heard.append(d.message_primary or ""))
        connection.execute(
            site.fill(
                "do $$ declare r record; begin for r in select {name} a, {phone} b from {people} loop raise notice '%|%', r.a, r.b; end loop; end $$"
            )
        )  # type: ignore[call-overload]
    return "\n".join(heard)


def _told(site: Site) -> str:
    heard: list[str] = []
    with site.connect() as connection:
        connection.add_notice_handler(lambda d: heard.append(d.message_primary or ""))
        connection.execute(site.fill("call {schema}.p_say()"))  # type: ignore[call-overload]
    return "\n".join(heard)


def _slot(site: Site) -> str:
    with site.connect(SUPER) as connection:
        name = f"s_{site.dbname}"
        connection.execute("set synchronous_commit = on")
        connection.execute(f"select pg_create_logical_replication_slot('{name}', 'test_decoding')")  # type: ignore[call-overload]
        connection.execute(site.fill("update {people} set grade = grade where {key} < {first} + 80"))  # type: ignore[call-overload]
        found = lines(connection.execute(f"select data from pg_logical_slot_get_changes('{name}', null, null)").fetchall())  # type: ignore[call-overload]
        connection.execute(f"select pg_drop_replication_slot('{name}')")  # type: ignore[call-overload]
    return found.replace("'", "|")


def _fetch_count(site: Site) -> str:
    return site.psql("\\set FETCH_COUNT 100\nselect {name}, {phone} from {people};\n")


def _large_object(site: Site) -> str:
    out = site.folder / site.app
    with site.connect(SUPER) as connection:
        row = connection.execute(
            site.fill("select lo_from_bytea(0, (select string_agg({phone}, ',') from {people})::bytea)")
        ).fetchone()  # type: ignore[call-overload]
        assert row is not None
        connection.execute(f"select lo_export({row[0]}, '{out}')")  # type: ignore[call-overload]
    return out.read_text()


def _large_object_client(site: Site) -> str:
    with site.connect() as connection:
        row = connection.execute(
            site.fill("select lo_from_bytea(0, convert_to((select string_agg({email}, ',') from {people}), 'UTF8'))")
        ).fetchone()  # type: ignore[call-overload]
        assert row is not None
        got = connection.execute(f"select convert_from(lo_get({row[0]}), 'UTF8')").fetchone()  # type: ignore[call-overload]
        assert got is not None
        return str(got[0])


LINK = "'host=127.0.0.1 port={port} dbname={db} user=v_app'"
SELECT = [
    Act(
        "select_all",
        psql("select * from {people}"),
        counted=ALWAYS,
        classes=("PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS", "KR_RRN", "ADDRESS"),
    ),
    Act("select_simple", simple("SELECT {name}, {phone} FROM {people}"), counted=ALWAYS),
    Act("select_extended", extended("select {name}, {email} from {people} where {key} > %s", ("{third}",))),
    Act("select_between", psql("select * from {people} where {key} between {first} and {half}"), counted=ALWAYS),
    Act("select_in", psql("select {rrn} from {people} where {key} in ({ids})"), technique="in_list"),
    Act(
        "select_any",
        extended("select {rrn} from {people} where {key} = any(%s)", (list(range(1, 1110)),)),
        truth=_rows,
        counted=NEVER,
    ),
    Act("select_leads", psql("select * from {leads}"), leaves=("leads",), counted=ALWAYS),
    Act("table_command", psql("table {people}"), counted=ALWAYS),
    Act("table_in_cte", psql("with x as (table {people}) select {phone} from x"), counted=ALWAYS),
    Act("only_table", psql("select {phone} from only {people}"), counted=ALWAYS),
    Act("star_star", psql("select p.* from {people} * p"), counted=ALWAYS),
    Act("limit", psql("select {name}, {phone} from {people} limit 120"), counted=ALWAYS),
    Act("fetch_first", psql("select {name} from {people} order by {key} fetch first 130 rows only"), counted=ALWAYS),
    Act("like", psql("select {email} from {people} where {email} like '%mail3%'")),
    Act("subquery", psql("select t.a from (select {phone} a, {key} k from {people}) t where t.k < {half}")),
    Act("cte", psql("with a as (select {key}, {phone} from {people}), b as (select * from a) select b.* from b")),
    Act(
        "recursive",
        psql(
            "with recursive r(k) as (select {first} union all select k + 1 from r where k < {half}) select {phone} from {people} join r on k = {key}"
        ),
    ),
    Act(
        "lateral",
        psql(
            "select x.p from {orders} o, lateral (select {phone} p from {people} m where m.{key} = o.{key}) x where o.ord_id <= 200"
        ),
        leaves=BOTH,
    ),
    Act("join", psql("select m.{name}, m.{phone} from {people} m join {products} p on p.prd_no = m.{key} - {first} + 1")),
    Act(
        "union",
        psql("select {name}, {phone} from {people} union all select {name}, {phone} from {leads}"),
        leaves=("people", "leads"),
        counted=ROWS,
    ),
    Act("union_distinct", psql("select {phone} from {people} union select {phone} from {leads}"), leaves=("people", "leads")),
    Act("except", psql("select {phone} from {people} except select {phone} from {leads}")),
    Act("intersect", psql("select {phone} from {people} intersect select {phone} from {orders}")),
    Act("orders_only", psql("select {name}, {phone} from {orders}"), leaves=("orders",), counted=ALWAYS),
    Act("group_by_key", psql("select {key}, max({phone}) from {people} group by {key}")),
    Act("distinct_phone", psql("select distinct {phone} from {people}")),
    Act("distinct_on", psql("select distinct on ({key}) {name} from {people}")),
    Act("window", psql("select {name}, row_number() over (order by {key}) from {people}"), counted=ALWAYS),
    Act("lag", psql("select lag({phone}, 0) over (order by {key}) from {people}"), counted=ALWAYS),
    Act("partition_parent", psql("select {phone}, memo from {logs}"), leaves=("logs",), counted=ALWAYS),
    Act("quoted_upper", psql('SELECT "p".{phone} FROM {people} AS "p"'), counted=ALWAYS),
    Act("for_update", psql("begin; select {phone} from {people} for update; rollback"), counted=ALWAYS),
    Act("tablesample", psql("select {phone} from {people} tablesample system (100)")),
    Act("case_expression", psql("select case when grade = 'A' then {phone} else {email} end from {people}"), counted=ALWAYS),
    Act("coalesce", psql("select coalesce({phone}, '-') from {people}"), counted=ALWAYS),
    Act(
        "values_subquery",
        psql("select (select {phone} from {people} p where p.{key} = v.k) from (values ({first}), ({half}), ({last})) v(k)"),
    ),
    Act(
        "scalar_subquery",
        psql(
            "select p.prd_no, (select {phone} from {people} where {key} = p.prd_no - 1 + {first}) from {products} p where p.prd_no <= 150"
        ),
    ),
    Act("one_person", psql("select {name}, {phone} from {people} where {key} = {first}"), counted=ALWAYS),
    Act("by_phone", psql("select {name} from {people} where {phone} = (select {phone} from {people} where {key} = {half})")),
    Act("search_path", psql("set search_path = {schema}; select {phone} from {people_}"), counted=ALWAYS),
    Act(
        "search_path_long",
        psql("set search_path to nowhere, {schema}, public; select {phone} from {people_} where {key} <= {half}"),
    ),
    Act("set_config_path", psql("select set_config('search_path', '{schema}', false); select * from {people_}"), counted=ALWAYS),
    Act("set_role", psql("set role c_owner; select {phone} from {people}; reset role"), counted=ALWAYS),
    Act("set_session", simple("set session authorization c_owner", "select {email} from {people}", user=SUPER), counted=ALWAYS),
]
PACKED = [
    Act(
        "string_agg",
        psql("select string_agg({name} || ';' || {phone}, ',') from {people}"),
        technique="concat_aggregate",
        counted=ALWAYS,
    ),
    Act(
        "string_agg_groups",
        psql("select grade, string_agg({phone}, ',') from {people} group by grade"),
        technique="concat_aggregate",
        counted=ALWAYS,
    ),
    Act(
        "string_agg_part",
        psql("select string_agg({phone}, ',') from {people} where {key} between {first} and {half}"),
        technique="concat_aggregate",
        counted=ALWAYS,
    ),
    Act("array_agg", psql("select array_agg({phone}) from {people}"), technique="concat_aggregate", counted=ALWAYS),
    Act("array_subquery", psql("select array(select {phone} from {people})"), counted=ALWAYS),
    Act("json_agg", psql("select json_agg(m) from {people} m"), counted=ALWAYS),
    Act("jsonb_object_agg", psql("select jsonb_object_agg({key}, {phone}) from {people}"), counted=ALWAYS),
    Act("json_limited", psql("select json_agg(x) from (select {name}, {phone} from {people} limit 140) x"), counted=ALWAYS),
    Act("row_to_json", psql("select row_to_json(m) from {people} m"), technique="row_to_json", counted=ALWAYS),
    Act("to_jsonb_row", psql("select to_jsonb(m) - 'grade' from {people} m"), counted=ALWAYS),
    Act("xmlagg", psql("select xmlagg(xmlelement(name p, {phone})) from {people}"), counted=ALWAYS),
    Act("xmlforest", psql("select xmlelement(name x, xmlforest({phone} as a)) from {people}"), counted=ALWAYS),
    Act("whole_row", psql("select m from {people} m"), counted=ALWAYS),
    Act("row_text", psql("select m::text from {people} m"), counted=ALWAYS),
    Act("row_constructor", psql("select row({name}, {phone}) from {people}"), counted=ALWAYS),
    Act("composite", psql("select (m).{phone} from {people} m"), counted=ALWAYS),
    Act("composite_star", psql("select (m).* from {people} m"), counted=ALWAYS),
    Act("hstore", psql("select hstore(m) from {people} m"), counted=ALWAYS),
    Act(
        "json_lateral",
        psql("select e.value from {people} m, jsonb_each_text(to_jsonb(m)) e where m.{key} < {third}"),
        counted=NEVER,
    ),
    Act("unnest_array", psql("select unnest(array[{name}, {phone}]) from {people} where {key} < {half}"), counted=NEVER),
    Act("concat_ws", psql("select concat_ws('|', {name}, {phone}) from {people}"), counted=ALWAYS),
    Act("format", psql("select format('%s~%s', {name}, {phone}) from {people}"), truth=_joined, counted=ALWAYS),
    Act(
        "base64",
        psql("select encode(convert_to({phone}, 'UTF8'), 'base64') from {people}"),
        technique="encoding",
        truth=_decoded,
        counted=ALWAYS,
    ),
    Act("hex", psql("select encode({phone}::bytea, 'hex') from {people}"), technique="encoding", truth=_decoded, counted=ALWAYS),
    Act("reverse", psql("select reverse({phone}) from {people}"), technique="encoding", truth=_backwards, counted=ALWAYS),
    Act("halves", psql("select left({rrn}, 7) from {people}"), technique="encoding", truth=_all, counted=ALWAYS),
    Act(
        "translate",
        psql("select translate({phone}, '0123456789', 'abcdefghij') from {people}"),
        technique="encoding",
        truth=_all,
        counted=ALWAYS,
    ),
    Act("regexp", psql("select regexp_replace({email}, '@', '~') from {people}"), truth=_all, counted=ALWAYS),
    Act("crypt", psql("select encrypt({phone}::bytea, 'k', 'aes') from {people}"), truth=_all, counted=ALWAYS),
    Act("array_agg_slice", psql("select (array_agg({phone} order by {key}))[1:50] from {people}"), counted=NEVER),
    Act(
        "nested_agg",
        psql("select string_agg(t.l, ';') from (select grade, string_agg({phone}, ',') l from {people} group by grade) t"),
        counted=ALWAYS,
    ),
    Act(
        "crosstab",
        psql("select * from crosstab('select {key}, 1, {phone} from {people} order by 1,2') as c(k int, a varchar(20))"),
    ),
]
COPIES = [
    Act("copy_out", copy("copy {people} to stdout"), technique="copy", counted=ALWAYS),
    Act("copy_columns", copy("copy {people} ({name}, {phone}) to stdout (format csv, header)"), technique="copy", counted=ALWAYS),
    Act("copy_query", copy("copy (select {name}, {email} from {people} where {key} <= {half}) to stdout"), technique="copy"),
    Act("copy_query_all", copy("copy (select {name}, {email} from {people}) to stdout"), technique="copy", counted=ALWAYS),
    Act(
        "copy_returning",
        copy("copy (update {people} set grade = grade where {key} <= {half} returning {phone}) to stdout"),
        technique="copy",
    ),
    Act("client_copy", psql("\\copy {people} to stdout\n"), technique="copy", counted=ALWAYS),
    Act(
        "client_copy_query",
        psql("\\copy (select {phone} from {leads}) to stdout csv\n"),
        leaves=("leads",),
        technique="copy",
        counted=ALWAYS,
    ),
    Act("copy_file", written(psql("copy {people} to '{out}'")), technique="server_file", counted=ALWAYS),
    Act(
        "copy_file_query",
        written(psql("copy (select {name}, {phone} from {people}) to '{out}'")),
        technique="server_file",
        counted=ALWAYS,
    ),
    Act("copy_program", written(psql("copy {people} to program 'cat > {out}'")), technique="program", counted=ALWAYS),
    Act("pg_dump", program("pg_dump"), leaves=("people", "leads"), technique="dump_tool", counted=NEVER, truth=_all, most=True),
    Act("pg_dump_table", program("pg_dump", "-t", "{people}"), technique="dump_tool", counted=ALWAYS),
    Act("pg_dump_data", program("pg_dump", "-a", "-t", "{leads}"), leaves=("leads",), technique="dump_tool", counted=ALWAYS),
    Act("pg_dump_inserts", program("pg_dump", "--inserts", "-t", "{people}"), technique="dump_tool", counted=ALWAYS),
    Act(
        "pg_dump_rows",
        program("pg_dump", "--column-inserts", "--rows-per-insert=50", "-t", "{leads}"),
        leaves=("leads",),
        technique="dump_tool",
        counted=ALWAYS,
    ),
    Act(
        "pg_dump_custom",
        program("sh", "-c", "pg_dump -Fc -t '{people}' | wc -c"),
        technique="dump_tool",
        truth=_all,
        counted=ALWAYS,
    ),
    Act("copy_in_and_out", copy("copy (table {people}) to stdout"), technique="copy", counted=ALWAYS),
    Act("copy_partition", copy("copy (select * from {logs}) to stdout"), leaves=("logs",), technique="copy", counted=ALWAYS),
]
CURSORS = [
    Act("named_cursor", named("select {name}, {phone} from {people}"), technique="cursor", counted=ALWAYS),
    Act("named_scroll", named("select {name}, {phone} from {people}", 150, scrollable=True), technique="cursor", counted=ALWAYS),
    Act("named_hold", named("select * from {people}", 250, hold=True), technique="cursor", counted=ALWAYS),
    Act("named_part", named("select {phone} from {people}", 70, stop=140), technique="cursor", counted=ALWAYS),
    Act("fetch_count", _fetch_count, technique="cursor", counted=ALWAYS),
    Act("cursor_forth_and_back", _mismatched, technique="cursor", counted=NEVER),
    Act("cursor_held", _held, technique="cursor", counted=ALWAYS),
    Act("cursor_moved", _moved, technique="cursor", counted=NEVER),
    Act("cursors_two", _two_cursors, leaves=("people", "leads"), technique="cursor", counted=ALWAYS),
    Act(
        "cursor_in_text",
        psql("begin; declare c cursor for select {phone} from {people}; fetch 110 from c; fetch all from c; close c; commit"),
        technique="cursor",
        counted=ALWAYS,
    ),
    Act(
        "cursor_quoted",
        psql('begin; declare "My C" cursor for select * from {people}; fetch forward 90 in "My C"; commit'),
        technique="cursor",
        counted=ALWAYS,
    ),
    Act(
        "cursor_next",
        psql("begin; declare c cursor for select {phone} from {people};" + "fetch next from c;" * 20 + "commit"),
        technique="cursor",
        counted=ALWAYS,
    ),
    Act(
        "cursor_savepoint",
        psql("begin; savepoint a; declare c cursor for select {phone} from {people}; fetch 60 from c; rollback to a; commit"),
        technique="cursor",
        counted=ALWAYS,
    ),
    Act(
        "cursor_again",
        psql(
            "begin; declare c cursor for select {phone} from {people}; fetch 30 from c; close c; declare c cursor for select {email} from {leads}; fetch 40 from c; commit"
        ),
        leaves=("people", "leads"),
        technique="cursor",
        counted=ALWAYS,
    ),
    Act("ref_cursor", _ref_cursor, technique="cursor", counted=NEVER),
    Act("portal", portal("select {name}, {phone} from {people}", 100), counted=ROWS),
    Act("portal_parameters", portal("select {phone} from {people} where {key} >= $1::int", 64, "{half}"), counted=ROWS),
    Act(
        "portal_between", portal("select {phone} from {people}", 90, between=("select count(*) from {products}",)), counted=NEVER
    ),
]
