# odin.zsh: notes each run of claude in this shell, for `odin launches`. Needs zsh 5.8.
# odin hook version 1
#
# Each run that ends or is stopped becomes one line of the spool, launches-YYYY-MM.tsv in $ODIN_STATE_DIR/spool (else
# $XDG_STATE_HOME/odin/spool, else ~/.local/state/odin/spool), with tabs between the fields:
#
#   1  shell  shell_version  shell_pid  child_pid  started_us  ended_us  exit  tty  cwd  branch
#
# docs/shell.md says what they hold, and what cannot be seen from here. Neither commands nor arguments are written.
#
# preexec keeps the time and the line, with its aliases expanded; precmd looks whether it ran claude. Nothing is forked.

[[ -o interactive && -z ${CLAUDECODE-} ]] || return 0
zmodload zsh/datetime zsh/parameter zsh/regex 2>/dev/null || return 0

# What follows must not fall for an alias called `local`, say.
__odin_aliases=
[[ ! -o aliases ]] || __odin_aliases=1
\builtin unsetopt aliases

typeset -g __odin_line=      # the running line; empty at a fresh prompt
typeset -gi __odin_started=0 # µs when it started
typeset -g __odin_stopped=   # process group of a run that Ctrl-Z stopped

__odin_preexec() {
    typeset -g __odin_line=$3
    typeset -gi __odin_started='EPOCHREALTIME * 1000000'
}

__odin_precmd() {
    local exit=$?
    setopt local_options no_xtrace
    [[ -n $__odin_line ]] || return 0
    local line=$__odin_line group= long=
    local -i started=__odin_started ended='EPOCHREALTIME * 1000000'
    typeset -g __odin_line=
    if (( ended - started >= 500000 )); then long=1; fi
    # Most lines are done with here.
    if [[ -z $long$__odin_stopped && $line != *claude* ]]; then return 0; fi
    emulate -L zsh -o extended_glob
    __odin_finished 2>/dev/null
    return 0
}

# Decides what the line was that just ended. Uses the variables of __odin_precmd, as do those below.
__odin_finished() {
    if (( exit == 147 || exit == 148 )); then
        group=${${${jobstates[(r)suspended:+:*]}#*:*:}%%=*}
    fi
    if [[ -n $__odin_stopped ]]; then
        if [[ $group == $__odin_stopped ]]; then
            __odin_record $group
            return
        elif ! builtin kill -0 -- -$__odin_stopped; then
            local pid=$__odin_stopped
            __odin_stopped=
            # What ended in the foreground gave the line its status; what was killed or ended behind it did not.
            if [[ $line == [[:space:]]#(%*|fg([^a-z]*|)) ]]; then
                __odin_record $pid
                return
            fi
        fi
    fi
    # To define a function is not to run it.
    if [[ $line == [[:space:]]#(function[[:space:]]|[^[:space:]]##[[:space:]]#'()')* ]]; then return; fi
    # A function is worth a look at what it does if it took its time. 127: there was no such command.
    if [[ -n $long ]]; then
        local -a words=(${(z)line})
        line+=";${functions[$words[1]]-}"
    fi
    if [[ $line == *claude* ]] && (( exit != 127 )) && __odin_names_claude; then
        __odin_stopped=${group:-$__odin_stopped}
        __odin_record $group
    fi
}

# Whether a command of the line is claude, in the foreground. Quoted words are none. Long lines take regular
# expressions long, so their end goes unread.
__odin_names_claude() {
    local whole=$line word='[^][:space:];&|()<>]' launch quoted MATCH MBEGIN MEND match mbegin mend
    quoted="'[^']*'"'|"([^"\`$]|\\.|[$][^(])*"'
    launch="([A-Za-z_][A-Za-z0-9_]*=$word*|do|then|else|elif|if|while|until|!|time|nocorrect|noglob"
    launch+="|(command|env|nice|nohup|setsid|stdbuf|sudo|time|timeout|xargs)([[:space:]]+$word+)*)[[:space:]]+"
    launch='(^|[;&|({`])[[:space:]]*('$launch")*($word*/)?claude"'([[:space:]<>|][^;)`&]*)?([;)`]|$)'
    line=${whole[1,2000]}
    repeat 100; do
        [[ $line =~ $quoted ]] || break
        line=${line/$MATCH/_}
    done
    if (( ${#whole} > 2000 )); then line=${line%%[\"\']*}; fi
    line=${${${${${line//$'\n'/;}//'&&'/;}//'|&'/|}//'>&'/>}//'&>'/>}
    [[ $line =~ $launch ]]
}

# Appends to the spool, in one write. Takes the process group of the job, where it is known.
__odin_record() {
    setopt local_options no_multibyte
    local state=${ODIN_STATE_DIR-} top=$PWD dir branch= head month
    if [[ -z $state ]]; then
        state=${XDG_STATE_HOME-}
        if [[ $state != /* ]]; then state=${HOME:+$HOME/.local/state}; fi
        if [[ -z $state ]]; then return; fi
        state+=/odin
    fi
    if [[ ! -d $state/spool ]]; then (umask 077 && command mkdir -p -- $state/spool); fi

    while [[ $top == /* && ! -e $top/.git ]]; do top=${top%/*}; done
    dir=$top/.git
    if [[ -f $dir ]]; then
        IFS= builtin read -r head <$dir
        dir=${head#gitdir: }
        if [[ $dir != /* ]]; then dir=$top/$dir; fi
    fi
    if [[ -n $top && -f $dir/HEAD ]]; then
        IFS= builtin read -r head <$dir/HEAD
        if [[ $head == 'ref: refs/heads/'* ]]; then branch=${head#ref: refs/heads/}; fi
    fi

    dir=${${${PWD//\\/\\\\}//$'\t'/\\t}//$'\n'/\\n}
    # A line of 512 bytes or more might not be written in one piece.
    if (( ${#dir} + ${#branch} > 380 )); then dir= branch=; fi
    strftime -s month %Y-%m $(( ended / 1000000 ))
    builtin printf '1\tzsh\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' $ZSH_VERSION $$ "$1" $started $ended $exit \
        "$TTY" "$dir" "$branch" >>| $state/spool/launches-$month.tsv
}

autoload -Uz add-zsh-hook
add-zsh-hook preexec __odin_preexec
add-zsh-hook precmd __odin_precmd

if [[ -n $__odin_aliases ]]; then \builtin setopt aliases; fi
\builtin unset __odin_aliases
