/* The first process of every pod: holds its namespaces open and reaps orphans. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void terminate(int signal_number) {
    (void)signal_number;
    _exit(0);
}

static void reap(int signal_number) {
    (void)signal_number;
    while (waitpid(-1, 0, WNOHANG) > 0) {
    }
}

int main(void) {
    signal(SIGINT, terminate);
    signal(SIGTERM, terminate);
    signal(SIGCHLD, reap);
    for (;;) {
        pause();
    }
}
