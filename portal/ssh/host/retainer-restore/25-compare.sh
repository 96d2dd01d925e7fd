
# --- what came back as files, against what lives here

# find's words that leave out what the job excludes: an absolute pattern by its path, any other by its name.
excluded() {
    part exclude | while read -r pattern; do
        case $pattern in
        /*) printf '%s\n' -not -path "$pattern" -not -path "$pattern/*" ;;
        *) printf '%s\n' -not -name "$pattern" -not -path "*/$pattern/*" ;;
        esac
    done
}

# Expects the files under $work/restore as they lay on the system, and the snapshot's time in $work/taken.
compare_with_live() {
    printf '\n==> compare with what lives here\n'
    began=$(date +%s.%N)
    taken=$(cat "$work/taken")
    part source >"$work/sources"
    (cd "$work/restore" && find . -type f -printf '%s\t%T@\t%P\t%i\n') | tr -d '\r' >"$work/files" || return 1
    # a file of several names has its bytes once
    fact restored "$(awk -F '\t' '{n++} !($4 in seen) {seen[$4] = 1; b += $1} END {printf "%d %d", b, n}' "$work/files")"
    while read -r source; do
        planted=$work/restore$source/$CANARY
        fact source "$(find "$work/restore$source" -type f 2>/dev/null | wc -l) $source"
        [ ! -f "$planted" ] || fact canary "$(sha256sum <"$planted" | cut -d ' ' -f 1) $source/$CANARY"
    done <"$work/sources"
    if [ "$(given live)" = yes ]; then
        sample
        missing
        plant
    else
        fact elsewhere yes
    fi
    fact phase "compare 0 $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}')"
}

# In strata, by a seed that is kept: the largest, newest, oldest, empty ones, odd names, and some at random.
sample() {
    seed=$(given seed)
    {
        sort -t "$TAB" -k 1,1nr "$work/files" | head -n 10
        sort -t "$TAB" -k 2,2nr "$work/files" | head -n 10
        sort -t "$TAB" -k 2,2n "$work/files" | head -n 10
        awk -F '\t' '$1 == 0' "$work/files" | head -n 5
        awk -F '\t' '$3 ~ /[^A-Za-z0-9_.\/-]/' "$work/files" | head -n 10
        awk -v seed="$seed" 'BEGIN {srand(seed)} {print rand() "\t" $0}' "$work/files" | sort -n | head -n "$(given sample)" | cut -f 2-
    } | sort -u >"$work/sample"
    same=0 changed=0 gone=0 bad=0
    : >"$work/bad"
    while IFS=$TAB read -r size time path _; do
        live=/$path
        if [ ! -f "$live" ]; then
            gone=$((gone + 1))
        elif [ "$(stat -c '%s %Y' "$live")" != "$size ${time%%.*}" ]; then
            changed=$((changed + 1))
        elif [ "$(sha256sum <"$live")" = "$(sha256sum <"$work/restore/$path")" ]; then
            same=$((same + 1))
        elif [ "$(stat -c '%s %Y' "$live")" != "$size ${time%%.*}" ]; then
            changed=$((changed + 1)) # while it was read
        else
            bad=$((bad + 1))
            echo "$live" >>"$work/bad"
        fi
        [ ! -f "$live" ] || [ "$(stat -c '%U %G %a' "$live")" = "$(stat -c '%U %G %a' "$work/restore/$path")" ] || echo "$live" >>"$work/modes"
    done <"$work/sample"
    fact sample "$same $changed $gone $bad"
    head -n "$SHOWN" "$work/bad" | while read -r path; do fact differs "$path"; done
    [ ! -f "$work/modes" ] || fact modes "$(wc -l <"$work/modes") $(head -n 1 "$work/modes")"
    fact sample_hash "$(cd "$work/restore" && cut -f 3 "$work/sample" | tr '\n' '\0' | xargs -0 -r sha256sum | sha256sum | cut -d ' ' -f 1)"
}

# What lay in a source a minute before the snapshot, is not excluded, and did not come back.
missing() {
    cut -f 3 "$work/files" | sort >"$work/names"
    excluded >"$work/excluded"
    while read -r source; do
        if [ ! -e "$source" ]; then
            fact live_gone "$source"
            continue
        fi
        set -- -type f -not -newermt "@$((taken - 60))" -not -newerct "@$((taken - 60))"
        while read -r word; do set -- "$@" "$word"; done <"$work/excluded"
        find "$source" "$@" 2>/dev/null | sed 's!^/!!' | sort | comm -23 - "$work/names"
    done <"$work/sources" >"$work/missing"
    fact missing "$(wc -l <"$work/missing")"
    head -n "$SHOWN" "$work/missing" | while read -r path; do fact absent "/$path"; done
}

# A canary in each source, new in each test: the next snapshots must bring it back. Only where the job says so.
plant() {
    [ "$(part canary)" = yes ] || return 0
    while read -r source; do
        if [ ! -d "$source" ] || [ -L "$source" ] || [ -L "$source/$CANARY" ]; then continue; fi
        if [ -e "$source/$CANARY" ] && [ ! -f "$source/$CANARY" ]; then continue; fi
        fresh=$(mktemp "$source/$CANARY.XXXXXX") || continue
        printf 'retainer canary %s %s\n' "$id" "$(head -c 32 /dev/urandom | sha256sum | cut -d ' ' -f 1)" >"$fresh"
        chmod 644 "$fresh" && mv -f "$fresh" "$source/$CANARY" &&
            fact planted "$(date +%s) $(sha256sum <"$source/$CANARY" | cut -d ' ' -f 1) $source/$CANARY"
    done <"$work/sources"
}
