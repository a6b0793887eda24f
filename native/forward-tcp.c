// Published TCP ports: accepts in the host's network namespace, connects in the rootless one, and lets the kernel move the
// bytes between the two sockets through a pipe. splice(2), tcp(7)

#include "forward.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CHUNK (1 << 20)
/** splices that one connection may do before others have their turn */
#define TURN 16
#define SPARE_PIPES 32

struct end {
  struct handler handler;
  struct connection *connection;
};

/** Bytes on their way from one end to the other. */
struct direction {
  int pipe[2];  // -1 while nothing is on its way
  size_t inside;
  int ended, shut;
};

struct connection {
  struct end end[2];  // 0 the client, 1 the container
  struct direction direction[2];  // 0 from the client, 1 to it
  const struct listener *listener;
  int connecting, closed, queued;
  struct connection *next, **back;  // of all connections
  struct connection *next_ready;
};

static struct connection *all, *ready;
static int spare[SPARE_PIPES][2];
static int spares;

static int take_pipe(int ends[2]) {
  if (spares > 0) {
    spares--;
    ends[0] = spare[spares][0];
    ends[1] = spare[spares][1];
    return 0;
  }
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return -1;
  // As much as may be; the default is enough to go on with.
  fcntl(ends[1], F_SETPIPE_SZ, CHUNK);
  return 0;
}

static void give_pipe(int ends[2], int empty) {
  if (empty && spares < SPARE_PIPES) {
    spare[spares][0] = ends[0];
    spare[spares][1] = ends[1];
    spares++;
  } else if (ends[0] >= 0) {
    close(ends[0]);
    close(ends[1]);
  }
  ends[0] = ends[1] = -1;
}

static void reset(int fd) {
  struct linger now = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/** With `broken`, the peers hear of a reset instead of an end. */
static void end_connection(struct connection *c, int broken) {
  if (c->closed) return;
  c->closed = 1;
  for (int i = 0; i < 2; i++) {
    if (broken) reset(c->end[i].handler.fd);
    close(c->end[i].handler.fd);
    if (c->direction[i].pipe[0] >= 0) give_pipe(c->direction[i].pipe, c->direction[i].inside == 0);
  }
  *c->back = c->next;
  if (c->next) c->next->back = c->back;
  if (!c->queued) free_later(c);
}

/** Moves what there is. 1: there may be more at once; 0: nothing for now; -1: broken. */
static int carry(struct connection *c, int i) {
  struct direction *d = &c->direction[i];
  int from = c->end[i].handler.fd, to = c->end[1 - i].handler.fd;
  if (d->shut) return 0;
  int moved = 0;
  if (!d->ended && d->inside < CHUNK) {
    if (d->pipe[0] < 0 && take_pipe(d->pipe) < 0) return -1;
    ssize_t in = splice(from, NULL, d->pipe[1], NULL, CHUNK - d->inside, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (in < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (in == 0) d->ended = 1;
    if (in > 0) d->inside += (size_t)in;
    moved |= in > 0;
  }
  if (d->inside > 0) {
    ssize_t out = splice(d->pipe[0], NULL, to, NULL, d->inside, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (out < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (out > 0) d->inside -= (size_t)out;
    moved |= out > 0;
  }
  if (d->inside == 0 && d->pipe[0] >= 0) give_pipe(d->pipe, 1);
  if (d->ended && d->inside == 0) {
    d->shut = 1;
    if (shutdown(to, SHUT_WR) < 0 && errno != ENOTCONN) return -1;
  }
  return moved && !d->shut;
}

static void queue(struct connection *c) {
  if (c->queued) return;
  c->queued = 1;
  c->next_ready = ready;
  ready = c;
}

static void turn(struct connection *c) {
  for (int n = 0; n < TURN; n++) {
    int more = 0;
    for (int i = 0; i < 2; i++) {
      int moved = carry(c, i);
      if (moved < 0) {
        end_connection(c, 1);
        return;
      }
      more |= moved;
    }
    if (c->direction[0].shut && c->direction[1].shut) {
      end_connection(c, 0);
      return;
    }
    if (!more) return;
  }
  queue(c);
}

int tcp_resume(void) {
  struct connection *list = ready;
  ready = NULL;
  while (list) {
    struct connection *c = list;
    list = c->next_ready;
    c->queued = 0;
    if (c->closed) free_later(c);
    else turn(c);
  }
  return ready != NULL;
}

static void on_event(struct handler *handler, uint32_t events) {
  struct connection *c = ((struct end *)handler)->connection;
  if (c->closed) return;
  if (c->connecting) {
    if (handler == &c->end[0].handler) {
      // The client may send before the container answers; one that is gone needs no connection.
      if (events & (EPOLLERR | EPOLLHUP)) end_connection(c, 1);
      return;
    }
    int err = 0;
    socklen_t size = sizeof err;
    getsockopt(handler->fd, SOL_SOCKET, SO_ERROR, &err, &size);
    if (err != 0) {
      end_connection(c, 1);
      return;
    }
    if (!(events & EPOLLOUT)) return;
    c->connecting = 0;
  }
  turn(c);
}

static int open_connection(const struct listener *l, int client, const union address *from) {
  int on = 1;
  int server = socket_to_target(l, from, SOCK_STREAM);
  if (server < 0) return -1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct connection *c = calloc(1, sizeof *c);
  if (!c || (connect(server, &l->target.any, l->target_size) < 0 && errno != EINPROGRESS)) {
    close(server);
    free(c);
    return -1;
  }
  c->connecting = 1;
  c->listener = l;
  int fds[2] = {client, server};
  for (int i = 0; i < 2; i++) {
    c->end[i] = (struct end){{on_event, fds[i]}, c};
    c->direction[i].pipe[0] = c->direction[i].pipe[1] = -1;
  }
  for (int i = 0; i < 2; i++) {
    if (forward_watch(&c->end[i].handler, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) == 0) continue;
    close(server);
    free(c);
    return -1;
  }
  c->next = all;
  c->back = &all;
  if (all) all->back = &c->next;
  all = c;
  return 0;
}

/** Out of descriptors, the queue would wake us for ever: one is kept to take the next client and turn it away. */
static void turn_away(int listening) {
  static int reserve = -1;
  if (reserve >= 0) close(reserve);
  int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0) {
    reset(fd);
    close(fd);
  }
  reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void tcp_accept(struct handler *handler, uint32_t events) {
  (void)events;
  const struct listener *l = (const struct listener *)handler;
  for (int n = 0; n < 64; n++) {
    union address from = {0};
    socklen_t size = sizeof from;
    int client = accept4(handler->fd, &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
      if (errno == EMFILE || errno == ENFILE) turn_away(handler->fd);
      return;
    }
    if (open_connection(l, client, &from) < 0) {
      reset(client);
      close(client);
    }
  }
}

void tcp_forget(const struct listener *listener) {
  for (struct connection *c = all, *next; c; c = next) {
    next = c->next;
    if (c->listener == listener) end_connection(c, 1);
  }
}
