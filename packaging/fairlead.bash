# bash completion of `fairlead`; install as /usr/share/bash-completion/completions/fairlead
#
# The program itself knows what may come next, from the tables it reads its command line by; names of services
# and reals it asks of the running director. So this file has no list that could be out of date.

_fairlead() {
    local cur=${COMP_WORDS[COMP_CWORD]} cword=$COMP_CWORD words=("${COMP_WORDS[@]}") candidate
    # Reals have colons in their names, at which bash would split them.
    if declare -F _get_comp_words_by_ref > /dev/null; then
        _get_comp_words_by_ref -n := -c cur -i cword -w words
    fi
    COMPREPLY=()
    while IFS= read -r candidate; do
        if [[ $candidate == @files ]]; then
            compopt -o filenames 2> /dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        elif [[ $candidate == @programs ]]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        else
            COMPREPLY+=("$candidate")
        fi
    done < <("${words[0]}" complete "${words[@]:1:cword}" 2> /dev/null)
    if declare -F __ltrim_colon_completions > /dev/null; then __ltrim_colon_completions "$cur"; fi
}

complete -F _fairlead fairlead
