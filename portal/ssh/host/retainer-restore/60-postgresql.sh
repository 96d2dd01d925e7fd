
# --- PostgreSQL: pg_dump (custom, tar or plain) and pg_dumpall, packed or not

OWNER=retainer_scratch

# The oldest server here that is at least of this major version; sets `bin`.
postgresql_binaries() {
    bin=$(find /usr/lib/postgresql /usr -mindepth 2 -maxdepth 2 \( -path '/usr/lib/postgresql/*/bin' -o -path '/usr/pgsql-*/bin' \) 2>/dev/null | sed -n 's!.*[/-]\([0-9]*\)/bin$!\1 &!p' | sort -n |
        awk -v wanted="$1" '$1 >= wanted {print $2; exit}')
    [ -n "$bin" ] && [ -x "$bin/initdb" ]
}

# A server in FOLDER; its socket by NAME.
postgresql_start() {
    make_cage || return
    make_server_folders "$1" "$2" || return 43
    cd "$place" || return 43
    # shellcheck disable=SC2086
    phase server $cage "$bin/initdb" --pgdata="$place/data" --username="$OWNER" --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync --no-instructions ||
        { said; return 49; }
    # shellcheck disable=SC2086
    phase server $cage "$bin/pg_ctl" start --wait --timeout=60 --pgdata="$place/data" --log="$place/log" \
        --options="-c listen_addresses= -c unix_socket_directories=$socket -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off -c max_wal_size=256MB" ||
        { tail -n 4 "$place/log" >>"$work/err"; said; return 49; }
}

scratch_psql() { # words; as the scratch server's owner
    # shellcheck disable=SC2086
    $cage "$bin/psql" -X -q -At -F "$TAB" -v ON_ERROR_STOP=1 -v VERBOSITY=terse -h "$socket" -U "$OWNER" "$@"
}

# Whether the text of a dump goes to its end: newer minors add a line behind the words.
postgresql_is_whole() { tail -n 8 "$1" | grep -qaE '^-- PostgreSQL database (cluster )?dump complete'; }

postgresql_is_archive() { [ -d "$1" ] || [ "$(head -c 5 "$1")" = PGDMP ] || tar --list --file="$1" toc.dat >/dev/null 2>&1; }

# Loads FILE into DATABASE of the scratch server. A plain dump stops at its first error.
postgresql_load() {
    if postgresql_is_archive "$1"; then
        scratch_psql -d postgres -c "CREATE DATABASE \"$2\" TEMPLATE template0" || return 49
        IN=$1 folder=
        # a folder is read by who loads it, so that it lies where only they get to
        if [ -d "$1" ]; then
            folder=$place/dump IN=
            rm -rf "$folder" && cp -R "$1" "$folder" && chown -R nobody "$folder" && chmod -R u+rwX "$folder" && cd "$place" || return 49
        fi
        # shellcheck disable=SC2086
        phase load $cage "$bin/pg_restore" --exit-on-error --no-owner --no-privileges --no-tablespaces -h "$socket" -U "$OWNER" -d "$2" ${folder:+"$folder"}
        return
    fi
    postgresql_is_whole "$1" || { echo "the dump does not go to its end: its last line is missing" >"$work/err" && return 1; }
    into=postgres
    grep -qaE '^(CREATE DATABASE|\\connect) ' "$1" || { into=$2 && scratch_psql -d postgres -c "CREATE DATABASE \"$2\" TEMPLATE template0"; } || return 49
    postgresql_roles "$1" || return
    IN=$1 OUT=/dev/null
    # shellcheck disable=SC2086
    phase load $cage "$bin/psql" -X -q -v ON_ERROR_STOP=1 -v VERBOSITY=terse -v SHOW_CONTEXT=never -h "$socket" -U "$OWNER" -d "$into" -f -
}

# Roles that the dump names and does not bring along: made without rights, so that they do not stop it, and noted.
postgresql_roles() {
    ! grep -qaE '^CREATE ROLE ' "$1" || return 0
    grep -aE '^(ALTER|GRANT|REVOKE) .*;$' "$1" |
        sed -nE 's/.* (OWNER TO|TO|FROM|FOR ROLE) ("[^"]+"|[a-z_][a-z0-9_]*)( WITH GRANT OPTION)?;$/\2/p' | grep -vixE 'public|current_user' | sort -u | head -n 200 >"$work/roles"
    while read -r role; do scratch_psql -d postgres -c "CREATE ROLE $role" </dev/null 2>/dev/null; done <"$work/roles"
    # postgres is in every server but this one
    [ -n "${QUIET:-}" ] || fact roles "$(grep -vx postgres "$work/roles" | tr '\n' ' ')"
}

# A dump made here, by the tool of this host: cut, flipped and empty ones must be refused, the good one comes back.
postgresql_verifier() {
    postgresql_binaries 0 || return 49
    fact tool_version "$("$bin/pg_restore" --version)"
    here=$top/self/postgresql
    QUIET=yes
    postgresql_start "$here/server" self || { QUIET='' && return 49; }
    cd "$here" || return 44
    scratch_psql -d postgres -c "CREATE TABLE one AS SELECT n, md5(n::text) AS words FROM generate_series(1, 20000) n" \
        -c "CREATE DATABASE nothing" >"$here/made" 2>&1 || return 44
    for form in plain custom; do
        # shellcheck disable=SC2086
        $cage "$bin/pg_dump" -h "$socket" -U "$OWNER" -F "$form" postgres >"good-$form" && $cage "$bin/pg_dump" -h "$socket" -U "$OWNER" -F "$form" nothing >"empty-$form" || return 44
    done
    head -c "$(($(stat -c %s good-plain) / 2))" good-plain >cut-plain
    head -c "$(($(stat -c %s good-custom) / 2))" good-custom >cut-custom
    cp good-custom flipped-custom
    printf '\377\000\377' | dd of=flipped-custom bs=1 seek=$(($(stat -c %s good-custom) / 2)) conv=notrunc 2>/dev/null
    chmod 644 ./*-plain ./*-custom
    scratch_psql -d postgres -c "DROP TABLE one"
    found=''
    wrong=''
    for one in cut-plain cut-custom flipped-custom empty-plain empty-custom good-custom good-plain; do
        postgresql_load "$here/$one" "self_$(echo "$one" | tr - _)" >>"$here/log" 2>&1
        code=$?
        rows=$(scratch_psql -d "self_$(echo "$one" | tr - _)" -c "SELECT count(*) FROM one" 2>/dev/null)
        found="$found$one $code ${rows:-none} "
        case $one in
        cut-* | flipped-*) [ "$code" -ne 0 ] || wrong=yes ;;
        empty-*) [ -z "$rows" ] || wrong=yes ;;
        good-*) [ "$code" -eq 0 ] && [ "$rows" = 20000 ] || wrong=yes ;;
        esac
    done
    QUIET=''
    fact verifier "$found"
    stop_servers
    [ -z "$wrong" ] || return 44
}

postgresql_choose() { choose_dump; }

postgresql_restore() {
    unpack_dump || return
    if postgresql_is_archive "$work/dump"; then
        postgresql_binaries 0
        made=$(if [ -d "$work/dump" ]; then "$bin/pg_restore" --list "$work/dump"; else "$bin/pg_restore" --list <"$work/dump"; fi 2>/dev/null | sed -n 's/^; *Dumped from database version: \([0-9]*\).*/\1/p' | head -n 1)
    else
        made=$(grep -am 1 '^-- Dumped from database version ' "$work/dump" | sed 's/.*version \([0-9]*\).*/\1/')
    fi
    fact made_by "PostgreSQL ${made:-unknown}"
    postgresql_binaries "${made:-0}" || return 49
    postgresql_start "$top/server-$PART" "$PART" || return
    cd "$work" || return 43
    mine=$(scratch_psql -d postgres -c 'SELECT system_identifier FROM pg_control_system()')
    [ -n "$mine" ] && [ "$mine" != "$(live_psql postgres -c 'SELECT system_identifier FROM pg_control_system()' 2>/dev/null)" ] || return 44
    fact server "$("$bin/postgres" --version)"
    postgresql_load "$work/dump" "$(part database | head -n 1)" || { code=$?; said; [ "$code" = 49 ] && return 49; return 47; }
    is_restore || rm -rf "$work/dump"
}

live_psql() { # DATABASE words; reads only, as the server's own administrator
    name=$1
    shift
    PGOPTIONS='-c default_transaction_read_only=on -c statement_timeout=120000' runuser -u postgres -- "$bin/psql" -X -q -At -F "$TAB" -d "$name" "$@"
}

USER_TABLES="FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
USER_DATABASES="SELECT datname FROM pg_database WHERE NOT datistemplate AND datallowconn AND datname <> 'postgres' ORDER BY 1"

postgresql_compare() {
    printf '\n==> compare with what lives here\n'
    postgresql_binaries "$(cat "$top/server-$PART/data/PG_VERSION")"
    make_cage || return
    socket=$SOCKETS-$id/$PART
    began=$(date +%s.%N)
    cd "$work" || return 48
    scratch_psql -d postgres -c "$USER_DATABASES" >"$work/databases" || return 48
    : >"$work/tables"
    while read -r database; do
        scratch_psql -d "$database" >"$work/counted" <<SQL || return 48
SELECT format('SELECT %L, count(*) FROM %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname) $USER_TABLES ORDER BY 1 \gexec
SQL
        sed "s!^!$database.!" "$work/counted" >>"$work/tables"
        invalid=$(scratch_psql -d "$database" -c 'SELECT (SELECT count(*) FROM pg_index WHERE NOT indisvalid) + (SELECT count(*) FROM pg_constraint WHERE NOT convalidated)' </dev/null) || return 48
        fact database "$database"
        fact invalid "${invalid:-0} $database"
        postgresql_amcheck
    done <"$work/databases"
    # the largest first, so that what is left out is small
    sort -t "$TAB" -k 2,2nr "$work/tables" | head -n 5000 | while IFS=$TAB read -r name rows; do fact table "$rows $name"; done
    bytes=$(scratch_psql -d postgres -c 'SELECT sum(pg_database_size(oid)) FROM pg_database WHERE NOT datistemplate')
    fact restored "${bytes:-0} $(wc -l <"$work/tables")"
    if [ "$(given live)" = yes ]; then postgresql_live; else fact elsewhere yes; fi
    scratch_psql -d postgres -c 'CREATE ROLE retainer_reader LOGIN; GRANT pg_read_all_data TO retainer_reader' 2>/dev/null
    # shellcheck disable=SC2086
    queries $cage "$bin/psql" -X -q -At -F "$TAB" -v ON_ERROR_STOP=1 -h "$socket" -U retainer_reader -d "$(part database | head -n 1)" -f -
    fact phase "compare 0 $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}')"
}

postgresql_amcheck() {
    if checked=$(scratch_psql -d "$database" -c 'CREATE EXTENSION IF NOT EXISTS amcheck' -c "SELECT count(bt_index_check(i.indexrelid)) FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE a.amname = 'btree' AND i.indisvalid AND c.relpersistence = 'p' AND n.nspname !~ '^pg_'" </dev/null 2>"$work/err"); then
        fact amcheck "$checked sound"
    elif grep -q 'is not available' "$work/err"; then
        fact amcheck "0 none"
    else
        said
        fact amcheck "0 broken"
    fi
}

# What lives: each table, whether it has a row, and when its file was born, which tells whether the dump could have had it.
postgresql_live() {
    folder=$(live_psql postgres -c 'SHOW data_directory' </dev/null 2>"$work/err") || { fact elsewhere "$(tail -n 1 "$work/err" | head -c 200)" && return 0; }
    if [ "$tool" = pg_dumpall ]; then live_psql postgres -c "$USER_DATABASES" </dev/null; else part database; fi >"$work/live-databases"
    while read -r database; do
        live_psql "$database" >"$work/lives" 2>"$work/err" <<SQL || { fact live_gone "$database"; continue; }
SELECT format('SELECT %L, EXISTS (SELECT FROM %I.%I)::int, %L', n.nspname || '.' || c.relname, n.nspname, c.relname, pg_relation_filepath(c.oid)) $USER_TABLES ORDER BY 1 LIMIT 5000 \gexec
SQL
        fact live_database "$database"
        while IFS=$TAB read -r name rows file; do
            fact live_table "$rows $(stat -c %W "$folder/$file" 2>/dev/null || echo 0) $database.$name"
        done <"$work/lives"
    done <"$work/live-databases"
}

postgresql_read() { fact read "1/1 sound"; } # all of it was read

# For the application's check: the answers of one query, tab-separated.
postgresql_ask() {
    postgresql_binaries "$(cat "$top/server-$PART/data/PG_VERSION")"
    make_cage && socket=$SOCKETS-$id/$PART && cd "$work" && printf '%s\n' "$1" | scratch_psql -d "$(part database | head -n 1)"
}
