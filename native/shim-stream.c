// The container's standard streams. One chunk is in transit at a time: it is logged, sent to every subscriber, and only then
// the next is read, so a subscriber that does not read stops the container, as with Docker. Runs in the shim. pipe(7), pty(7)

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

static void send_chunk(struct shim *shim, int stream, size_t size) {
  unsigned char header[FRAME_HEADER] = {(unsigned char)(stream + F_STDOUT), 0, 0, 0, 0, 0,
                                        (unsigned char)(size >> 8), (unsigned char)size};
  memcpy(shim->chunk, header, FRAME_HEADER);
  shim->chunk_size = (uint32_t)(FRAME_HEADER + size);
  for (int i = 0; i < MAX_CLIENTS; i++) {
    struct client *client = &shim->clients[i];
    int wants = client->fd >= 0 && (client->subscribed >> stream & 1);
    client->sent = wants ? 0 : shim->chunk_size;
  }
  for (int i = 0; i < MAX_CLIENTS; i++) {
    if (shim->clients[i].fd >= 0) client_flush(shim, &shim->clients[i]);
  }
  chunk_settle(shim);
}

void chunk_settle(struct shim *shim) {
  for (int i = 0; i < MAX_CLIENTS; i++) {
    const struct client *client = &shim->clients[i];
    if (client->fd >= 0 && client->subscribed && client->sent < shim->chunk_size) return;
  }
  shim->chunk_size = 0;
  for (int i = 0; i < MAX_CLIENTS; i++) shim->clients[i].sent = 0;
}

void output_read(struct shim *shim, int stream) {
  // Several at once where nobody is slow: a poll for each would halve the speed.
  for (int i = 0; i < 16 && shim->chunk_size == 0 && shim->output[stream] >= 0; i++) {
    ssize_t n = read(shim->output[stream], shim->chunk + FRAME_HEADER, CHUNK);
    if (n < 0 && errno == EINTR) continue;
    if (n > 0) {
      log_feed(&shim->log, stream, shim->chunk + FRAME_HEADER, (size_t)n);
      send_chunk(shim, stream, (size_t)n);
      if (n < CHUNK) return;
      continue;
    }
    if (n < 0 && errno == EAGAIN) return;
    // The end: of a pipe 0, of a terminal whose last user has gone EIO. The master itself stays, for resizes.
    if (shim->output[stream] != shim->master) close(shim->output[stream]);
    shim->output[stream] = -1;
  }
}

void input_close(struct shim *shim) {
  if (shim->input >= 0 && shim->input != shim->master) close(shim->input);
  shim->input = -1;
  shim->stdin_size = 0;
}

void input_write(struct shim *shim) {
  while (shim->stdin_size > 0) {
    if (shim->input < 0) {  // nobody will read it
      shim->stdin_size = 0;
      break;
    }
    ssize_t n = write(shim->input, shim->stdin_bytes + shim->stdin_start, shim->stdin_size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {
      input_close(shim);  // EPIPE: the container has closed its end
      break;
    }
    shim->stdin_start += (uint32_t)n;
    shim->stdin_size -= (uint32_t)n;
  }
  if (shim->stdin_closing) input_close(shim);
}
