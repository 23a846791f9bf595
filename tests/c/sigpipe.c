/* sigpipe.c - a service that closes the connection raises SIGPIPE, but it does not end the process, although here the
 * signal has its default disposition and is not blocked. */
#define _GNU_SOURCE
#include "check.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BIG (256 << 10)

static int listener, rounds, writes, closed;

static int read_now(int *number)
{
    return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

/* Replaces the function for the library as well, because symbols of the program come first. It writes a part of a
 * large request, and the rest after the peer has closed the connection, which raises the signal. */
ssize_t writev(int file, const struct iovec *parts, int count)
{
    struct iovec little = parts[0];

    if (read_now(&rounds) % 3 == 1)
        return syscall(SYS_writev, file, parts, count);
    if (__sync_fetch_and_add(&writes, 1) == 0) {
        little.iov_len = 10;
        return syscall(SYS_writev, file, &little, 1);
    }
    while (!read_now(&closed))
        usleep(100);
    return syscall(SYS_writev, file, parts, count);
}

/* Accepts connections and closes them, in the middle of the request or of the response. */
static void *serve(void *user)
{
    static const char half[] = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n100\r\n";
    char buffer[4096];
    int connection;

    (void)user;
    while ((connection = accept(listener, NULL, NULL)) >= 0) {
        if (rounds % 3 == 1) {
            CHECK(read(connection, buffer, sizeof buffer) > 0);
            CHECK(write(connection, half, sizeof half - 1) > 0);
        } else {
            while (!read_now(&writes))
                usleep(100);
        }
        shutdown(connection, SHUT_WR);
        close(connection);
        __atomic_store_n(&closed, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static int32_t go_on(const bedrock_event *event, void *user)
{
    (void)event, (void)user;
    return 0;
}

/* Returns whether SIGPIPE is pending for a thread of the library: it was raised, and had no effect. */
static int was_raised(void)
{
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    unsigned long long pending = 0, all = 0;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char path[300], line[256];
        FILE *file;

        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        file = fopen(path, "r");
        while (file != NULL && fgets(line, sizeof line, file) != NULL)
            if (sscanf(line, "SigPnd: %llx", &pending) == 1)
                all |= pending;
        if (file != NULL)
            fclose(file);
    }
    if (folder != NULL)
        closedir(folder);
    return (all >> (SIGPIPE - 1) & 1) != 0;
}

int main(void)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    struct sigaction now;
    bedrock_model *model;
    bedrock_request *small = check_request("Hi."), *big = NULL;
    bedrock_error *error = NULL;
    char *text = malloc(BIG), url[100];
    pthread_t server;

    signal(SIGPIPE, SIG_DFL);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 16) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    pthread_create(&server, NULL, serve, NULL);

    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    model = check_local(url);
    memset(text, 'x', BIG);
    CHECK_OK(bedrock_request_new(NULL, 0, &big, &error), error);
    CHECK_OK(bedrock_request_add_text(big, "user", text, BIG, &error), error);
    free(text);

    for (rounds = 0; rounds < 12; __sync_fetch_and_add(&rounds, 1)) {
        bedrock_request *request = rounds % 3 == 1 ? small : big;
        bedrock_response *response = POISON;
        bedrock_status status = rounds % 2 == 0
            ? bedrock_generate(model, request, NULL, &response, &error)
            : bedrock_generate_stream(model, request, NULL, go_on, NULL, &response, &error);

        /* The head of the response may have been read or not. */
        CHECK_FAILS(status, status == BEDROCK_E_TRUNCATED ? status : BEDROCK_E_NETWORK, &error, "", NULL);
        CHECK(response == NULL);
        while (!read_now(&closed))
            usleep(100);
        writes = closed = 0;
    }
    CHECK(was_raised());
    sigaction(SIGPIPE, NULL, &now);
    CHECK(now.sa_handler == SIG_DFL);

    shutdown(listener, SHUT_RDWR);
    close(listener);
    pthread_join(server, NULL);
    bedrock_request_free(small);
    bedrock_request_free(big);
    bedrock_model_free(model);
    return check_end();
}
