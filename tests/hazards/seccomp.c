/* seccomp.c - a filter that kills a process that calls sched_setattr, as systemd's SystemCallFilter=~@resources does:
 * the library does not call it if there is a filter. */
// tries: 100
// runs: 100

#include "check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

int main(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setattr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    bedrock_model *model = check_scripted("[\"One two three.\"]");
    bedrock_request *request = check_request("Hi.");
    bedrock_response *response = NULL;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        return 0; /* a kernel without filters */
    CHECK_INT(bedrock_generate(model, request, NULL, &response, NULL), BEDROCK_OK);
    CHECK_TEXT(bedrock_response_text(response, NULL), "One two three.");
    bedrock_response_free(response);
    bedrock_model_free(model);
    bedrock_request_free(request);
    CHECK_INT(bedrock_shutdown(-1), BEDROCK_OK);
    return check_end();
}
