// The daemon and its attached clients, one connection each: frames in, frames out, and no more memory for a slow one than
// the chunk that it has not read yet. Runs in the shim; everything a client sends is checked. unix(7)

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim.h"

static uint32_t big(const unsigned char *b) {
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static unsigned char *put_big(unsigned char *to, uint32_t n) {
  to[0] = (unsigned char)(n >> 24);
  to[1] = (unsigned char)(n >> 16);
  to[2] = (unsigned char)(n >> 8);
  to[3] = (unsigned char)n;
  return to + 4;
}

void client_drop(struct shim *shim, struct client *client) {
  if (client->fd < 0) return;
  close(client->fd);
  *client = (struct client){.fd = -1};
  // Nobody else would ever start this container, and one that has no clients yet has nothing to lose.
  if (client == &shim->clients[0] && !shim->started) {
    shim_kill(shim, SIGKILL);
    shim->ending = 1;
  }
  chunk_settle(shim);
}

void client_tell(struct shim *shim, struct client *client, enum from_shim type, int words, uint32_t first, uint32_t second) {
  if (client->fd < 0) return;
  if (client->control_size + FRAME_HEADER + 8 > CONTROL_BYTES) {  // it asks and never reads
    client_drop(shim, client);
    return;
  }
  unsigned char *to = client->control + client->control_size;
  memset(to, 0, FRAME_HEADER);
  to[0] = (unsigned char)type;
  to = put_big(to + 4, (uint32_t)words * 4);
  if (words > 0) to = put_big(to, first);
  if (words > 1) to = put_big(to, second);
  client->control_size = (uint32_t)(to - client->control);
  client_flush(shim, client);
}

void client_add(struct shim *shim, int fd) {
  struct client *client = NULL;
  for (int i = 1; i < MAX_CLIENTS && !client; i++) {
    if (shim->clients[i].fd < 0) client = &shim->clients[i];
  }
  if (!client) {
    close(fd);
    return;
  }
  *client = (struct client){.fd = fd, .sent = shim->chunk_size};
  client_tell(shim, client, F_READY, 1, (uint32_t)shim->init, 0);
  if (shim->started) client_tell(shim, client, F_STARTED, 0, 0, 0);
}

int client_pending(const struct shim *shim, const struct client *client) {
  return client->control_size > 0 || (client->subscribed && client->sent < shim->chunk_size);
}

/** Returns how many bytes the socket took, 0 when it is full; drops a client that is gone. */
static size_t transmit(struct shim *shim, struct client *client, const unsigned char *bytes, size_t size) {
  ssize_t n = send(client->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n >= 0) return (size_t)n;
  if (errno != EAGAIN && errno != EINTR) client_drop(shim, client);
  return 0;
}

// A chunk that was begun goes first, or a control frame would land inside it; otherwise control frames do, since the answer
// to `subscribe` must come before the first byte.
int client_flush(struct shim *shim, struct client *client) {
  while (client->fd >= 0 && client_pending(shim, client)) {
    int data = client->subscribed && client->sent < shim->chunk_size && (client->sent > 0 || client->control_size == 0);
    if (data) {
      size_t n = transmit(shim, client, shim->chunk + client->sent, shim->chunk_size - client->sent);
      if (client->fd < 0 || n == 0) return client->fd < 0;
      client->sent += (uint32_t)n;
    } else {
      size_t n = transmit(shim, client, client->control, client->control_size);
      if (client->fd < 0 || n == 0) return client->fd < 0;
      client->control_size -= (uint32_t)n;
      memmove(client->control, client->control + n, client->control_size);
    }
  }
  return 1;
}

static void resize(struct shim *shim, uint32_t rows, uint32_t cols) {
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
  if (shim->master >= 0) ioctl(shim->master, TIOCSWINSZ, &size);  // a size is a wish: the next one comes with the next window
}

static void subscribe(struct shim *shim, struct client *client, uint32_t streams) {
  // A chunk in transit was read before this moment: it belongs to the others.
  if (!client->subscribed) client->sent = shim->chunk_size;
  client->subscribed = (int)(streams & 3);
  client_tell(shim, client, F_SUBSCRIBED, 0, 0, 0);
}

/** A whole control frame. Returns -1 when it is none. */
static int obey(struct shim *shim, struct client *client, unsigned type, uint32_t size) {
  uint32_t first = size >= 4 ? big(client->payload) : 0, second = size >= 8 ? big(client->payload + 4) : 0;
  if (type == T_CLOSE_STDIN && size == 0) {
    shim->stdin_closing = shim->stdin_mode == STDIN_ONCE && !shim->tty;
    input_write(shim);
  } else if (type == T_RESIZE && size == 8) {
    resize(shim, first, second);
  } else if (type == T_SIGNAL && size == 4 && first > 0 && first < 65) {
    shim_kill(shim, (int)first);
  } else if (type == T_START && size == 0) {
    shim_start(shim);
  } else if (type == T_SUBSCRIBE && size == 4) {
    subscribe(shim, client, first);
  } else {
    return -1;
  }
  return 0;
}

int client_blocked(const struct shim *shim, const struct client *client) {
  return shim->stdin_size > 0 && client->have == FRAME_HEADER && client->head[0] == T_STDIN;
}

/** Returns bytes read; 0 when there are none now; drops a client that is gone. */
static size_t take(struct shim *shim, struct client *client, void *to, size_t size) {
  ssize_t n = recv(client->fd, to, size, MSG_DONTWAIT);
  if (n > 0) return (size_t)n;
  if (n == 0 || (errno != EAGAIN && errno != EINTR)) client_drop(shim, client);
  return 0;
}

/** One step of the frame that is being read: 1 to go on, 0 to wait for more. */
static int advance(struct shim *shim, struct client *client) {
  if (client->have < FRAME_HEADER) {
    size_t n = take(shim, client, client->head + client->have, FRAME_HEADER - client->have);
    if (n == 0) return 0;
    client->have += (uint32_t)n;
    if (client->have < FRAME_HEADER) return 1;
    client->remaining = big(client->head + 4);
    client->payload_have = 0;
    if (client->head[0] != T_STDIN && client->remaining > sizeof client->payload) {
      client_drop(shim, client);
      return 0;
    }
  }
  if (client->remaining > 0 && client->head[0] == T_STDIN) {
    if (shim->stdin_size > 0) return 0;  // the container does not read: neither do we
    size_t most = client->remaining < CHUNK ? client->remaining : CHUNK;
    size_t n = take(shim, client, shim->stdin_bytes, most);
    if (n == 0) return 0;
    client->remaining -= (uint32_t)n;
    shim->stdin_start = 0;
    shim->stdin_size = (uint32_t)n;
    input_write(shim);
  } else if (client->remaining > 0) {
    size_t n = take(shim, client, client->payload + client->payload_have, client->remaining);
    if (n == 0) return 0;
    client->remaining -= (uint32_t)n;
    client->payload_have += (uint32_t)n;
  }
  if (client->remaining > 0) return 1;
  client->have = 0;
  if (client->head[0] != T_STDIN && obey(shim, client, client->head[0], client->payload_have) < 0) client_drop(shim, client);
  return client->fd >= 0;
}

void client_read(struct shim *shim, struct client *client) {
  // A bound, so that one busy client does not keep the others waiting.
  for (int i = 0; i < 64 && client->fd >= 0 && !shim->ending; i++) {
    if (!advance(shim, client)) return;
  }
}
