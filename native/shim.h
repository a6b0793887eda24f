// What the files of the shim share. One process per container, single-threaded, static memory only; src/native/shim-protocol.ts
// is the contract with the daemon.
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "plan.h"

#define CHUNK 16384      // Docker's: a line longer than this is logged in parts
#define MAX_CLIENTS 64   // the daemon's control connection and attached clients
#define FRAME_HEADER 8
#define CONTROL_BYTES 128

enum from_shim { F_STDOUT = 1, F_STDERR = 2, F_READY = 16, F_STARTED, F_EXIT, F_FAILED, F_SUBSCRIBED };
enum to_shim { T_STDIN = 0, T_CLOSE_STDIN = 32, T_RESIZE, T_SIGNAL, T_START, T_SUBSCRIBE, T_ARGUMENTS };
enum stdin_mode { STDIN_NULL, STDIN_OPEN, STDIN_ONCE };

/** A file in a directory that was opened at the start: the plan may change the working directory and the mounts. */
struct place {
  int dirfd;
  const char *name;
};

/** A container's json-file log; log.c */
struct log {
  struct place place;  // name null: no log
  int fd;
  int64_t size, max_size;  // max_size -1: never rotates
  int max_files;
  const char *attributes;  // a JSON object that every line carries, or null
  size_t attributes_size;
  int complained;
  struct log_stream {
    const char *name;
    size_t used;
    int partial;              // the line's beginning was logged already
    struct timespec started;  // the time of a partial line is that of its first part
    unsigned char line[CHUNK];
  } streams[2];
};

/**
 * Opens the directory of `path`; the file is made with the first line. Null: nothing is logged. The limits and attributes of
 * `log` are set already.
 */
void log_open(struct log *log, const char *path);
void log_feed(struct log *log, int stream, const unsigned char *bytes, size_t size);
/** Logs what is left without an end of line. */
void log_end(struct log *log);

struct client {
  int fd;  // -1: free
  int subscribed;
  unsigned char head[FRAME_HEADER];
  uint32_t have;       // bytes of head
  uint32_t remaining;  // bytes of the frame's payload that were not read yet
  unsigned char payload[8];
  uint32_t payload_have;
  uint32_t sent;  // bytes of the current chunk
  int told_exit;
  uint32_t control_size;
  unsigned char control[CONTROL_BYTES];
};

struct shim {
  int dir;
  struct place socket, exit;  // name null: no record of the exit
  int listener, signals, master;
  int output[2];  // stdout, stderr; in terminal mode stdout is the master. -1: ended
  int input;      // -1: closed
  enum stdin_mode stdin_mode;
  int tty, rows, cols, explain, holds_root;
  int root;  // the container's root, so that its mount outlives it until we have told its end; -1: not held

  struct plan plan;
  void *plan_bytes;
  size_t plan_size;
  struct plan_walk walk;
  pid_t init;
  int started, exited, recorded, ending;
  int exit_code, exit_signal;
  struct timespec finished;
  int64_t deadline;  // CLOCK_MONOTONIC ms; output that comes later than this after the exit is not waited for

  struct client clients[MAX_CLIENTS];  // the first is the daemon's control connection
  uint32_t chunk_size;                 // 0: none in transit
  unsigned char chunk[FRAME_HEADER + CHUNK];
  int stdin_closing;
  uint32_t stdin_start, stdin_size;
  unsigned char stdin_bytes[CHUNK];

  struct log log;
};

/* shim-client.c: connections and frames */
void client_add(struct shim *shim, int fd);
void client_read(struct shim *shim, struct client *client);
/** Sends what is waiting for this client; returns 1 when nothing is left. */
int client_flush(struct shim *shim, struct client *client);
int client_pending(const struct shim *shim, const struct client *client);
void client_drop(struct shim *shim, struct client *client);
/** Queues a control frame of `words` big-endian numbers. */
void client_tell(struct shim *shim, struct client *client, enum from_shim type, int words, uint32_t first, uint32_t second);
/** True when reading from this client must wait: it sends stdin and the container does not read. */
int client_blocked(const struct shim *shim, const struct client *client);

/* shim-stream.c: the container's standard streams */
void output_read(struct shim *shim, int stream);
/** Ends the chunk in transit when every subscriber has it. */
void chunk_settle(struct shim *shim);
void input_write(struct shim *shim);
void input_close(struct shim *shim);

/* shim-state.c: files that outlive the shim */
int write_state(int dirfd, const char *name, const char *text, size_t size);
int write_pid(struct shim *shim);
int write_exit(struct shim *shim);
void write_report(struct shim *shim);
int open_place(struct place *place, const char *path);
/** One line on standard error. */
void complain(const char *what, int error);
/** From now on in the file shim.err of this directory, which is made for the first one. */
void complain_in(int dirfd);

/* shim-setup.c */
/** Everything up to the plan's first op. */
void shim_setup(struct shim *shim, char **argv);
/** With a terminal: takes the master that the child has sent. */
void adopt_terminal(struct shim *shim);
/** With --hold-root: keeps the mount of the container's root. */
void hold_root(struct shim *shim);

/* shim.c */
/** Says what failed, kills the child and ends. */
_Noreturn void fatal(struct shim *shim, const char *what);
void shim_start(struct shim *shim);
void shim_kill(struct shim *shim, int signal);

/* sealed.c: `punnet-shim sealed PROGRAM ARG...` */
int sealed_main(char **argv);

/* init.c */
int init_main(int argc, char **argv);
