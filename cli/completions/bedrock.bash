# bash completion of bedrock. Written by "bedrock completion bash".

_bedrock()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local command=ask options=

    COMPREPLY=()
    case ${COMP_WORDS[1]} in
    ask|chat|call|doctor|completion) [ "$COMP_CWORD" -gt 1 ] && command=${COMP_WORDS[1]} ;;
    esac
    case $before in
    -i|--image|-d|--document|-c|--conversation|--schema|--request|--attach|--config|--record|--replay)
        case $word in
        @*) COMPREPLY=($(compgen -P @ -f -- "${word#@}")) ;;
        *) COMPREPLY=($(compgen -f -- "$word")) ;;
        esac
        return ;;
    -s|--system|--trim|-n|--max-tokens|-t|--temperature|--top-p|--stop|-m|--model|-r|--region|-p|--profile|--base-url|--timeout)
        return ;;
    esac
    case $command in
    ask) options="-s --system -i --image -d --document -c --conversation --trim -n --max-tokens -t --temperature --top-p --stop --schema --request -j --json --no-stream -u --usage --reasoning -m --model -r --region -p --profile --base-url --timeout --config --record --replay -v --verbose -h --help -V --version" ;;
    chat) options="-s --system -i --image -d --document -c --conversation --trim -n --max-tokens -t --temperature --top-p --stop --request --no-stream -u --usage --reasoning -m --model -r --region -p --profile --base-url --timeout --config --record --replay -v --verbose -h --help -V --version" ;;
    call) options="-j --json --attach --no-stream -u --usage -m --model -r --region -p --profile --base-url --timeout --config --record --replay -v --verbose -h --help -V --version" ;;
    doctor) options="-j --json --send -m --model -r --region -p --profile --base-url --timeout --config -v --verbose -h --help -V --version" ;;
    completion) options="-h --help -V --version" ;;
    esac
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
    elif [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "ask chat call doctor completion" -- "$word"))
    elif [ "$command" = call ]; then
        COMPREPLY=($(compgen -W "ApplyGuardrail Converse ConverseStream CountTokens GetAsyncInvoke InvokeGuardrailChecks InvokeModel InvokeModelWithResponseStream ListAsyncInvokes StartAsyncInvoke" -- "$word"))
    elif [ "$command" = completion ]; then
        COMPREPLY=($(compgen -W "bash zsh fish" -- "$word"))
    fi
}

complete -o filenames -F _bedrock bedrock
