// punnet-shim forward NETNS: joins the rootless network namespace and carries what arrives at sockets that the daemon bound in
// the host's. Orders come over the seqpacket socket that listens as descriptor 3. One thread, one epoll loop.
// epoll(7), unix(7), cmsg(3), ip(7) IP_TRANSPARENT

#include "forward.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define CONTROL 3
#define SWEEP_MS 5000

static int loop;
static struct listener *listeners;
static int watcher = -1;
static void *garbage[4096];
static size_t garbage_count;

int forward_watch(struct handler *handler, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = handler};
  return epoll_ctl(loop, EPOLL_CTL_ADD, handler->fd, &event);
}

void free_later(void *memory) {
  // More than a round can produce; what would not fit is leaked rather than freed too early.
  if (garbage_count < sizeof garbage / sizeof *garbage) garbage[garbage_count++] = memory;
}

static int in_subnet(const struct listener *l, const union address *a) {
  const uint8_t *bytes = a->any.sa_family == AF_INET ? (const void *)&a->in.sin_addr : (const void *)&a->in6.sin6_addr;
  uint32_t whole = l->subnet_bits / 8, rest = l->subnet_bits % 8;
  if (memcmp(bytes, l->subnet, whole)) return 0;
  return rest == 0 || (bytes[whole] ^ l->subnet[whole]) >> (8 - rest) == 0;
}

static int is_loopback(const union address *a) {
  if (a->any.sa_family == AF_INET) return ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
  return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
}

static int keep_address(int fd, const union address *client) {
  int on = 1, six = client->any.sa_family == AF_INET6;
  if (setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_TRANSPARENT : IP_TRANSPARENT, &on, sizeof on) < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = six ? sizeof client->in6 : sizeof client->in;
  if (bind(fd, &client->any, size) == 0) return 0;
  if (errno != EADDRINUSE) return -1;
  // The client's own port is one that is published here: another port of the client's address, then.
  union address any_port = *client;
  any_port.in.sin_port = 0;  // where sin6_port lies, too
  return bind(fd, &any_port.any, size);
}

int socket_to_target(const struct listener *l, const union address *client, int type) {
  int family = l->target.any.sa_family, flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  int fd = socket(family, type | flags, 0);
  if (fd < 0) return -1;
  if (client->any.sa_family != family || is_loopback(client) || in_subnet(l, client)) return fd;
  // A client at link-local reach of the host has an address that means nothing here.
  if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&client->in6.sin6_addr)) return fd;
  if (keep_address(fd, client) == 0) return fd;
  close(fd);
  return socket(family, type | flags, 0);
}

static void remove_listeners(const char *key) {
  struct listener **place = &listeners;
  while (*place) {
    struct listener *l = *place;
    if (memcmp(l->key, key, FORWARD_KEY)) {
      place = &l->next;
      continue;
    }
    *place = l->next;
    close(l->handler.fd);
    l->handler.fd = -1;  // an event of this round may still call it, and the number may be another's by then
    tcp_forget(l);
    udp_forget(l);
    free_later(l);
  }
}

static int add_listener(const struct order *order, int fd) {
  struct listener *l = calloc(1, sizeof *l);
  if (!l) return errno;
  memcpy(l->key, order->key, sizeof l->key);
  memcpy(&l->target, order->target, sizeof order->target);
  memcpy(l->subnet, order->subnet, sizeof l->subnet);
  l->subnet_bits = order->subnet_bits;
  l->protocol = order->protocol;
  l->target_size = l->target.any.sa_family == AF_INET ? sizeof l->target.in : sizeof l->target.in6;
  int udp = order->protocol == IPPROTO_UDP;
  l->handler = (struct handler){udp ? udp_receive : tcp_accept, fd};
  union address bound = {0};
  socklen_t size = sizeof bound;
  if (getsockname(fd, &bound.any, &size) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
      (udp && udp_prepare(fd, bound.any.sa_family) < 0) || forward_watch(&l->handler, EPOLLIN) < 0) {
    int err = errno;
    free(l);
    return err;
  }
  l->next = listeners;
  listeners = l;
  return 0;
}

/** Keys of all listeners, each once per listener. */
static void list(int fd) {
  static char keys[1024 * FORWARD_KEY];
  size_t used = 0;
  for (struct listener *l = listeners; l && used + FORWARD_KEY <= sizeof keys; l = l->next, used += FORWARD_KEY) {
    memcpy(keys + used, l->key, FORWARD_KEY);
  }
  send(fd, keys, used, MSG_NOSIGNAL);
}

static void take_order(struct handler *handler, uint32_t events) {
  (void)events;
  struct order order = {0};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  struct iovec data = {&order, sizeof order};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t got = recvmsg(handler->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  int fd = -1;
  struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(header), sizeof fd);
  if (got != sizeof order) {
    if (fd >= 0) close(fd);
    close(handler->fd);
    free_later(handler);
    return;
  }
  if (order.kind == ORDER_LIST) {
    list(handler->fd);
    return;
  }
  if (order.kind == ORDER_QUIT) _exit(0);
  int32_t answer = EINVAL;
  if (order.kind == ORDER_ADD && fd >= 0) {
    answer = add_listener(&order, fd);
    if (answer == 0) fd = -1;
  } else if (order.kind == ORDER_WATCH && fd >= 0) {
    // The other end hears the end of this process. That of an earlier daemon has nobody any more.
    if (watcher >= 0) close(watcher);
    watcher = fd;
    fd = -1;
    answer = 0;
  } else if (order.kind == ORDER_REMOVE) {
    remove_listeners(order.key);
    answer = 0;
  }
  if (fd >= 0) close(fd);
  send(handler->fd, &answer, sizeof answer, MSG_NOSIGNAL);
}

static void accept_control(struct handler *handler, uint32_t events) {
  (void)events;
  int fd = accept4(handler->fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) return;
  struct handler *client = calloc(1, sizeof *client);
  if (client) *client = (struct handler){take_order, fd};
  if (!client || forward_watch(client, EPOLLIN) < 0) {
    close(fd);
    free(client);
  }
}

static void more_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int forward_main(const char *netns) {
  int fd = open(netns, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) < 0 || chdir("/") < 0) return 1;
  close(fd);
  syscall(SYS_close_range, CONTROL + 1, ~0u, 0);
  signal(SIGPIPE, SIG_IGN);
  more_descriptors();
  loop = epoll_create1(EPOLL_CLOEXEC);
  static struct handler control = {accept_control, CONTROL};
  if (loop < 0 || forward_watch(&control, EPOLLIN) < 0) return 1;
  int more = 0;
  for (;;) {
    struct epoll_event events[64];
    int count = epoll_wait(loop, events, 64, more ? 0 : SWEEP_MS);
    for (int i = 0; i < count; i++) {
      struct handler *handler = events[i].data.ptr;
      handler->call(handler, events[i].events);
    }
    more = tcp_resume();
    udp_expire();
    while (garbage_count > 0) free(garbage[--garbage_count]);
  }
}
