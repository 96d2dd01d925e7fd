
# --- MariaDB and MySQL: mysqldump and mariadb-dump, packed or not

mysql_binaries() {
    client=$(command -v mariadb || command -v mysql) && server=$(command -v mariadbd || command -v mysqld)
}

mysql_start() { # FOLDER NAME
    make_cage || return
    make_server_folders "$1" "$2" || return 43
    cd "$place" || return 43
    if command -v mariadb-install-db >/dev/null 2>&1; then
        # shellcheck disable=SC2086
        phase server $cage mariadb-install-db --no-defaults --datadir="$place/data" --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve
    else
        # shellcheck disable=SC2086
        phase server $cage "$server" --no-defaults --initialize-insecure --datadir="$place/data"
    fi || { said; return 49; }
    # shellcheck disable=SC2086
    setsid nice -n 19 ionice -c 3 $cage "$server" --no-defaults --datadir="$place/data" --socket="$socket/s" --skip-networking --pid-file="$place/server.pid" \
        --tmpdir="$place" --log-error="$place/log" --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0 --skip-log-bin --event-scheduler=OFF \
        </dev/null >/dev/null 2>&1 8>&- &
    starting=$!
    until scratch_mysql -e 'SELECT 1' >/dev/null 2>&1; do
        kill -0 "$starting" 2>/dev/null || { tail -n 4 "$place/log" >"$work/err"; said; return 49; }
        sleep 0.1
    done
}

scratch_mysql() { # words
    # shellcheck disable=SC2086
    $cage "$client" --no-defaults --batch --skip-column-names --socket="$socket/s" --user=root "$@"
}

mysql_is_whole() { tail -n 8 "$1" | grep -qa '^-- Dump completed'; }

mysql_load() { # FILE DATABASE
    mysql_is_whole "$1" || { echo "the dump does not go to its end: its last line is missing" >"$work/err" && return 1; }
    scratch_mysql -e "CREATE DATABASE IF NOT EXISTS \`$2\`" || return 49
    IN=$1 OUT=/dev/null
    # shellcheck disable=SC2086
    phase load $cage "$client" --no-defaults --batch --socket="$socket/s" --user=root "$2"
}

mysql_verifier() {
    mysql_binaries || return 49
    dumper=$(command -v mariadb-dump || command -v mysqldump) || return 40
    fact tool_version "$("$dumper" --version)"
    here=$top/self/mysql
    QUIET=yes
    mysql_start "$here/server" self || { QUIET='' && return 49; }
    cd "$here" || return 44
    scratch_mysql -e "CREATE DATABASE self; CREATE TABLE self.one (n INT PRIMARY KEY, words CHAR(32));
        INSERT INTO self.one SELECT seq, MD5(seq) FROM (WITH RECURSIVE s AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM s WHERE seq < 900) SELECT seq FROM s) t;
        CREATE DATABASE nothing" >made 2>&1 || return 44
    for name in self nothing; do
        # shellcheck disable=SC2086
        $cage "$dumper" --no-defaults --socket="$socket/s" --user=root "$name" >"$name.sql" || return 44
    done
    head -c "$(($(stat -c %s self.sql) / 2))" self.sql >cut.sql
    gzip -k self.sql && mv self.sql.gz flipped.gz && printf '\377\000\377' | dd of=flipped.gz bs=1 seek=3000 conv=notrunc 2>/dev/null
    gzip -dc flipped.gz >flipped.sql 2>/dev/null
    flipped=$?
    chmod 644 ./*.sql
    mysql_load "$here/cut.sql" cut >>log 2>&1
    cut=$?
    mysql_load "$here/nothing.sql" empty >>log 2>&1
    nothing=$(scratch_mysql -e "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'empty'")
    mysql_load "$here/self.sql" good >>log 2>&1
    good=$?
    rows=$(scratch_mysql -e 'SELECT COUNT(*) FROM good.one')
    QUIET=''
    fact verifier "flipped-byte $flipped cut $cut empty-set ${nothing:-none} good $good $rows"
    stop_servers
    [ "$flipped" -ne 0 ] && [ "$cut" -ne 0 ] && [ "$nothing" = 0 ] && [ "$good" -eq 0 ] && [ "$rows" = 900 ] || return 44
}

mysql_choose() { choose_dump; }

mysql_restore() {
    unpack_dump || return
    fact made_by "$(grep -am 1 '^-- Server version' "$work/dump" | sed 's/^-- Server version//' | tr -d '\t' | sed 's/^ *//')"
    mysql_binaries || return 49
    mysql_start "$top/server-$PART" "$PART" || return
    cd "$work" || return 43
    fact server "$("$server" --no-defaults --version)"
    mysql_load "$work/dump" "$(part database | head -n 1)" || { code=$?; said; [ "$code" = 49 ] && return 49; return 47; }
    is_restore || rm -f "$work/dump"
}

live_mysql() { "$client" --batch --skip-column-names -e "SET SESSION TRANSACTION READ ONLY; $1"; }

USERS="NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')"

mysql_compare() {
    printf '\n==> compare with what lives here\n'
    mysql_binaries && make_cage || return
    socket=$SOCKETS-$id/$PART
    began=$(date +%s.%N)
    cd "$work" || return 48
    taken=$(cat "$work/taken")
    scratch_mysql -e "SELECT CONCAT('SELECT ''', table_schema, '.', table_name, ''', COUNT(*) FROM \`', table_schema, '\`.\`', table_name, '\`;')
        FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema $USERS" >"$work/questions" || return 48
    scratch_mysql <"$work/questions" >"$work/tables" || return 48
    sort -t "$TAB" -k 2,2nr "$work/tables" | head -n 5000 | while IFS=$TAB read -r name rows; do fact table "$rows $name"; done
    scratch_mysql -e "SELECT schema_name FROM information_schema.schemata WHERE schema_name $USERS" | while read -r database; do fact database "$database"; done
    fact restored "$(scratch_mysql -e "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_schema $USERS" | cut -d . -f 1) $(wc -l <"$work/tables")"
    # shellcheck disable=SC2086
    sed 's/^SELECT .*FROM \(.*\);$/CHECK TABLE \1;/' "$work/questions" | scratch_mysql >"$work/checked" || return 48
    fact checked "$(grep -c "${TAB}status${TAB}OK$" "$work/checked") $(grep -c "${TAB}\(error\|Error\)${TAB}" "$work/checked")"
    fact programs "$(mysql_programs scratch_mysql "schema_name $USERS" "$(date +%s)")"
    if [ "$(given live)" = yes ]; then mysql_live; else fact elsewhere yes; fi
    scratch_mysql -e "CREATE USER retainer_reader@localhost; GRANT SELECT ON *.* TO retainer_reader@localhost"
    # shellcheck disable=SC2086
    queries $cage "$client" --no-defaults --batch --skip-column-names --socket="$socket/s" --user=retainer_reader "$(part database | head -n 1)"
    fact phase "compare 0 $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}')"
}

# Routines, triggers and events that were there a minute before: dumps often leave them out.
mysql_programs() { # what asks, condition, seconds
    "$1" -e "SELECT (SELECT COUNT(*) FROM information_schema.routines r JOIN information_schema.schemata ON schema_name = routine_schema WHERE $2 AND UNIX_TIMESTAMP(r.created) <= $3),
        (SELECT COUNT(*) FROM information_schema.triggers t JOIN information_schema.schemata ON schema_name = trigger_schema WHERE $2 AND COALESCE(UNIX_TIMESTAMP(t.created), 0) <= $3),
        (SELECT COUNT(*) FROM information_schema.events e JOIN information_schema.schemata ON schema_name = event_schema WHERE $2 AND UNIX_TIMESTAMP(e.created) <= $3)" | tr '\t' ' '
}

live_mysql_words() { live_mysql "$2"; }

mysql_live() {
    # read by the client's own way in: root by the socket, or what root's own configuration says
    live_mysql 'SELECT 1' >/dev/null 2>"$work/err" || { fact elsewhere "$(tail -n 1 "$work/err" | head -c 200)" && return 0; }
    part database | while read -r database; do
        case $database in *[\'\`\\]*) continue ;; esac
        [ -n "$(live_mysql "SELECT 1 FROM information_schema.schemata WHERE schema_name = '$database'")" ] || { fact live_gone "$database"; continue; }
        fact live_database "$database"
        live_mysql "SELECT CONCAT('SELECT ', 'EXISTS (SELECT 1 FROM \`', table_schema, '\`.\`', table_name, '\`), ', COALESCE(UNIX_TIMESTAMP(create_time), 0), ', ''', table_schema, '.', table_name, ''';')
            FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = '$database' LIMIT 5000" >"$work/live-questions"
        "$client" --batch --skip-column-names <"$work/live-questions" 2>/dev/null | while IFS=$TAB read -r rows born name; do
            fact live_table "$rows ${born%%.*} $name"
        done
        fact live_programs "$(mysql_programs live_mysql_words "schema_name = '$database'" "$((taken - 60))")"
    done
}

mysql_read() { fact read "1/1 sound"; } # all of it was read

mysql_ask() {
    mysql_binaries && make_cage && socket=$SOCKETS-$id/$PART && cd "$work" && scratch_mysql "$(part database | head -n 1)" -e "$1"
}
