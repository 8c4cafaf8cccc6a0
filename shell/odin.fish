# odin.fish: notes each run of claude in this shell, for `odin launches`. Needs fish 3.6.
# odin hook version 1
#
# Each run that ends or is stopped becomes one line of the spool, launches-YYYY-MM.tsv in $ODIN_STATE_DIR/spool (else
# $XDG_STATE_HOME/odin/spool, else ~/.local/state/odin/spool), with tabs between the fields:
#
#   1  shell  shell_version  shell_pid  child_pid  started_us  ended_us  exit  tty  cwd  branch
#
# docs/shell.md says what they hold, and what cannot be seen from here. Neither commands nor arguments are written.
#
# When a line has ended, fish says what it was and how long it took. Nothing is forked at a prompt. A launch costs two
# forks: fish cannot tell the time (date does), and would itself complain of a full disk (tee does not).

status is-interactive; and test -z "$CLAUDECODE"; or return 0

set -g __odin_stopped # first process of a run that Ctrl-Z stopped

function __odin_postexec --on-event fish_postexec
    set -l exit $status
    set -l line $argv[1]
    set -q __odin_stopped[1]; and __odin_was_resumed $line; and return 0
    string match -qr '^\s*function\s' -- $line; and return 0
    # A function, as an alias is one, is worth a look at what it does if it took its time. 127: no such command.
    if test "$CMD_DURATION" -ge 500
        set -l first (string match -r '[^\s;&|()<>]+' -- $line)
        builtin functions -q -- $first; and set -a line (builtin functions -- $first)
    end
    string match -q '*claude*' -- $line; and test $exit -ne 127; and __odin_names_claude $line; or return 0
    # To fish it is no failure to be stopped; to the spool it is what bash and zsh say. The last job may be another.
    set -l job (builtin jobs -lp)
    if builtin jobs -l | string match -q '*claude*'; and test "$job[1]" != "$__odin_stopped"; and __odin_is_stopped $job
        set -g __odin_stopped $job[1]
        __odin_record 148 $job[1]
    else
        __odin_record $exit ''
    end
    return 0
end

# Whether the line continued the run that was stopped. Its status is lost then: fish says 0 whatever it was.
function __odin_was_resumed -a line
    set -l pid $__odin_stopped
    set -l is_fg (string match -r '^\s*fg\b' -- $line)
    set -l job (builtin jobs -lp)
    if contains -- $pid (builtin jobs -p)
        test -n "$is_fg" -a "$job[1]" = "$pid"; and __odin_is_stopped $job; or return 1
        __odin_record 148 $pid
    else
        set -g __odin_stopped
        test -n "$is_fg"; or return 1
        __odin_record '' $pid
    end
    return 0
end

# Whether one of some processes is stopped, by /proc: what `jobs` says is translated.
function __odin_is_stopped
    for pid in $argv
        set -l stat
        test -r /proc/$pid/stat; and read stat </proc/$pid/stat
        string match -qr '^.*\) T ' -- $stat; and return 0
    end
    return 1
end

# Whether a command of some lines is claude, in the foreground. Quoted words are none. Long lines take regular
# expressions long, so their end goes unread.
function __odin_names_claude
    set -l word '[^][:space:];&|()<>]'
    set -l launch "([A-Za-z_]\w*=$word*|and|or|not|!|begin|if|else|while|time"
    set launch "$launch|(builtin|command|env|nice|nohup|setsid|stdbuf|sudo|timeout|xargs)(\s+$word+)*)\s+"
    set launch "(^|[;&|({])\s*($launch)*($word*/)?claude([\s<>|][^;)&]*)?([;)]|\$)"
    set -l line (string replace -a \n ';' -- $argv | string join ';' | string sub -l 2000)
    set line (string replace -ra '\'[^\']*\'|"([^"\\\\$]|\\\\.|[$][^(])*"' _ -- $line)
    set line (string replace -a '&&' ';' -- $line | string replace -ra '&(?=[|>])|(?<=>)&' '')
    string match -qr -- $launch $line
end

# Appends to the spool, in one write. Takes the status and the process, each empty if not known.
function __odin_record -a exit pid
    set -l state $ODIN_STATE_DIR
    if test -z "$state"
        set -l home $XDG_STATE_HOME
        string match -q '/*' -- $home; or set home $HOME/.local/state
        string match -q '/*' -- $home; or return
        set state $home/odin
    end
    test -d $state/spool; or command mkdir -p -m 700 -- $state $state/spool 2>/dev/null

    set -l top $PWD
    while string match -q '/*' -- $top; and not test -e $top/.git
        set top (string replace -r '/[^/]*$' '' -- $top | string collect)
    end
    set -l git $top/.git
    if test -f $git -a -r $git
        read -l head <$git
        set git (string replace -r '^gitdir: ' '' -- $head)
        string match -q '/*' -- $git; or set git $top/$git
    end
    set -l branch
    if test -n "$top" -a -f $git/HEAD -a -r $git/HEAD
        read -l head <$git/HEAD
        set branch (string replace -f 'ref: refs/heads/' '' -- $head)
    end

    set -l dir (string replace -a \\ \\\\ -- $PWD | string replace -a \t '\t' | string join '\n')
    # A line of 512 bytes or more might not be written in one piece.
    set -l bytes (string escape --style=url -- "$dir$branch" | string replace -ra '%..' _ | string length)
    test $bytes -le 380; or set dir; or set branch
    set -l tty (builtin path resolve /dev/fd/0 | string match '/dev/*')
    set -l now (command date '+%s %6N %Y-%m' 2>/dev/null | string split ' ')
    string match -qr '^\d{6}$' -- $now[2]; or set now[2] 000000
    builtin printf '1\tfish\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' $FISH_VERSION $fish_pid "$pid" \
        (builtin math -s0 $now[1]$now[2] - $CMD_DURATION x 1000) $now[1]$now[2] "$exit" "$tty" "$dir" "$branch" |
        command tee -a -- $state/spool/launches-$now[3].tsv >/dev/null 2>&1
end
