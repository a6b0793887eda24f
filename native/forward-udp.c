// Published UDP ports: a flow for each client, with a socket in the rootless namespace that has the client's address and is
// connected to the container. A flow that is silent for a while is forgotten, as with Docker's proxy. udp(7), ip(7) IP_PKTINFO

#include "forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define SILENCE_S 90
#define MAX_FLOWS 16384
#define BUCKETS 1024
/** packets of one socket before others have their turn */
#define TURN 64

/** The address of the host that a client's packet came to: an answer has to come from there. */
union local {
  struct in_pktinfo in;
  struct in6_pktinfo in6;
};

struct flow {
  struct handler handler;
  const struct listener *listener;
  union address client;
  socklen_t client_size;
  union local local;
  time_t last;
  struct flow *next;
};

static struct flow *buckets[BUCKETS];
static int flows;
static char packet[1 << 16];

static time_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return t.tv_sec;
}

int udp_prepare(int fd, int family) {
  int on = 1;
  if (family == AF_INET) return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

static struct flow **bucket_of(const union address *client) {
  const uint8_t *bytes = (const uint8_t *)client;
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < sizeof *client; i++) hash = (hash ^ bytes[i]) * 16777619u;
  return &buckets[hash % BUCKETS];
}

static int same_local(const struct flow *flow, const union local *local) {
  if (flow->client.any.sa_family == AF_INET) return flow->local.in.ipi_addr.s_addr == local->in.ipi_addr.s_addr;
  return !memcmp(&flow->local.in6.ipi6_addr, &local->in6.ipi6_addr, sizeof local->in6.ipi6_addr);
}

/** From the container back to the client. */
static void on_answer(struct handler *handler, uint32_t events) {
  (void)events;
  struct flow *flow = (struct flow *)handler;
  int six = flow->client.any.sa_family == AF_INET6;
  for (int n = 0; n < TURN; n++) {
    // An error is news of an earlier packet: port unreachable. The next one may find a program that listens.
    ssize_t size = recv(handler->fd, packet, sizeof packet, MSG_DONTWAIT);
    if (size < 0) return;
    flow->last = now();
    union {
      char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
      struct cmsghdr align;
    } control = {0};
    struct iovec data = {packet, (size_t)size};
    struct msghdr message = {.msg_name = &flow->client, .msg_namelen = flow->client_size, .msg_iov = &data, .msg_iovlen = 1};
    message.msg_control = &control;
    message.msg_controllen = six ? CMSG_SPACE(sizeof flow->local.in6) : CMSG_SPACE(sizeof flow->local.in);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP;
    header->cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO;
    header->cmsg_len = six ? CMSG_LEN(sizeof flow->local.in6) : CMSG_LEN(sizeof flow->local.in);
    if (six) {
      memcpy(CMSG_DATA(header), &flow->local.in6, sizeof flow->local.in6);
    } else {
      // The interface is left to routing.
      struct in_pktinfo source = {.ipi_spec_dst = flow->local.in.ipi_addr};
      memcpy(CMSG_DATA(header), &source, sizeof source);
    }
    sendmsg(flow->listener->handler.fd, &message, MSG_DONTWAIT);
  }
}

static void end_flow(struct flow **place) {
  struct flow *flow = *place;
  *place = flow->next;
  close(flow->handler.fd);
  flow->handler.fd = -1;
  flows--;
  free_later(flow);
}

static struct flow *find_flow(const struct listener *l, const union address *client, const union local *local) {
  for (struct flow *flow = *bucket_of(client); flow; flow = flow->next) {
    if (flow->listener == l && !memcmp(&flow->client, client, sizeof *client) && same_local(flow, local)) return flow;
  }
  return NULL;
}

static struct flow *new_flow(const struct listener *l, const union address *client, socklen_t size, const union local *local) {
  if (flows >= MAX_FLOWS) return NULL;
  int fd = socket_to_target(l, client, SOCK_DGRAM);
  if (fd < 0) return NULL;
  struct flow *flow = calloc(1, sizeof *flow);
  if (!flow || connect(fd, &l->target.any, l->target_size) < 0) {
    close(fd);
    free(flow);
    return NULL;
  }
  flow->handler = (struct handler){on_answer, fd};
  flow->listener = l;
  flow->client = *client;
  flow->client_size = size;
  flow->local = *local;
  if (forward_watch(&flow->handler, EPOLLIN) < 0) {
    close(fd);
    free(flow);
    return NULL;
  }
  struct flow **bucket = bucket_of(client);
  flow->next = *bucket;
  *bucket = flow;
  flows++;
  return flow;
}

void udp_receive(struct handler *handler, uint32_t events) {
  (void)events;
  const struct listener *l = (const struct listener *)handler;
  for (int n = 0; n < TURN; n++) {
    union address client = {0};
    union local local = {0};
    union {
      char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
      struct cmsghdr align;
    } control;
    struct iovec data = {packet, sizeof packet};
    struct msghdr message = {.msg_name = &client, .msg_namelen = sizeof client, .msg_iov = &data, .msg_iovlen = 1};
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    ssize_t size = recvmsg(handler->fd, &message, MSG_DONTWAIT);
    if (size < 0) return;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
        memcpy(&local.in, CMSG_DATA(header), sizeof local.in);
      } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
        memcpy(&local.in6, CMSG_DATA(header), sizeof local.in6);
      }
    }
    struct flow *flow = find_flow(l, &client, &local);
    if (!flow) flow = new_flow(l, &client, message.msg_namelen, &local);
    if (!flow) continue;
    flow->last = now();
    send(flow->handler.fd, packet, (size_t)size, MSG_DONTWAIT);
  }
}

void udp_forget(const struct listener *listener) {
  for (int i = 0; i < BUCKETS; i++) {
    struct flow **place = &buckets[i];
    while (*place) {
      if ((*place)->listener == listener) end_flow(place);
      else place = &(*place)->next;
    }
  }
}

void udp_expire(void) {
  static time_t swept;
  time_t t = now();
  if (flows == 0 || t - swept < 5) return;
  swept = t;
  for (int i = 0; i < BUCKETS; i++) {
    struct flow **place = &buckets[i];
    while (*place) {
      if (t - (*place)->last > SILENCE_S) end_flow(place);
      else place = &(*place)->next;
    }
  }
}
