// What the files of `punnet-shim forward` share. It carries published ports from the host's network namespace, where the daemon
// bound them, into the rootless one, where it lives itself; as root of the daemon's user namespace. It outlives the daemon.
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define FORWARD_KEY 64

union address {
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
};

/** What the daemon sends; a descriptor comes with `add`, and with `watch`, which keeps it open while this process lives. src/network/forwarder.ts writes it. */
struct order {
  uint32_t kind;      // ORDER_*
  uint32_t protocol;  // IPPROTO_TCP, IPPROTO_UDP
  char key[FORWARD_KEY];
  uint8_t target[28];  // struct sockaddr_in or sockaddr_in6
  /* Clients of this subnet are neighbours of the target, which would answer them directly: they do not keep their address. */
  uint8_t subnet[16];
  uint32_t subnet_bits;
};
enum { ORDER_ADD = 1, ORDER_REMOVE = 2, ORDER_LIST = 3, ORDER_QUIT = 4, ORDER_WATCH = 5 };

struct handler;
/** Called when epoll has something for `handler`. */
typedef void handle(struct handler *handler, uint32_t events);
struct handler {
  handle *call;
  int fd;
};

struct listener {
  struct handler handler;
  struct listener *next;
  uint32_t protocol;
  char key[FORWARD_KEY];
  union address target;
  socklen_t target_size;
  uint8_t subnet[16];
  uint32_t subnet_bits;
};

/** Adds `handler` to the loop. 0, or -1 with errno. */
int forward_watch(struct handler *handler, uint32_t events);

/** Frees `memory` when this round of events is over: an event for it may still be in the row. */
void free_later(void *memory);

/** A socket of this namespace that talks to the listener's target, from the client's own address where that can be. -1: errno */
int socket_to_target(const struct listener *listener, const union address *client, int type);

void tcp_accept(struct handler *handler, uint32_t events);
/** Goes on with connections that had more to carry than one turn allows. Returns whether some still have. */
int tcp_resume(void);
/** Ends every connection of the listener. */
void tcp_forget(const struct listener *listener);

void udp_receive(struct handler *handler, uint32_t events);
int udp_prepare(int fd, int family);
void udp_forget(const struct listener *listener);
/** Forgets flows that were silent for a while. */
void udp_expire(void);

int forward_main(const char *netns);
