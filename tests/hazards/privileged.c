/* privileged.c - a setuid program of root, started by the user nobody. Nothing in that user's environment and files
 * decides what it runs, which server it trusts or which identity it has. */
// needs: root

#include "common.h"

#include <fcntl.h>
#include <sys/stat.h>

static char folder[] = "/tmp/bedrock-hazard-XXXXXX";

static void in_folder(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", folder, name);
}

static void put(const char *path, const void *data, size_t size, mode_t mode)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK_INT(write(file, data, size), size);
    CHECK_INT(fchmod(file, mode), 0);
    close(file);
}

/* What the setuid program does. */
static int privileged(const char *url)
{
    bedrock_model *model = NULL;
    bedrock_request *request = hello();
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;

    CHECK_INT(geteuid(), 0);
    CHECK(getuid() != 0);
    CHECK_OK(bedrock_model_new("{\"model\":\"m\",\"profile\":\"evil\"}", BEDROCK_STRLEN, &model, &error), error);
    CHECK_FAILS(bedrock_generate(model, request, NULL, &response, &error), BEDROCK_E_CREDENTIALS, &error, "",
                "more rights than its user");
    bedrock_model_free(model);
    CHECK_FAILS(bedrock_model_new("{\"model\":\"m\",\"auth\":\"bearer\"}", BEDROCK_STRLEN, &model, &error), BEDROCK_E_CONFIG, &error,
                "/auth", "no token");
    /* What the program itself gives works. */
    model = service_model(url, 1, 0, "");
    CHECK_OK(bedrock_generate(model, request, NULL, &response, &error), error);
    bedrock_response_free(response);
    bedrock_model_free(model);
    bedrock_request_free(request);
    return check_failures != 0;
}

int main(int argc, char **argv)
{
    char program[300], profile[300], proof[300], text[2000], self[1 << 20];
    char *environment[6], *arguments[] = {program, argv[2], "privileged", NULL};
    ssize_t size;
    pid_t pid;
    int file;

    if (argc > 2 && strcmp(argv[2], "privileged") == 0)
        return privileged(argv[1]);
    if (mkdtemp(folder) == NULL || chmod(folder, 0777) != 0)
        return 1;
    in_folder(program, sizeof program, "program");
    in_folder(profile, sizeof profile, "config");
    in_folder(proof, sizeof proof, "proof");
    file = open("/proc/self/exe", O_RDONLY);
    size = read(file, self, sizeof self);
    close(file);
    put(program, self, (size_t)size, 04755);
    snprintf(text, sizeof text, "[default]\nendpoint_url = http://127.0.0.1:1\n[profile evil]\ncredential_process = touch %s\n", proof);
    put(profile, text, strlen(text), 0644);

    pid = fork();
    if (pid == 0) {
        static char config[400], home[400];

        snprintf(config, sizeof config, "AWS_CONFIG_FILE=%s", profile);
        snprintf(home, sizeof home, "HOME=%s", folder);
        environment[0] = config;
        environment[1] = home;
        environment[2] = "AWS_BEARER_TOKEN_BEDROCK=evil";
        environment[3] = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://127.0.0.1:1";
        environment[4] = "AWS_EC2_METADATA_DISABLED=true";
        environment[5] = NULL;
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(2);
        execve(program, arguments, environment);
        _exit(3);
    }
    CHECK_INT(child_ended(pid, 15), 0);
    CHECK_INT(access(proof, F_OK), -1);
    unlink(program);
    unlink(profile);
    rmdir(folder);
    return check_failures != 0;
}
