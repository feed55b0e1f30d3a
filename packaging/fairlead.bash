# bash completion of `fairlead`; install as /usr/share/bash-completion/completions/fairlead
#
# Words come from here; names of services and reals from the running director, when it can be reached.

_fairlead_names() {  # _fairlead_names services | reals SERVICE
    if [[ $1 == services ]]; then
        fairlead service list 2>/dev/null | awk 'NR > 1 { print $1 }'
    else
        fairlead real list "$2" 2>/dev/null | awk 'NR > 1 { print $1 }'
    fi
}

_fairlead() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local words=() word skip=0
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do  # the verb so far, without options and their values
        if ((skip)); then skip=0; continue; fi
        case $word in
            --api | -o | --output | --client | --service | --real | --state | --limit | --by | --top | --weight | --port)
                skip=1 ;;
            -*) ;;
            *) words+=("$word") ;;
        esac
    done

    local choices=""
    case $previous in
        -o | --output) choices="table json" ;;
        --by) choices="service real state client" ;;
        --service) choices=$(_fairlead_names services) ;;
        --state)
            if [[ ${words[0]} == real ]]; then
                choices="up quiesce drain down"
            else
                choices="NONE ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN SYNACK"
            fi ;;
        --api | --client | --real | --limit | --top | --weight | --port) return ;;
        *)
            case "${words[*]}" in
                "") choices="status service real connection template explain reload check metrics ipvsadm" ;;
                service) choices="list show" ;;
                real) choices="list set enable drain quiesce disable" ;;
                connection) choices="list count flush" ;;
                template) choices="list flush" ;;
                "service show" | "real list" | "real set" | "real enable" | "real drain" | "real quiesce" | "real disable")
                    choices=$(_fairlead_names services) ;;
                "real "*" "*)
                    ((${#words[@]} == 3)) && choices=$(_fairlead_names reals "${words[2]}") ;;
                reload | check)
                    compopt -o filenames
                    mapfile -t COMPREPLY < <(compgen -f -- "$current")
                    return ;;
            esac
            if [[ $current == -* ]]; then
                choices="--api --output --help"
                case "${words[*]}" in
                    "") choices+=" --version" ;;
                    "real set"*) choices+=" --weight --state" ;;
                    "connection list") choices+=" --client --service --real --state --limit" ;;
                    "connection count") choices+=" --client --service --real --state --by --top" ;;
                    "connection flush") choices+=" --client --service --real --state --all" ;;
                    "template list") choices+=" --client --service --real --limit" ;;
                    "template flush") choices+=" --client --service --real --all" ;;
                    explain*) choices+=" --port" ;;
                esac
            fi ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
    declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$current"
}

complete -F _fairlead fairlead
