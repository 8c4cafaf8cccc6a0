# odin.bash: notes each run of claude in this shell, for `odin launches`. Needs bash 5.0.
# odin hook version 1
# shellcheck shell=bash
#
# Each run that ends or is stopped becomes one line of the spool, launches-YYYY-MM.tsv in $ODIN_STATE_DIR/spool (else
# $XDG_STATE_HOME/odin/spool, else ~/.local/state/odin/spool), with tabs between the fields:
#
#   1  shell  shell_version  shell_pid  child_pid  started_us  ended_us  exit  tty  cwd  branch
#
# docs/shell.md says what they hold, and what cannot be seen from here. Neither commands nor arguments are written.
#
# PS0 stamps the start by arithmetic, which prints nothing; a slot of PROMPT_COMMAND sees the end; the table in which
# bash keeps the commands it looked up tells whether claude was one. Nothing is forked at a prompt, but for this: a
# line that took half a second and left no such trace is read back from the history.

[[ $- == *i* && ! ${CLAUDECODE-} ]] || return 0
((BASH_VERSINFO[0] >= 5)) && [[ ${PROMPT_COMMAND[0]+${PROMPT_COMMAND@a}} != *r* ]] || return 0

# What follows must not fall for an alias called `local`, say.
__odin_aliases=''
[[ :$BASHOPTS: != *:expand_aliases:* ]] || __odin_aliases=1
\builtin shopt -u expand_aliases

# An earlier version's stamp would be a second one.
if [[ ${__odin_stamp-} && ${PS0-} ]]; then PS0=${PS0//"$__odin_stamp"/}; fi
# No `!` in here: in posix mode it would be expanded from the history.
# shellcheck disable=SC2016  # bash expands it each time that a line starts
__odin_stamp='${__odin_started:$((__odin_started=${EPOCHREALTIME/[^0-9]/},0)):0}'
__odin_started='' # µs when the running line started; empty at a fresh prompt
__odin_histcmd='' # history number at the last prompt; a line that the history did not keep leaves it as it was
__odin_stopped='' # process group of a run that Ctrl-Z stopped

# Takes a word where it is to leave the status of the line behind.
__odin_prompt() {
    local exit=$? ended=${EPOCHREALTIME/[^0-9]/} started=$__odin_started histcmd=$__odin_histcmd ran='' long=''
    # starship loses the status on the way to what it wraps.
    if [[ ${FUNCNAME[1]-} == starship_precmd ]]; then exit=${STARSHIP_CMD_STATUS-$exit}; fi
    __odin_started='' __odin_histcmd=$HISTCMD
    # Others may have replaced PS0 since; and where variables in prompts are not expanded, the stamp would be printed.
    if [[ :$BASHOPTS: != *:promptvars:* ]]; then
        PS0=${PS0+${PS0//"$__odin_stamp"/}}
    elif [[ ${PS0-} != *"$__odin_stamp"* ]]; then
        PS0=$__odin_stamp${PS0-}
    fi
    if [[ ${BASH_CMDS[claude]+x} ]]; then
        ran=1
        builtin hash -d claude
    fi
    if ((ended - ${started:-ended} >= 500000)); then long=1; fi
    # Most lines are done with here.
    if [[ $started && $ran$long$__odin_stopped ]]; then __odin_finished || :; fi
    # bash gives each slot the status of the line by itself, and one that fails would set off an ERR trap.
    if (($#)); then return "$exit"; fi
    return 0
} 2>/dev/null

# Decides what the line was that just ended. Uses the variables of __odin_prompt, as do those below.
__odin_finished() {
    local group=''
    if ((exit == 147 || exit == 148)); then builtin jobs -x builtin printf -v group %%; fi
    if [[ $__odin_stopped ]]; then
        if [[ $group == "$__odin_stopped" ]]; then
            __odin_record "$group"
            return
        elif ! builtin kill -0 -- "-$__odin_stopped"; then
            local pid=$__odin_stopped
            __odin_stopped=''
            # What ended in the foreground gave the line its status; what was killed or ended behind it did not.
            if [[ $(HISTTIMEFORMAT='' builtin history 1) == *([[:space:]0-9*])@(%*|fg?([^a-z]*)) ]]; then
                __odin_record "$pid"
                return
            fi
        fi
    fi
    if [[ $ran ]] || __odin_is_launch; then
        __odin_stopped=${group:-$__odin_stopped}
        __odin_record "$group"
    fi
}

# Whether the last line ran claude where bash does not look it up by itself: in a pipeline, a subshell, by its path,
# behind sudo. Matches in subshells, since BASH_REMATCH is the user's.
__odin_is_launch() {
    local line first
    [[ $long && $HISTCMD != "$histcmd" ]] || return
    line=$(HISTTIMEFORMAT='' builtin history 1)
    line=${line#"${line%%[![:space:]0-9*]*}"}
    first=${line%%[[:space:]]*}
    line+=";${BASH_ALIASES[${first:-_}]-}"
    [[ $line == *claude* ]] && (__odin_names_claude "$line")
}

# Whether a command of a line is claude, in the foreground. Quoted words are none. Long lines take regular expressions
# long, so their end goes unread.
__odin_names_claude() {
    local line=${1::2000} count word='[^][:space:];&|()<>]' launch quoted
    quoted="'[^']*'"'|"([^"\`$]|\\.|[$][^(])*"'
    launch="([A-Za-z_][A-Za-z0-9_]*=$word*|do|then|else|elif|if|while|until|!|time"
    launch+="|(command|env|nice|nohup|setsid|stdbuf|sudo|time|timeout|xargs)([[:space:]]+$word+)*)[[:space:]]+"
    # shellcheck disable=SC2016  # the backtick stands for itself
    launch='(^|[;&|({`])[[:space:]]*('$launch")*($word*/)?claude"'([[:space:]<>|][^;)`&]*)?([;)`]|$)'
    for ((count = 0; count < 100; count++)); do
        [[ $line =~ $quoted ]] || break
        line=${line/"${BASH_REMATCH[0]}"/_}
    done
    if ((${#1} > 2000)); then line=${line%%[\"\']*}; fi
    line=${line//$'\n'/;} line=${line//'&&'/;} line=${line//'|&'/|} line=${line//'>&'/>} line=${line//'&>'/>}
    [[ $line =~ $launch ]]
}

# Appends to the spool, in one write. Takes the process group of the job, where it is known.
__odin_record() {
    local LC_ALL=C state=${ODIN_STATE_DIR-} top=$PWD dir branch='' head line='\l' tty month
    if [[ ! $state ]]; then
        state=${XDG_STATE_HOME-}
        if [[ $state != /* ]]; then state=${HOME:+$HOME/.local/state}; fi
        if [[ ! $state ]]; then return; fi
        state+=/odin
    fi
    if [[ ! -d $state/spool ]]; then (umask 077 && command mkdir -p -- "$state/spool"); fi

    while [[ $top == /* && ! -e $top/.git ]]; do top=${top%/*}; done
    dir=$top/.git
    if [[ -f $dir ]]; then
        IFS='' builtin read -r head <"$dir"
        dir=${head#gitdir: }
        if [[ $dir != /* ]]; then dir=$top/$dir; fi
    fi
    if [[ $top && -f $dir/HEAD ]]; then
        IFS='' builtin read -r head <"$dir/HEAD"
        if [[ $head == 'ref: refs/heads/'* ]]; then branch=${head#ref: refs/heads/}; fi
    fi

    dir=${PWD//\\/\\\\} dir=${dir//$'\t'/\\t} dir=${dir//$'\n'/\\n}
    # A line of 512 bytes or more might not be written in one piece.
    if ((${#dir} + ${#branch} > 380)); then dir='' branch=''; fi
    for tty in "/dev/pts/${line@P}" "/dev/${line@P}" ''; do
        if [[ $tty -ef /dev/stdin ]]; then break; fi
    done
    builtin printf -v month '%(%Y-%m)T' -1
    builtin printf '1\tbash\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$BASH_VERSION" "$$" "$1" "$started" "$ended" \
        "$exit" "$tty" "$dir" "$branch" >>"$state/spool/launches-$month.tsv"
}

# A slot of its own and never the first, which others replace or wrap. But bash 5.0 has only the first, and VS Code,
# which wraps it, takes any other slot for a command of the user (microsoft/vscode#325913).
if [[ "${PROMPT_COMMAND[*]-}" == *__odin_prompt* ]]; then
    :
elif ((BASH_VERSINFO[0] == 5 && BASH_VERSINFO[1] == 0)) || [[ ${VSCODE_SHELL_INTEGRATION-} ]]; then
    # shellcheck disable=SC2128,SC2178  # the first slot, if it is an array
    PROMPT_COMMAND="__odin_prompt kept${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
else
    PROMPT_COMMAND[0]=${PROMPT_COMMAND[0]-}
    PROMPT_COMMAND+=(__odin_prompt)
fi

# A claude that the rc files ran is none of this shell's.
if [[ ${BASH_CMDS[claude]+x} ]]; then \builtin hash -d claude; fi
if [[ $__odin_aliases ]]; then \builtin shopt -s expand_aliases; fi
\builtin unset __odin_aliases
